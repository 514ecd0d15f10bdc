//! Answers to conditional and range requests from a stored answer (RFC 9110 sections 13 and 14).

use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE};
use http::{HeaderMap, HeaderValue};

use super::storing::{date, read_date};

/// Whether the client has the very answer already (sections 13.1.2 and 13.1.3).
pub(crate) fn is_unmodified(request: &HeaderMap, stored: &HeaderMap) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        let etag = stored.get(ETAG).map(HeaderValue::as_bytes);
        let mut lines = request.get_all(IF_NONE_MATCH).iter();
        return lines.any(|line| names(line.as_bytes(), etag));
    }
    let since = request.get(IF_MODIFIED_SINCE).and_then(read_date);
    let modified = date(stored, LAST_MODIFIED);
    matches!((since, modified), (Some(since), Some(modified)) if modified <= since)
}

/// Whether one of a list of entity tags is `etag`, by the weak comparison.
fn names(list: &[u8], etag: Option<&[u8]>) -> bool {
    let list = list.trim_ascii();
    if list == b"*" {
        return true;
    }
    let Some(etag) = etag.map(opaque) else { return false };
    let mut rest = list;
    while !rest.is_empty() {
        // A comma inside of quotes is part of the tag.
        let mut is_quoted = false;
        let end = rest.iter().position(|&byte| {
            is_quoted ^= byte == b'"';
            byte == b',' && !is_quoted
        });
        let (tag, after) = rest.split_at(end.unwrap_or(rest.len()));
        if opaque(tag.trim_ascii()) == etag {
            return true;
        }
        rest = after.get(1..).unwrap_or_default();
    }
    false
}

/// A tag without the mark of a weak one.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// What a request wants of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it. Also several ranges are answered so, which section 14.2 leaves to the server.
    Everything,
    /// The bytes from the first to before the second.
    Part(u64, u64),
    /// Bytes that are not there.
    Beyond,
}

/// What `Range` of a request wants of a stored answer whose body has `length` bytes (section 14.1.2).
pub(crate) fn wanted(request: &HeaderMap, stored: &HeaderMap, length: u64) -> Wanted {
    let range = request.get(RANGE).and_then(|range| range.to_str().ok());
    let spec = range.and_then(|range| range.split_once('=')).filter(|(unit, _)| unit.eq_ignore_ascii_case("bytes"));
    let Some((first, last)) = spec.and_then(|(_, spec)| spec.trim().split_once('-')) else {
        return Wanted::Everything;
    };
    if !request.get(IF_RANGE).is_none_or(|condition| is_same(condition, stored)) {
        return Wanted::Everything;
    }
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first > last => Wanted::Everything,
        (Some(first), Some(_)) if first >= length => Wanted::Beyond,
        (Some(first), None) if first >= length && last.is_empty() => Wanted::Beyond,
        (Some(first), Some(last)) => Wanted::Part(first, last.saturating_add(1).min(length)),
        (Some(first), None) if last.is_empty() => Wanted::Part(first, length),
        (None, Some(0)) if first.is_empty() => Wanted::Beyond,
        (None, Some(_)) if first.is_empty() && length == 0 => Wanted::Beyond,
        (None, Some(count)) if first.is_empty() => Wanted::Part(length.saturating_sub(count), length),
        _ => Wanted::Everything,
    }
}

fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Whether `If-Range` holds: by a strong tag, or by the exact date (section 13.1.5).
fn is_same(condition: &HeaderValue, stored: &HeaderMap) -> bool {
    let bytes = condition.as_bytes();
    if bytes.starts_with(b"\"") {
        return stored.get(ETAG).is_some_and(|etag| etag.as_bytes() == bytes);
    }
    stored.get(LAST_MODIFIED).is_some_and(|modified| modified.as_bytes() == bytes && read_date(modified).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    fn fields(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn tags_are_compared_without_their_weakness() {
        let stored = fields(&[(ETAG, "W/\"a,b\"")]);
        for list in ["\"a,b\"", "W/\"a,b\"", "\"x\", W/\"a,b\"", "*", "\"x\" , \"a,b\", \"y\""] {
            assert!(is_unmodified(&fields(&[(IF_NONE_MATCH, list)]), &stored), "{list}");
        }
        for list in ["\"a\"", "a,b", "", "\"x\", \"y\""] {
            assert!(!is_unmodified(&fields(&[(IF_NONE_MATCH, list)]), &stored), "{list}");
        }
    }

    #[test]
    fn a_date_counts_only_without_tags() {
        let stored = fields(&[(LAST_MODIFIED, "Sun, 06 Nov 1994 08:49:37 GMT"), (ETAG, "\"a\"")]);
        let later = (IF_MODIFIED_SINCE, "Sunday, 06-Nov-94 08:49:37 GMT");
        assert!(is_unmodified(&fields(std::slice::from_ref(&later)), &stored));
        assert!(!is_unmodified(&fields(&[(IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:36 GMT")]), &stored));
        assert!(!is_unmodified(&fields(&[later, (IF_NONE_MATCH, "\"b\"")]), &stored));
    }

    #[test]
    fn ranges_are_cut_to_what_is_there() {
        let want = |range| wanted(&fields(&[(RANGE, range)]), &HeaderMap::new(), 10);
        assert_eq!(want("bytes=0-1"), Wanted::Part(0, 2));
        assert_eq!(want("Bytes=5-"), Wanted::Part(5, 10));
        assert_eq!(want("bytes=-3"), Wanted::Part(7, 10));
        assert_eq!(want("bytes=-30"), Wanted::Part(0, 10));
        assert_eq!(want("bytes=9-99999999999999999999999"), Wanted::Part(9, 10));
        for beyond in ["bytes=10-", "bytes=10-11", "bytes=-0"] {
            assert_eq!(want(beyond), Wanted::Beyond, "{beyond}");
        }
        for odd in [
            "bytes=3-2",
            "bytes=-",
            "bytes=a-b",
            "bytes=0-1,3-4",
            "bytes=20-21,0-1",
            "lines=0-1",
            "bytes=0-1x",
            "bytes",
        ] {
            assert_eq!(want(odd), Wanted::Everything, "{odd}");
        }
    }

    #[test]
    fn if_range_needs_the_same_strong_tag_or_date() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let stored = fields(&[(ETAG, "\"a\""), (LAST_MODIFIED, date)]);
        let want = |condition| wanted(&fields(&[(RANGE, "bytes=0-1"), (IF_RANGE, condition)]), &stored, 10);
        assert_eq!(want("\"a\""), Wanted::Part(0, 2));
        assert_eq!(want(date), Wanted::Part(0, 2));
        for other in ["\"b\"", "W/\"a\"", "Sun, 06 Nov 1994 08:49:38 GMT"] {
            assert_eq!(want(other), Wanted::Everything, "{other}");
        }
    }
}
