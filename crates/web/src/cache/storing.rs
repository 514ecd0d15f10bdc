//! Whether an answer may be stored, and for how long it is good (RFC 9111 sections 3 and 4.2).

use std::time::{Duration, SystemTime};

use http::header::{AGE, AUTHORIZATION, CACHE_CONTROL, DATE, ETAG, EXPIRES, LAST_MODIFIED, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::directives::ResponseDirectives;
use super::freshness::Freshness;
use super::settings::Settings;

const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");

/// Statuses whose lifetime may be guessed (RFC 9110 section 15.1, without 206, which is not stored).
const HEURISTIC: [u16; 11] = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];

/// Statuses whose caching needs no more understanding than is here, for `must-understand`.
const UNDERSTOOD: [u16; 18] =
    [200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 404, 405, 410, 414, 500, 501, 503, 504];

/// When an exchange with the service took place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchanged {
    /// [`Clock::elapsed`](super::Clock::elapsed) when the service was asked.
    pub(crate) asked: Duration,
    /// How long its answer took.
    pub(crate) took: Duration,
    /// The time of the calendar when it came.
    pub(crate) received: SystemTime,
}

/// An answer that may be stored.
#[derive(Debug)]
pub(crate) struct Storable {
    pub(crate) freshness: Freshness,
    /// Fields that are not kept.
    pub(crate) withheld: Vec<HeaderName>,
}

/// Whether the answer to a GET may be stored. `None` also if storing it is of no use.
pub(crate) fn judge(
    settings: &Settings,
    request: &HeaderMap,
    status: StatusCode,
    response: &HeaderMap,
    exchanged: Exchanged,
) -> Option<Storable> {
    let is_targeted = settings.cdn_cache_control && response.contains_key(CDN_CACHE_CONTROL);
    let field = if is_targeted { CDN_CACHE_CONTROL } else { CACHE_CONTROL };
    let says = ResponseDirectives::read(response, &field);

    let is_final = !status.is_informational()
        && status != StatusCode::PARTIAL_CONTENT
        && status != StatusCode::NOT_MODIFIED
        && status != StatusCode::RANGE_NOT_SATISFIABLE;
    let is_understood = UNDERSTOOD.contains(&status.as_u16());
    let may_store = match says.must_understand {
        true => is_understood,
        false => !says.no_store,
    };
    let is_public = says.public || says.s_maxage.is_some() || says.must_revalidate;
    if !is_final || !may_store || says.private || (request.contains_key(AUTHORIZATION) && !is_public) {
        return None;
    }

    let date = date(response, DATE).unwrap_or(exchanged.received);
    let explicit = says.s_maxage.or(says.max_age).or_else(|| {
        let expires = response.get(EXPIRES).filter(|_| !is_targeted)?;
        Some(read_date(expires).and_then(|expires| expires.duration_since(date).ok()).unwrap_or_default())
    });
    // A cookie is meant for one person more often than not, so a guess is not enough to share it.
    if explicit.is_none() && response.contains_key(SET_COOKIE) {
        return None;
    }
    let may_guess = says.public || HEURISTIC.contains(&status.as_u16());
    let lifetime = match explicit {
        Some(lifetime) => lifetime,
        None if may_guess => guess(settings, response, date),
        None => return None,
    };

    let age = age(response);
    let strict = says.must_revalidate || says.proxy_revalidate || says.no_cache;
    let allowed = |explicit: Option<Duration>| explicit.filter(|_| !strict);
    // `s-maxage` forbids stale use as well (section 5.2.2.10), but not to who says in the same breath how long.
    let never_stale = strict || says.s_maxage.is_some();
    let by_default = if never_stale { Duration::ZERO } else { settings.stale_if_error };
    let apparent = exchanged.received.duration_since(date).unwrap_or_default();
    let freshness = Freshness {
        since: exchanged.asked,
        initial_age: age.unwrap_or_default().max(apparent.saturating_sub(exchanged.took)),
        lifetime: if age.is_none() { Duration::ZERO } else { lifetime },
        while_revalidating: allowed(says.stale_while_revalidate).unwrap_or_default(),
        if_error: allowed(says.stale_if_error).unwrap_or(by_default),
        always_validate: says.no_cache,
        never_stale,
    };
    let has_use = (!freshness.lifetime.is_zero() && !says.no_cache)
        || has_validator(response)
        || !freshness.while_revalidating.is_zero()
        || !freshness.if_error.is_zero();
    has_use.then_some(Storable { freshness, withheld: says.withheld })
}

/// Whether the service can be asked if an answer is still good.
pub(crate) fn has_validator(response: &HeaderMap) -> bool {
    response.contains_key(ETAG) || response.contains_key(LAST_MODIFIED)
}

/// A lifetime from how long ago the answer was changed last (section 4.2.2).
fn guess(settings: &Settings, response: &HeaderMap, date: SystemTime) -> Duration {
    let modified = self::date(response, LAST_MODIFIED);
    let unchanged = modified.and_then(|modified| date.duration_since(modified).ok()).unwrap_or_default();
    let share = settings.heuristic_share.clamp(0.0, 1.0);
    unchanged.mul_f32(share).min(settings.heuristic_limit)
}

/// The value of `Age`. `None` if there is one that is not one number: the answer then counts as stale, since it may be
/// of any age. (Section 5.1 would have caches guess the first of several numbers, or ignore the field.)
fn age(response: &HeaderMap) -> Option<Duration> {
    let mut lines = response.get_all(AGE).iter();
    let Some(line) = lines.next() else { return Some(Duration::ZERO) };
    let digits = line.as_bytes().trim_ascii();
    let is_number = lines.next().is_none() && digits.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    // More digits than fit are a number all the same, and a large one.
    (!number.is_empty()).then(|| Duration::from_secs(number.parse::<u64>().unwrap_or(u64::MAX).min(1 << 31)))
}

pub(crate) fn date(headers: &HeaderMap, field: HeaderName) -> Option<SystemTime> {
    headers.get(field).and_then(read_date)
}

/// A date in any of the three forms of RFC 9110 section 5.6.7.
pub(crate) fn read_date(value: &HeaderValue) -> Option<SystemTime> {
    value.to_str().ok().and_then(|text| httpdate::parse_http_date(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_700_000_000);

    fn at(offset: i64) -> HeaderValue {
        let seconds = NOW.as_secs().saturating_add_signed(offset);
        let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        HeaderValue::from_str(&date).expect("a date is a value")
    }

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for &(name, value) in lines {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn judged(request: &HeaderMap, status: u16, response: &HeaderMap) -> Option<Storable> {
        let exchanged =
            Exchanged { asked: Duration::ZERO, took: Duration::ZERO, received: SystemTime::UNIX_EPOCH + NOW };
        let status = StatusCode::from_u16(status).expect("it is a status");
        judge(&Settings::default(), request, status, response, exchanged)
    }

    fn lifetime(response: &HeaderMap) -> Option<u64> {
        judged(&HeaderMap::new(), 200, response).map(|storable| storable.freshness.lifetime.as_secs())
    }

    #[test]
    fn the_more_special_lifetime_holds() {
        let mut response = fields(&[("cache-control", "max-age=60")]);
        response.insert(EXPIRES, at(10));
        assert_eq!(lifetime(&response), Some(60));
        response.append(CACHE_CONTROL, HeaderValue::from_static("s-maxage=30"));
        assert_eq!(lifetime(&response), Some(30));
        response.insert(CDN_CACHE_CONTROL, HeaderValue::from_static("max-age=5"));
        assert_eq!(lifetime(&response), Some(5));
        response.insert(CDN_CACHE_CONTROL, HeaderValue::from_static("no-store"));
        assert_eq!(lifetime(&response), None);
    }

    #[test]
    fn expires_counts_from_the_date_of_the_answer() {
        let mut response = HeaderMap::from_iter([(EXPIRES, at(100)), (DATE, at(40))]);
        assert_eq!(lifetime(&response), Some(60));
        response.insert(EXPIRES, at(-1));
        assert_eq!(lifetime(&response), None, "it is of no use");
        response.insert(EXPIRES, HeaderValue::from_static("0"));
        response.insert(ETAG, HeaderValue::from_static("\"a\""));
        assert_eq!(lifetime(&response), Some(0), "it can be validated");
    }

    #[test]
    fn a_lifetime_is_guessed_only_where_the_status_allows_it() {
        let response = HeaderMap::from_iter([(LAST_MODIFIED, at(-1000)), (DATE, at(0))]);
        assert_eq!(lifetime(&response), Some(100));
        assert!(judged(&HeaderMap::new(), 403, &response).is_none());
        let old = HeaderMap::from_iter([(LAST_MODIFIED, at(-100_000_000)), (DATE, at(0))]);
        assert_eq!(lifetime(&old), Some(24 * 60 * 60), "and never longer than the limit");
    }

    #[test]
    fn a_cookie_is_not_shared_on_a_guess() {
        let mut response = HeaderMap::from_iter([(LAST_MODIFIED, at(-1000)), (DATE, at(0))]);
        response.insert(SET_COOKIE, HeaderValue::from_static("a=b"));
        assert_eq!(lifetime(&response), None);
        response.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=5"));
        assert_eq!(lifetime(&response), Some(5));
    }

    #[test]
    fn what_belongs_to_one_person_is_not_stored() {
        for says in ["private, max-age=60", "no-store, max-age=60"] {
            assert_eq!(lifetime(&fields(&[("cache-control", says)])), None, "{says}");
        }
        let login = fields(&[("authorization", "Basic x")]);
        assert!(judged(&login, 200, &fields(&[("cache-control", "max-age=60")])).is_none());
        for says in ["public, max-age=60", "s-maxage=60", "must-revalidate, max-age=60"] {
            assert!(judged(&login, 200, &fields(&[("cache-control", says)])).is_some(), "{says}");
        }
    }

    #[test]
    fn must_understand_looks_at_the_status_and_then_goes_before_no_store() {
        let response = fields(&[("cache-control", "max-age=60, must-understand, no-store")]);
        assert!(judged(&HeaderMap::new(), 200, &response).is_some());
        assert!(judged(&HeaderMap::new(), 599, &response).is_none());
    }

    #[test]
    fn an_age_that_is_not_one_number_makes_an_answer_stale() {
        for age in ["abc", "-1", "7200.0", "0, 0", ""] {
            let response = fields(&[("cache-control", "max-age=60"), ("etag", "\"a\""), ("age", age)]);
            assert_eq!(lifetime(&response), Some(0), "{age}");
        }
        let twice = fields(&[("cache-control", "max-age=60"), ("etag", "\"a\""), ("age", "0"), ("age", "0")]);
        assert_eq!(lifetime(&twice), Some(0));
        let large = fields(&[("cache-control", "max-age=60"), ("age", "99999999999999999999999")]);
        let freshness = judged(&HeaderMap::new(), 200, &large).expect("it is a number").freshness;
        assert_eq!(freshness.initial_age.as_secs(), 1 << 31);
    }

    #[test]
    fn the_date_tells_the_age_too() {
        let mut response = fields(&[("cache-control", "max-age=60"), ("age", "5")]);
        response.insert(DATE, at(-20));
        let freshness = judged(&HeaderMap::new(), 200, &response).expect("it may be stored").freshness;
        assert_eq!(freshness.initial_age.as_secs(), 20);
    }

    #[test]
    fn strict_answers_are_never_stale() {
        let windows = "max-age=1, stale-while-revalidate=5, stale-if-error=7";
        let response = fields(&[("cache-control", windows)]);
        let freshness = judged(&HeaderMap::new(), 200, &response).expect("it may be stored").freshness;
        assert_eq!((freshness.while_revalidating.as_secs(), freshness.if_error.as_secs()), (5, 7));
        for strict in ["must-revalidate", "proxy-revalidate"] {
            let mut response = response.clone();
            response.append(CACHE_CONTROL, HeaderValue::from_static(strict));
            let freshness = judged(&HeaderMap::new(), 200, &response).expect("it may be stored").freshness;
            assert!(freshness.never_stale, "{strict}");
            assert_eq!(freshness.while_revalidating + freshness.if_error, Duration::ZERO, "{strict}");
        }
    }
}
