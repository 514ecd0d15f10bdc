//! Conditional requests (RFC 9110 §13).

use std::time::{Duration, SystemTime};

use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// What identifies the state of a file.
#[derive(Clone, Copy)]
pub(super) struct Validators<'a> {
    pub(super) tag: Option<&'a HeaderValue>,
    pub(super) modified: Option<SystemTime>,
}

impl Validators<'_> {
    /// The status that answers in place of the file: 304 or 412, in the order of §13.2.2.
    pub(super) fn refuse(&self, headers: &HeaderMap) -> Option<StatusCode> {
        if headers.contains_key(IF_MATCH) {
            if !self.listed(headers, IF_MATCH, false) {
                return Some(StatusCode::PRECONDITION_FAILED);
            }
        } else if let (Some(date), Some(modified)) = (date(headers, IF_UNMODIFIED_SINCE), self.modified)
            && whole_seconds(modified) > date
        {
            return Some(StatusCode::PRECONDITION_FAILED);
        }
        let unchanged = if headers.contains_key(IF_NONE_MATCH) {
            self.listed(headers, IF_NONE_MATCH, true)
        } else {
            let dates = date(headers, IF_MODIFIED_SINCE).zip(self.modified);
            dates.is_some_and(|(date, modified)| whole_seconds(modified) <= date)
        };
        unchanged.then_some(StatusCode::NOT_MODIFIED)
    }

    /// Whether a range may be taken, by `If-Range` (§13.1.5). A date has to be exactly that of the file, and be a strong
    /// validator: a minute older than now, so that no second change could have kept it (§8.8.2.2).
    pub(super) fn allow_range(&self, headers: &HeaderMap, now: SystemTime) -> bool {
        let Some(condition) = headers.get(IF_RANGE) else { return true };
        if condition.as_bytes().ends_with(b"\"") {
            return self.tag.is_some_and(|tag| tag == condition);
        }
        let strong =
            |modified: SystemTime| now.duration_since(modified).is_ok_and(|age| age >= Duration::from_secs(60));
        let dates = date(headers, IF_RANGE).zip(self.modified.filter(|modified| strong(*modified)));
        dates.is_some_and(|(date, modified)| whole_seconds(modified) == date)
    }

    /// Whether a list of entity tags has this one, or is `*`.
    fn listed(&self, headers: &HeaderMap, name: HeaderName, weak: bool) -> bool {
        headers.get_all(name).iter().any(|value| {
            let list = value.as_bytes().trim_ascii();
            list == b"*" || self.tag.is_some_and(|tag| tags(list, weak).any(|listed| listed == tag.as_bytes()))
        })
    }
}

/// The tags of a list, each with its quotes; with `weak`, weak ones as though they were strong, else not at all.
fn tags(mut list: &[u8], weak: bool) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        loop {
            let start = list.iter().position(|byte| *byte == b'"')?;
            let end = start + 2 + list[start + 1..].iter().position(|byte| *byte == b'"')?;
            let (tag, is_weak) = (&list[start..end], list[..start].ends_with(b"W/"));
            list = &list[end..];
            if weak || !is_weak {
                return Some(tag);
            }
        }
    })
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

/// As a field of HTTP can say it.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const NEW: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn refuse(fields: &[(HeaderName, &'static str)]) -> Option<u16> {
        let tag = HeaderValue::from_static("\"a,b\"");
        let modified = httpdate::parse_http_date(OLD).ok().map(|at| at + Duration::from_millis(500));
        let headers = fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        Validators { tag: Some(&tag), modified }.refuse(&headers).map(|status| status.as_u16())
    }

    #[test]
    fn conditions_are_met_in_order() {
        assert_eq!(refuse(&[(IF_NONE_MATCH, "\"x\", W/\"a,b\"")]), Some(304));
        assert_eq!(refuse(&[(IF_NONE_MATCH, "*")]), Some(304));
        assert_eq!(refuse(&[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, NEW)]), None, "the tag decides alone");
        assert_eq!(refuse(&[(IF_MODIFIED_SINCE, OLD)]), Some(304));
        assert_eq!(refuse(&[(IF_MATCH, "\"a,b\"")]), None);
        assert_eq!(refuse(&[(IF_MATCH, "W/\"a,b\"")]), Some(412), "compared strongly");
        assert_eq!(refuse(&[(IF_MATCH, "*"), (IF_NONE_MATCH, "\"a,b\"")]), Some(304));
        assert_eq!(refuse(&[(IF_UNMODIFIED_SINCE, OLD)]), None);
        assert_eq!(refuse(&[(IF_UNMODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:36 GMT")]), Some(412));
        assert_eq!(refuse(&[(IF_MODIFIED_SINCE, "yesterday")]), None);
    }
}
