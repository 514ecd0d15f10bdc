//! A request that the store cannot answer: asking the service, alone or for others too.

use std::future::poll_fn;
use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::time::{Instant, timeout, timeout_at};
use tower_service::Service;

use super::counters::Outcome;
use super::directives::RequestDirectives;
use super::flight::{Joined, Landing, Lead, Target};
use super::key::Key;
use super::layer::Core;
use super::received::Received;
use super::status::CACHE_STATUS;
use super::stored::Stored;
use super::storing::{Exchanged, has_validator};
use crate::{Body, BoxError};

/// One request on its way to the service.
pub(crate) struct Fetch<S> {
    inner: S,
    ask: Ask,
}

/// What is asked for, and the cache it is asked of.
struct Ask {
    core: Arc<Core>,
    key: Key,
    asks: RequestDirectives,
}

/// How a request comes to its answer.
enum Turn {
    /// It fetches, and others may wait for it.
    Lead(Lead),
    /// It fetches for itself.
    Alone,
    /// It need not fetch: another one did.
    Answered(Response<Body>, Outcome),
}

impl<S> Fetch<S> {
    pub(crate) fn new(core: Arc<Core>, inner: S, key: Key, asks: RequestDirectives) -> Self {
        Self { inner, ask: Ask { core, key, asks } }
    }

    /// The answer to a client.
    pub(crate) async fn answer<B, R>(self, request: Request<B>) -> Response<Body>
    where
        S: Service<Request<B>, Response = Response<R>, Error: Into<BoxError>> + Clone,
        R: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let core = Arc::clone(&self.ask.core);
        let may_wait = self.ask.may_wait(request.method(), request.headers());
        let turn = if may_wait { self.ask.turn(request.headers()).await } else { Turn::Alone };
        let (response, outcome) = match turn {
            Turn::Answered(response, outcome) => (response, outcome),
            Turn::Lead(lead) => self.fetch(request, Some(lead)).await,
            Turn::Alone => self.fetch(request, None).await,
        };
        core.tally.count(outcome);
        response
    }

    /// Fetches a newer answer while clients get the stale one, unless somebody is at it, or too many others are.
    pub(crate) fn in_background<B, R>(self, mut request: Request<B>)
    where
        S: Service<Request<B>, Response = Response<R>, Error: Into<BoxError>, Future: Send> + Clone + Send + 'static,
        B: Send + 'static,
        R: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let Ok(permit) = Arc::clone(&self.ask.core.background).try_acquire_owned() else { return };
        let Joined::Lead(lead) = self.ask.core.flights.join(self.ask.target(request.headers())) else { return };
        // Another one's fetch may have ended between the look into the store and now.
        if self.ask.find_fresh(request.headers()).is_some() {
            lead.land(Landing::Stored);
            return;
        }
        // Whatever part of it this client wants, all of it is to be stored.
        *request.method_mut() = Method::GET;
        for name in [RANGE, IF_RANGE, IF_NONE_MATCH, IF_MODIFIED_SINCE] {
            request.headers_mut().remove(name);
        }
        tokio::spawn(async move {
            let _permit = permit;
            let time = self.ask.core.settings.collect_time;
            // When it takes too long, the lead is dropped with it, and the next request tries again.
            let _ = timeout(time, self.fetch(request, Some(lead))).await;
        });
    }

    /// Asks the service. Whatever comes of it is told to those who wait.
    async fn fetch<B, R>(self, request: Request<B>, lead: Option<Lead>) -> (Response<Body>, Outcome)
    where
        S: Service<Request<B>, Response = Response<R>, Error: Into<BoxError>> + Clone,
        R: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let Self { inner, ask } = self;
        let (parts, body) = request.into_parts();
        let (method, headers) = (parts.method.clone(), parts.headers.clone());
        let mut request = Request::from_parts(parts, body);
        let stored = ask.select(&headers);
        let validated = stored.clone().filter(|stored| method == Method::GET && has_validator(&stored.headers));
        match &validated {
            Some(stored) => validate(request.headers_mut(), &stored.headers),
            // Others wait for all of it. Whether this client has it already is looked at here.
            None if lead.is_some() => {
                request.headers_mut().remove(IF_NONE_MATCH);
                request.headers_mut().remove(IF_MODIFIED_SINCE);
            }
            None => {}
        }
        let reason = ask.reason(&headers, stored.is_some());
        let asking = ask.core.store.ask(&ask.key.borrowed());
        let asked = ask.core.clock.elapsed();
        let response = oneshot(inner, request).await;
        let took = ask.core.clock.elapsed().saturating_sub(asked);
        let exchanged = Exchanged { asked, took, received: ask.core.clock.calendar() };

        let has_failed = response.as_ref().is_none_or(|response| is_error(response.status()));
        if let Some(stored) = stored.filter(|stored| has_failed && ask.serves_on_error(stored)) {
            land(lead, Landing::Failed);
            let status = response.map(|response| response.status());
            return (ask.despite_error(&method, &headers, &stored, status), Outcome::Stale);
        }
        let Some(response) = response else {
            land(lead, Landing::Failed);
            let mut response = bad_gateway();
            let did = format!("; fwd={reason}");
            response.headers_mut().insert(CACHE_STATUS, ask.core.cache_status.after(None, &did));
            return (response, Outcome::Miss);
        };
        let Ask { core, key, .. } = ask;
        let received = Received { core, key, method, request: headers, asking, exchanged, reason, lead };
        match validated {
            Some(stored) if response.status() == StatusCode::NOT_MODIFIED => {
                (received.still_good(&stored, response.headers()), Outcome::Revalidated)
            }
            _ => (received.new_answer(response).await, Outcome::Miss),
        }
    }
}

impl Ask {
    /// Whether what another request fetches may answer this one.
    fn may_wait(&self, method: &Method, headers: &HeaderMap) -> bool {
        let asks = &self.asks;
        let wants_its_own = asks.no_cache || asks.max_age.is_some() || asks.min_fresh.is_some();
        let is_plain = method == Method::GET && !headers.contains_key(RANGE) && !headers.contains_key(AUTHORIZATION);
        let resource = self.core.store.get(&self.key.borrowed());
        let is_apart = resource.is_some_and(|resource| {
            resource.is_apart(self.core.clock.elapsed())
                || resource.select(headers).is_some_and(|stored| stored.freshness.always_validate)
        });
        is_plain && !wants_its_own && !is_apart
    }

    /// Takes the lead, or waits for the one who has it.
    async fn turn(&self, headers: &HeaderMap) -> Turn {
        let until = Instant::now() + self.core.settings.wait;
        let mut has_seen_a_landing = false;
        loop {
            let wait = match self.core.flights.join(self.target(headers)) {
                Joined::Wait(wait) => wait,
                Joined::Lead(lead) => {
                    // Another one's fetch may have ended between the look into the store and now.
                    let Some(answered) = self.answer_from_store(headers, "; hit", Outcome::Hit) else {
                        return Turn::Lead(lead);
                    };
                    lead.land(Landing::Stored);
                    return answered;
                }
            };
            match timeout_at(until, wait.landing()).await {
                Ok(Landing::Abandoned) => {}
                Ok(Landing::Stored) => {
                    if let Some(answered) =
                        self.answer_from_store(headers, "; fwd=uri-miss; collapsed", Outcome::Coalesced)
                    {
                        return answered;
                    }
                    // What came is another variant. Now that is known what tells them apart, those who want the same as
                    // this request can wait for each other once more.
                    if has_seen_a_landing || self.select(headers).is_some() {
                        return Turn::Alone;
                    }
                    has_seen_a_landing = true;
                }
                Ok(Landing::Failed) => {
                    let stored = self.select(headers).filter(|stored| self.serves_on_error(stored));
                    return match stored {
                        Some(stored) => {
                            Turn::Answered(self.despite_error(&Method::GET, headers, &stored, None), Outcome::Stale)
                        }
                        None => Turn::Alone,
                    };
                }
                Ok(Landing::Apart) | Err(_) => return Turn::Alone,
            }
        }
    }

    fn target(&self, request: &HeaderMap) -> Target {
        // Only told apart here, and looked at closely in the store: a collision makes a request wait in vain.
        let mut hasher = DefaultHasher::new();
        if let Some(stored) = self.core.store.get(&self.key.borrowed()).as_ref().and_then(|resource| resource.any()) {
            stored.selecting.hash_request(request, &mut hasher);
        }
        (self.key.clone(), hasher.finish())
    }

    fn select(&self, request: &HeaderMap) -> Option<Arc<Stored>> {
        self.core.store.get(&self.key.borrowed()).and_then(|resource| resource.select(request).cloned())
    }

    fn find_fresh(&self, request: &HeaderMap) -> Option<Arc<Stored>> {
        let now = self.core.clock.elapsed();
        self.select(request).filter(|stored| stored.freshness.is_fresh(now))
    }

    /// The answer, if the store has a fresh one now.
    fn answer_from_store(&self, request: &HeaderMap, did: &str, outcome: Outcome) -> Option<Turn> {
        let stored = self.find_fresh(request)?;
        let mut response = stored.answer(&Method::GET, request, self.core.clock.elapsed());
        let status = stored.cache_status(&self.core.cache_status, did);
        response.headers_mut().insert(CACHE_STATUS, status);
        Some(Turn::Answered(response, outcome))
    }

    fn serves_on_error(&self, stored: &Stored) -> bool {
        stored.freshness.serves_on_error(self.core.clock.elapsed(), &self.asks)
    }

    fn despite_error(
        &self,
        method: &Method,
        request: &HeaderMap,
        stored: &Stored,
        status: Option<StatusCode>,
    ) -> Response<Body> {
        let mut response = stored.answer(method, request, self.core.clock.elapsed());
        let forwarded = status.map(|status| format!("; fwd-status={}", status.as_u16())).unwrap_or_default();
        let did = format!("; fwd=stale{forwarded}; detail=stale-if-error");
        response.headers_mut().insert(CACHE_STATUS, stored.cache_status(&self.core.cache_status, &did));
        response
    }

    /// Why the request is handed on (RFC 9211 section 2.2).
    fn reason(&self, request: &HeaderMap, is_stored: bool) -> &'static str {
        let now = self.core.clock.elapsed();
        let resource = self.core.store.get(&self.key.borrowed());
        let has_variants = resource.as_ref().is_some_and(|resource| resource.any().is_some());
        let is_fresh =
            resource.and_then(|resource| resource.select(request).map(|stored| stored.freshness.is_fresh(now)));
        match (is_stored, is_fresh) {
            (true, Some(true)) => "request",
            (true, _) => "stale",
            _ if has_variants => "vary-miss",
            _ => "uri-miss",
        }
    }
}

/// Makes a request into the question whether a stored answer is still good (RFC 9111 section 4.3.1).
fn validate(request: &mut HeaderMap, stored: &HeaderMap) {
    request.remove(RANGE);
    request.remove(IF_RANGE);
    for (condition, validator) in [(IF_NONE_MATCH, ETAG), (IF_MODIFIED_SINCE, LAST_MODIFIED)] {
        match stored.get(validator) {
            Some(validator) => request.insert(condition, validator.clone()),
            None => request.remove(condition),
        };
    }
}

/// Errors that a stale answer may stand in for (RFC 5861 section 4).
fn is_error(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

fn land(lead: Option<Lead>, how: Landing) {
    if let Some(lead) = lead {
        lead.land(how);
    }
}

/// Waits until the service is ready, and calls it. Its error is logged here, since no client is told of it.
pub(crate) async fn oneshot<S, T>(mut service: S, request: T) -> Option<S::Response>
where
    S: Service<T, Error: Into<BoxError>>,
{
    let ready = poll_fn(|context| service.poll_ready(context).map_err(Into::into)).await;
    let result = match ready {
        Ok(()) => service.call(request).await.map_err(Into::into),
        Err(error) => Err(error),
    };
    result.map_err(|error: BoxError| tracing::warn!(%error, "the service behind the cache failed")).ok()
}

/// The answer when the service gave none.
pub(crate) fn bad_gateway() -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}
