//! `Cache-Control` of requests and responses (RFC 9111 section 5.2).

use std::time::Duration;

use http::header::{CACHE_CONTROL, PRAGMA};
use http::{HeaderMap, HeaderName};

/// The largest number of seconds that is told apart from more (RFC 9111 section 1.2.2).
const FOREVER: u64 = 1 << 31;

/// What a response says about its storing and reuse.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ResponseDirectives {
    pub(crate) no_store: bool,
    pub(crate) no_cache: bool,
    pub(crate) private: bool,
    pub(crate) public: bool,
    pub(crate) must_revalidate: bool,
    pub(crate) proxy_revalidate: bool,
    pub(crate) must_understand: bool,
    pub(crate) max_age: Option<Duration>,
    pub(crate) s_maxage: Option<Duration>,
    pub(crate) stale_while_revalidate: Option<Duration>,
    pub(crate) stale_if_error: Option<Duration>,
    /// The fields that `no-cache="..."` and `private="..."` name: they are not kept.
    pub(crate) withheld: Vec<HeaderName>,
}

impl ResponseDirectives {
    /// Reads the lines of `field`.
    pub(crate) fn read(headers: &HeaderMap, field: &HeaderName) -> Self {
        let mut read = Self::default();
        for line in headers.get_all(field) {
            for (name, value) in Directives::new(line.as_bytes()) {
                read.take(name, value);
            }
        }
        read
    }

    fn take(&mut self, name: &[u8], value: Option<&[u8]>) {
        let is = |directive: &str| name.eq_ignore_ascii_case(directive.as_bytes());
        if is("no-store") {
            self.no_store = true;
        } else if is("no-cache") {
            self.no_cache |= !self.withhold(value);
        } else if is("private") {
            self.private |= !self.withhold(value);
        } else if is("public") {
            self.public = true;
        } else if is("must-revalidate") {
            self.must_revalidate = true;
        } else if is("proxy-revalidate") {
            self.proxy_revalidate = true;
        } else if is("must-understand") {
            self.must_understand = true;
        } else if is("max-age") {
            shorten(&mut self.max_age, value);
        } else if is("s-maxage") {
            shorten(&mut self.s_maxage, value);
        } else if is("stale-while-revalidate") {
            shorten(&mut self.stale_while_revalidate, value);
        } else if is("stale-if-error") {
            shorten(&mut self.stale_if_error, value);
        }
    }

    /// Whether `value` is a list of fields. One that cannot be read as such makes the directive hold for all.
    fn withhold(&mut self, value: Option<&[u8]>) -> bool {
        let Some(value) = value else { return false };
        let names: Result<Vec<_>, _> =
            value.split(|&byte| byte == b',').map(|name| HeaderName::from_bytes(name.trim_ascii())).collect();
        names.map(|names| self.withheld.extend(names)).is_ok()
    }
}

/// What a request asks of caches.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestDirectives {
    pub(crate) no_store: bool,
    pub(crate) no_cache: bool,
    pub(crate) only_if_cached: bool,
    pub(crate) max_age: Option<Duration>,
    pub(crate) max_stale: Option<Duration>,
    pub(crate) min_fresh: Option<Duration>,
}

impl RequestDirectives {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let mut read = Self::default();
        let mut lines = headers.get_all(CACHE_CONTROL).iter().peekable();
        if lines.peek().is_none() {
            read.no_cache = headers.get(PRAGMA).is_some_and(is_no_cache);
            return read;
        }
        for (name, value) in lines.flat_map(|line| Directives::new(line.as_bytes())) {
            let is = |directive: &str| name.eq_ignore_ascii_case(directive.as_bytes());
            if is("no-store") {
                read.no_store = true;
            } else if is("no-cache") {
                read.no_cache = true;
            } else if is("only-if-cached") {
                read.only_if_cached = true;
            } else if is("max-age") {
                shorten(&mut read.max_age, value);
            } else if is("max-stale") {
                // Without a value any staleness will do.
                shorten(&mut read.max_stale, value.or(Some(b"2147483648")));
            } else if is("min-fresh") {
                read.min_fresh = read.min_fresh.max(Some(seconds(value)));
            }
        }
        read
    }
}

fn is_no_cache(line: &http::HeaderValue) -> bool {
    Directives::new(line.as_bytes()).any(|(name, _)| name.eq_ignore_ascii_case(b"no-cache"))
}

/// Of a directive that comes twice, the stricter one holds.
fn shorten(kept: &mut Option<Duration>, value: Option<&[u8]>) {
    let value = seconds(value);
    *kept = Some(kept.map_or(value, |kept| kept.min(value)));
}

/// A number of seconds. What is not one counts as 0, so that an answer with a broken lifetime is stale.
fn seconds(value: Option<&[u8]>) -> Duration {
    let Some(digits) = value.filter(|value| !value.is_empty() && value.iter().all(u8::is_ascii_digit)) else {
        return Duration::ZERO;
    };
    let number = digits.iter().fold(0_u64, |sum, digit| (sum * 10 + u64::from(digit - b'0')).min(FOREVER));
    Duration::from_secs(number)
}

/// The directives of one line, each with its value if it has one, without quotes.
struct Directives<'a> {
    rest: &'a [u8],
}

impl<'a> Directives<'a> {
    fn new(line: &'a [u8]) -> Self {
        Self { rest: line }
    }

    /// Takes what is before the first byte that `ends`, or everything.
    fn take(&mut self, ends: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|&byte| ends(byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken.trim_ascii()
    }

    fn value(&mut self) -> &'a [u8] {
        self.rest = self.rest.trim_ascii_start();
        let Some(quoted) = self.rest.strip_prefix(b"\"") else { return self.take(|byte| byte == b',') };
        let mut escaped = false;
        let end = quoted.iter().position(|&byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            closes
        });
        let (value, rest) = quoted.split_at(end.unwrap_or(quoted.len()));
        self.rest = rest;
        self.take(|byte| byte == b',');
        value
    }
}

impl<'a> Iterator for Directives<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let name = self.take(|byte| matches!(byte, b'=' | b','));
            let separator = self.rest.split_off_first();
            let value = (separator == Some(&b'=')).then(|| self.value());
            if !name.is_empty() {
                return Some((name, value));
            }
            if self.rest.is_empty() {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn response(lines: &[&'static str]) -> ResponseDirectives {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CACHE_CONTROL, HeaderValue::from_static(line));
        }
        ResponseDirectives::read(&headers, &CACHE_CONTROL)
    }

    fn request(line: &'static str) -> RequestDirectives {
        RequestDirectives::read(&HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static(line))]))
    }

    const fn seconds(count: u64) -> Option<Duration> {
        Some(Duration::from_secs(count))
    }

    #[test]
    fn names_are_read_in_any_case_and_over_several_lines() {
        let read = response(&["No-StOrE, , MAX-AGE=10", "s-maxage=\"20\",unknown, must-revalidate"]);
        assert!(read.no_store && read.must_revalidate && !read.public);
        assert_eq!((read.max_age, read.s_maxage), (seconds(10), seconds(20)));
    }

    #[test]
    fn a_directive_inside_of_quotes_is_none() {
        let read = response(&[r#"extension="no-store, max-age=3600 \", private", max-age=1"#]);
        assert_eq!(read, ResponseDirectives { max_age: seconds(1), ..Default::default() });
    }

    #[test]
    fn named_fields_are_withheld_and_the_rest_may_be_kept() {
        let read = response(&[r#"private="Set-Cookie, x-user", no-cache="etag""#]);
        assert!(!read.private && !read.no_cache);
        assert_eq!(read.withheld, ["set-cookie", "x-user", "etag"]);
    }

    #[test]
    fn a_list_of_fields_that_makes_no_sense_withholds_everything() {
        assert!(response(&[r#"private="a b""#]).private);
        assert!(response(&["no-cache="]).no_cache);
    }

    #[test]
    fn numbers_are_bounded_and_broken_ones_mean_no_time_at_all() {
        assert_eq!(response(&["max-age=99999999999999999999999"]).max_age, seconds(FOREVER));
        assert_eq!(response(&["max-age=003600"]).max_age, seconds(3600));
        for broken in ["max-age", "max-age=", "max-age=-1", "max-age=3600.0", "max-age=3600a", "max-age='1'"] {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(broken));
            assert_eq!(ResponseDirectives::read(&headers, &CACHE_CONTROL).max_age, seconds(0), "{broken}");
        }
    }

    #[test]
    fn of_two_the_stricter_holds() {
        assert_eq!(response(&["max-age=3600", "max-age=1"]).max_age, seconds(1));
        assert_eq!(request("min-fresh=1, min-fresh=5").min_fresh, seconds(5));
        assert_eq!(request("max-stale=9, max-stale").max_stale, seconds(9));
    }

    #[test]
    fn pragma_counts_only_without_cache_control() {
        let mut headers = HeaderMap::from_iter([(PRAGMA, HeaderValue::from_static("x, No-Cache"))]);
        assert!(RequestDirectives::read(&headers).no_cache);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=5"));
        assert!(!RequestDirectives::read(&headers).no_cache);
    }
}
