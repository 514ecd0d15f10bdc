//! How long an answer may be used, and what a request may have of it (RFC 9111 section 4.2, RFC 5861).

use std::time::Duration;

use super::directives::RequestDirectives;

/// For how long a stored answer may be used. Times are those of [`Clock::elapsed`](super::Clock::elapsed).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Freshness {
    /// When it was asked for.
    pub(crate) since: Duration,
    /// How old it was then.
    pub(crate) initial_age: Duration,
    /// How old it may become.
    pub(crate) lifetime: Duration,
    /// How long after that it may be served while a newer one is fetched. Zero if it may not.
    pub(crate) while_revalidating: Duration,
    /// How long after that it may stand in for an error. Zero if it may not.
    pub(crate) if_error: Duration,
    /// It has to be validated before each use (`no-cache`).
    pub(crate) always_validate: bool,
    /// No client may have it when it is stale, even one that asks for it (`must-revalidate` and its like).
    pub(crate) never_stale: bool,
}

/// How a stored answer may serve a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usable {
    /// As it is.
    Fresh,
    /// As it is, though it is stale: the client said that it does not mind.
    Stale,
    /// As it is, while a newer one is fetched.
    WhileRevalidating,
    /// Only after the service said that it is still good.
    AfterValidation,
}

impl Freshness {
    pub(crate) fn age(&self, now: Duration) -> Duration {
        self.initial_age + now.saturating_sub(self.since)
    }

    /// By how much it is too old. `None` while it is fresh.
    pub(crate) fn staleness(&self, now: Duration) -> Option<Duration> {
        let age = self.age(now);
        (age >= self.lifetime).then(|| age - self.lifetime)
    }

    pub(crate) fn is_fresh(&self, now: Duration) -> bool {
        !self.always_validate && self.staleness(now).is_none()
    }

    /// What a request may have.
    pub(crate) fn usable(&self, now: Duration, request: &RequestDirectives) -> Usable {
        let age = self.age(now);
        if self.always_validate || request.no_cache || request.max_age.is_some_and(|most| age > most) {
            return Usable::AfterValidation;
        }
        let Some(staleness) = self.staleness(now) else {
            let is_long_enough = request.min_fresh.is_none_or(|least| self.lifetime - age >= least);
            return if is_long_enough { Usable::Fresh } else { Usable::AfterValidation };
        };
        if request.min_fresh.is_some() {
            Usable::AfterValidation
        } else if !self.never_stale && request.max_stale.is_some_and(|most| staleness <= most) {
            Usable::Stale
        } else if staleness < self.while_revalidating && request.max_age.is_none() {
            Usable::WhileRevalidating
        } else {
            Usable::AfterValidation
        }
    }

    /// Whether it may stand in for an error of the service.
    pub(crate) fn serves_on_error(&self, now: Duration, request: &RequestDirectives) -> bool {
        let age = self.age(now);
        let may_be_stale = !self.always_validate
            && !request.no_cache
            && request.min_fresh.is_none()
            && request.max_age.is_none_or(|most| age <= most);
        may_be_stale && self.staleness(now).unwrap_or(Duration::ZERO) < self.if_error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// Fresh for 60 seconds, of which 10 were over when it came at the hundredth second.
    fn plain() -> Freshness {
        Freshness {
            since: seconds(100),
            initial_age: seconds(10),
            lifetime: seconds(60),
            while_revalidating: Duration::ZERO,
            if_error: Duration::ZERO,
            always_validate: false,
            never_stale: false,
        }
    }

    fn usable(freshness: &Freshness, at: u64, request: RequestDirectives) -> Usable {
        freshness.usable(seconds(at), &request)
    }

    #[test]
    fn an_answer_is_fresh_up_to_the_second_before_its_lifetime() {
        assert_eq!(usable(&plain(), 149, RequestDirectives::default()), Usable::Fresh);
        assert_eq!(usable(&plain(), 150, RequestDirectives::default()), Usable::AfterValidation);
        assert_eq!(plain().age(seconds(150)), seconds(60));
    }

    #[test]
    fn a_request_may_ask_for_more_than_fresh() {
        let young = RequestDirectives { max_age: Some(seconds(20)), ..Default::default() };
        assert_eq!(usable(&plain(), 110, young), Usable::Fresh);
        let young = RequestDirectives { max_age: Some(seconds(20)), ..Default::default() };
        assert_eq!(usable(&plain(), 111, young), Usable::AfterValidation);
        let lasting = RequestDirectives { min_fresh: Some(seconds(30)), ..Default::default() };
        assert_eq!(usable(&plain(), 120, lasting), Usable::Fresh);
        let lasting = RequestDirectives { min_fresh: Some(seconds(30)), ..Default::default() };
        assert_eq!(usable(&plain(), 121, lasting), Usable::AfterValidation);
        let reload = RequestDirectives { no_cache: true, ..Default::default() };
        assert_eq!(usable(&plain(), 110, reload), Usable::AfterValidation);
    }

    #[test]
    fn a_request_may_be_content_with_less_unless_the_answer_forbids_it() {
        let lenient = || RequestDirectives { max_stale: Some(seconds(5)), ..Default::default() };
        assert_eq!(usable(&plain(), 155, lenient()), Usable::Stale);
        assert_eq!(usable(&plain(), 156, lenient()), Usable::AfterValidation);
        let strict = Freshness { never_stale: true, ..plain() };
        assert_eq!(usable(&strict, 151, lenient()), Usable::AfterValidation);
    }

    #[test]
    fn an_answer_is_served_for_a_while_longer_while_it_is_renewed() {
        let lasting = Freshness { while_revalidating: seconds(10), ..plain() };
        assert_eq!(usable(&lasting, 159, RequestDirectives::default()), Usable::WhileRevalidating);
        assert_eq!(usable(&lasting, 160, RequestDirectives::default()), Usable::AfterValidation);
    }

    #[test]
    fn an_answer_stands_in_for_errors_only_as_long_as_it_may() {
        let lasting = Freshness { if_error: seconds(10), ..plain() };
        let any = RequestDirectives::default();
        assert!(lasting.serves_on_error(seconds(159), &any));
        assert!(!lasting.serves_on_error(seconds(160), &any));
        assert!(!plain().serves_on_error(seconds(150), &any));
        let strict = Freshness { always_validate: true, ..lasting };
        assert!(!strict.serves_on_error(seconds(150), &any));
    }
}
