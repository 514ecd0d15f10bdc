//! From a file to the response: conditions, ranges, fields and body.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    LAST_MODIFIED, RANGE, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::conditions::Validators;
use super::content::{CHUNK_BYTES, FileBody, Piece, whole, whole_now};
use super::ranges::{Ranges, parse};
use super::service::{busy, empty};
use super::settings::Shared;
use super::source::{Content, Opened};
use crate::body::{Body, boxed, full};

/// The representation that answers.
pub(super) struct Selected<'a> {
    /// Of the file without an encoding.
    pub(super) path: &'a str,
    pub(super) file: Opened,
    pub(super) encoding: Option<&'static str>,
}

pub(super) async fn answer(
    shared: &Shared,
    selected: Selected<'_>,
    method: &Method,
    headers: &HeaderMap,
) -> io::Result<Response<Body>> {
    let now = SystemTime::now();
    // A date in the future is no date to go by (RFC 9110 §8.8.2.1).
    let modified = selected.file.modified.filter(|modified| *modified <= now);
    let validators = Validators { tag: selected.file.tag.as_ref(), modified };
    if let Some(status) = validators.refuse(headers) {
        let mut response = empty(status);
        describe(shared, &selected, modified, response.headers_mut());
        return Ok(response);
    }
    let length = selected.file.length;
    let range = headers.get(RANGE).filter(|_| method == Method::GET && validators.allow_range(headers, now));
    let ranges = range.map_or(Ranges::Whole, |range| parse(range.as_bytes(), length));
    let kind = media_type(selected.path);

    let mut response = empty(StatusCode::OK);
    let fields = response.headers_mut();
    describe(shared, &selected, modified, fields);
    fields.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(encoding) = selected.encoding {
        fields.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    let mut media = HeaderValue::try_from(&kind).map_err(io::Error::other)?;
    let pieces = match ranges {
        Ranges::Whole => VecDeque::from([Piece::File(0..length)]),
        Ranges::Unsatisfiable => {
            let mut response = empty(StatusCode::RANGE_NOT_SATISFIABLE);
            response.headers_mut().insert(CONTENT_RANGE, field(format!("bytes */{length}"))?);
            return Ok(response);
        }
        Ranges::Parts(parts) => {
            if let [part] = &parts[..] {
                fields.insert(CONTENT_RANGE, field(content_range(part, length))?);
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                VecDeque::from([Piece::File(part.clone())])
            } else {
                let boundary = boundary();
                media = field(format!("multipart/byteranges; boundary={boundary}"))?;
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                multipart(&parts, &kind, length, &boundary)
            }
        }
    };
    let total: u64 = pieces.iter().map(Piece::length).sum();
    response.headers_mut().insert(CONTENT_TYPE, media);
    response.headers_mut().insert(CONTENT_LENGTH, total.into());
    if method == Method::HEAD || total == 0 {
        return Ok(response);
    }
    match body(shared, selected.file.content, pieces, total).await? {
        Some(body) => *response.body_mut() = body,
        None => return Ok(busy()),
    }
    Ok(response)
}

/// The fields that a 304 has as well (RFC 9110 §15.4.5).
fn describe(shared: &Shared, selected: &Selected<'_>, modified: Option<SystemTime>, fields: &mut HeaderMap) {
    if let Some(tag) = &selected.file.tag {
        fields.insert(ETAG, tag.clone());
    }
    if let Some(Ok(date)) = modified.map(|modified| HeaderValue::try_from(httpdate::fmt_http_date(modified))) {
        fields.insert(LAST_MODIFIED, date);
    }
    if let Some(value) = shared.caching.value(selected.path) {
        fields.insert(CACHE_CONTROL, value.clone());
    }
    if shared.precompressed {
        fields.insert(VARY, HeaderValue::from(ACCEPT_ENCODING));
    }
}

/// The body; `None` when too many files are open.
async fn body(shared: &Shared, content: Content, pieces: VecDeque<Piece>, total: u64) -> io::Result<Option<Body>> {
    let file = match content {
        Content::Disk(file) => file,
        Content::Memory(bytes) => return Ok(Some(in_memory(&bytes, pieces))),
    };
    if let (Some(Piece::File(range)), true) =
        (pieces.front().filter(|_| pieces.len() == 1), total <= CHUNK_BYTES as u64)
    {
        if let Some(bytes) = whole_now(&file, range) {
            return Ok(Some(full(bytes)));
        }
        let range = range.clone();
        let read = tokio::task::spawn_blocking(move || whole(&file, &range)).await;
        return Ok(Some(full(read.map_err(io::Error::other)??)));
    }
    let permit = Arc::clone(&shared.open_files).try_acquire_owned();
    Ok(permit.ok().map(|permit| boxed(FileBody::new(file, pieces, permit))))
}

fn in_memory(content: &Bytes, pieces: VecDeque<Piece>) -> Body {
    let mut parts = pieces.into_iter().map(|piece| match piece {
        Piece::Bytes(bytes) => bytes,
        Piece::File(range) => content.slice(range.start as usize..range.end as usize),
    });
    match (parts.next(), parts.len()) {
        (Some(one), 0) => full(one),
        // Parts of what is in memory already are short beside it.
        (first, _) => full(first.into_iter().chain(parts).collect::<Vec<_>>().concat()),
    }
}

/// The parts with their fields between boundaries (RFC 9110 §14.6).
fn multipart(parts: &[Range<u64>], kind: &str, length: u64, boundary: &str) -> VecDeque<Piece> {
    let mut pieces = VecDeque::with_capacity(2 * parts.len() + 1);
    for part in parts {
        let range = content_range(part, length);
        let head = format!("\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: {range}\r\n\r\n");
        pieces.push_back(Piece::Bytes(head.into()));
        pieces.push_back(Piece::File(part.clone()));
    }
    pieces.push_back(Piece::Bytes(format!("\r\n--{boundary}--\r\n").into()));
    pieces
}

fn content_range(range: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", range.start, range.end - 1)
}

/// 128 bits from the seeds of hash maps, which no file holds but by a chance that never comes.
fn boundary() -> String {
    let random = || RandomState::new().hash_one(SystemTime::now());
    format!("{:016x}{:016x}", random(), random())
}

/// By the extension of the name; text is UTF-8. All scripts have the one type that RFC 9239 leaves them.
fn media_type(path: &str) -> String {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    if kind.essence_str() == "application/javascript" {
        return "text/javascript; charset=utf-8".to_owned();
    }
    let text = kind.type_() == mime_guess::mime::TEXT && kind.get_param("charset").is_none();
    if text { format!("{kind}; charset=utf-8") } else { kind.to_string() }
}

fn field(text: String) -> io::Result<HeaderValue> {
    HeaderValue::try_from(text).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::media_type;

    #[test]
    fn text_has_its_charset_and_scripts_have_one_type() {
        for (path, expected) in [
            ("a/index.html", "text/html; charset=utf-8"),
            ("app.js", "text/javascript; charset=utf-8"),
            ("app.mjs", "text/javascript; charset=utf-8"),
            ("a.json", "application/json"),
            ("a.svg", "image/svg+xml"),
            ("a.unknown", "application/octet-stream"),
            ("a", "application/octet-stream"),
        ] {
            assert_eq!(media_type(path), expected, "{path}");
        }
    }
}
