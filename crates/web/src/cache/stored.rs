//! One stored answer, and how a request is answered from it.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{
    AGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, RANGE,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::conditional::{self, Wanted};
use super::fields;
use super::freshness::Freshness;
use super::status::{CACHE_STATUS, CacheStatus};
use super::storing::Storable;
use super::vary::Selecting;
use crate::Body;
use crate::body::full;

/// An answer in the store. It never changes; a renewed one takes its place.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) status: StatusCode,
    /// As they are sent on a hit, but for the value of `Age`: so a hit clones them and sets that one.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) selecting: Selecting,
    pub(crate) freshness: Freshness,
    /// `Cache-Status` of caches nearer to the origin.
    nearer: Option<HeaderValue>,
    weight: usize,
}

impl Stored {
    /// An answer that came at `received` of the calendar.
    pub(crate) fn new(
        status: StatusCode,
        mut headers: HeaderMap,
        body: Bytes,
        selecting: Selecting,
        storable: Storable,
        received: SystemTime,
        cache_status: &CacheStatus,
    ) -> Self {
        fields::retain_storable(&mut headers, &storable.withheld);
        let nearer = nearer(&headers);
        headers.remove(CACHE_STATUS);
        if !headers.contains_key(DATE) {
            // RFC 9110 section 6.6.1: whoever stores an answer without a date gives it one.
            let date = HeaderValue::from_str(&httpdate::fmt_http_date(received));
            headers.insert(DATE, date.expect("a date is a value"));
        }
        if status != StatusCode::NO_CONTENT {
            headers.insert(CONTENT_LENGTH, body.len().into());
        }
        headers.insert(AGE, HeaderValue::from_static("0"));
        headers.insert(CACHE_STATUS, cache_status.after(nearer.as_ref(), "; hit"));
        let headers = fields::packed(&headers);
        let weight = size_of::<Self>() + body.len() + fields::weight(&headers) + selecting.weight();
        Self { status, headers, body, selecting, freshness: storable.freshness, nearer, weight }
    }

    /// Bytes that it takes in memory.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// `Cache-Status` for when it is sent for another reason than a plain hit.
    pub(crate) fn cache_status(&self, cache_status: &CacheStatus, did: &str) -> HeaderValue {
        cache_status.after(self.nearer.as_ref(), did)
    }

    /// What a request gets: all of it, its head, a range of it, or word that the client has it already.
    pub(crate) fn answer(&self, method: &Method, request: &HeaderMap, now: Duration) -> Response<Body> {
        let mut headers = self.headers.clone();
        if let Some(age) = headers.get_mut(AGE) {
            *age = self.freshness.age(now).as_secs().min(1 << 31).into();
        }
        let mut response = Response::new(Body::default());
        *response.status_mut() = self.status;
        if self.status == StatusCode::OK && is_selective(request) {
            self.select(method, request, &mut headers, &mut response);
        } else if method != Method::HEAD && !self.body.is_empty() {
            *response.body_mut() = full(self.body.clone());
        }
        *response.headers_mut() = headers;
        response
    }

    fn select(&self, method: &Method, request: &HeaderMap, headers: &mut HeaderMap, response: &mut Response<Body>) {
        if conditional::is_unmodified(request, headers) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            without_content(headers);
            return;
        }
        let length = self.body.len() as u64;
        let wanted = match *method {
            Method::GET => conditional::wanted(request, headers, length),
            _ => Wanted::Everything,
        };
        match wanted {
            Wanted::Everything if *method == Method::HEAD => {}
            Wanted::Everything => *response.body_mut() = full(self.body.clone()),
            Wanted::Part(first, end) => {
                let part = self.body.slice(first as usize..end as usize);
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                headers.insert(CONTENT_LENGTH, part.len().into());
                headers.insert(CONTENT_RANGE, value(format!("bytes {first}-{}/{length}", end - 1)));
                *response.body_mut() = full(part);
            }
            Wanted::Beyond => {
                *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
                without_content(headers);
                headers.insert(CONTENT_RANGE, value(format!("bytes */{length}")));
                headers.insert(CONTENT_LENGTH, 0.into());
            }
        }
    }
}

fn is_selective(request: &HeaderMap) -> bool {
    request.contains_key(IF_NONE_MATCH) || request.contains_key(IF_MODIFIED_SINCE) || request.contains_key(RANGE)
}

/// Takes out what describes a body, for an answer that has none.
pub(crate) fn without_content(headers: &mut HeaderMap) {
    for name in [CONTENT_LENGTH, CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_RANGE] {
        headers.remove(name);
    }
}

/// All lines of `Cache-Status` as one.
fn nearer(headers: &HeaderMap) -> Option<HeaderValue> {
    let lines: Vec<&[u8]> = headers.get_all(CACHE_STATUS).iter().map(HeaderValue::as_bytes).collect();
    (!lines.is_empty()).then(|| HeaderValue::from_bytes(&lines.join(&b", "[..])).expect("made of values"))
}

fn value(text: String) -> HeaderValue {
    HeaderValue::from_str(&text).expect("digits and punctuation")
}
