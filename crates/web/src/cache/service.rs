//! What happens to a request: it is answered from the store at once, or handed on.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{IF_MATCH, IF_UNMODIFIED_SINCE, UPGRADE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tower_service::Service;

use super::counters::Outcome;
use super::directives::RequestDirectives;
use super::fetch::Fetch;
use super::freshness::Usable;
use super::key::KeyRef;
use super::layer::Core;
use super::past;
use super::status::CACHE_STATUS;
use super::stored::Stored;
use crate::{Body, BoxError};

/// A service with a cache in front of it. Made by [`CacheLayer`](super::CacheLayer).
#[derive(Clone)]
pub struct CacheService<S> {
    inner: S,
    core: Arc<Core>,
}

impl<S> CacheService<S> {
    pub(crate) fn new(inner: S, core: Arc<Core>) -> Self {
        Self { inner, core }
    }
}

impl<S: std::fmt::Debug> std::fmt::Debug for CacheService<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheService").field("inner", &self.inner).field("settings", &self.core.settings).finish()
    }
}

impl<S, B, R> Service<Request<B>> for CacheService<S>
where
    S: Service<Request<B>, Response = Response<R>, Error: Into<BoxError>, Future: Send> + Clone + Send + 'static,
    B: http_body::Body + Send + 'static,
    R: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    /// Always ready: a hit need not wait for the service.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let core = &self.core;
        let headers = request.headers();
        let asks = RequestDirectives::read(headers);
        let key = KeyRef::of(request.uri(), headers, core.settings.max_key);
        let Some(key) = key.filter(|_| !asks.no_store && is_for_caches(&request)) else {
            return ResponseFuture::later(past::answer(Arc::clone(core), self.inner.clone(), request));
        };

        let now = core.clock.elapsed();
        let resource = core.store.get(&key);
        let stored = resource.as_ref().and_then(|resource| resource.select(headers));
        let usable = stored.map(|stored| (stored, stored.freshness.usable(now, &asks)));
        match usable {
            Some((stored, Usable::Fresh)) => {
                core.tally.count(Outcome::Hit);
                ResponseFuture::ready(stored.answer(request.method(), headers, now))
            }
            Some((stored, usable @ (Usable::Stale | Usable::WhileRevalidating))) => {
                core.tally.count(Outcome::Stale);
                let response = stale(core, stored, &request, now);
                if usable == Usable::WhileRevalidating {
                    let key = key.to_key();
                    Fetch::new(Arc::clone(core), self.inner.clone(), key, asks).in_background(request);
                }
                ResponseFuture::ready(response)
            }
            _ if asks.only_if_cached => {
                core.tally.count(Outcome::Miss);
                ResponseFuture::ready(not_cached(core))
            }
            _ => {
                let key = key.to_key();
                ResponseFuture::later(Fetch::new(Arc::clone(core), self.inner.clone(), key, asks).answer(request))
            }
        }
    }
}

/// Whether a request may be answered from a store at all.
fn is_for_caches<B: http_body::Body>(request: &Request<B>) -> bool {
    let headers = request.headers();
    matches!(*request.method(), Method::GET | Method::HEAD)
        && request.body().is_end_stream()
        && ![UPGRADE, IF_MATCH, IF_UNMODIFIED_SINCE].iter().any(|name| headers.contains_key(name))
}

fn stale<B>(core: &Core, stored: &Stored, request: &Request<B>, now: Duration) -> Response<Body> {
    let mut response = stored.answer(request.method(), request.headers(), now);
    let over = stored.freshness.staleness(now).unwrap_or_default().as_secs();
    let status = stored.cache_status(&core.cache_status, &format!("; hit; ttl=-{over}"));
    response.headers_mut().insert(CACHE_STATUS, status);
    response
}

/// The answer to `only-if-cached` when nothing fits (RFC 9111 section 5.2.1.7).
fn not_cached(core: &Core) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
    let status: HeaderValue = core.cache_status.after(None, "; detail=only-if-cached");
    response.headers_mut().insert(CACHE_STATUS, status);
    response
}

/// The answer of a [`CacheService`]: there at once on a hit.
pub struct ResponseFuture(State);

enum State {
    Ready(Option<Response<Body>>),
    Later(Pin<Box<dyn Future<Output = Response<Body>> + Send>>),
}

impl ResponseFuture {
    fn ready(response: Response<Body>) -> Self {
        Self(State::Ready(Some(response)))
    }

    fn later(response: impl Future<Output = Response<Body>> + Send + 'static) -> Self {
        Self(State::Later(Box::pin(response)))
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(response) => Poll::Ready(Ok(response.take().expect("polled after it was ready"))),
            State::Later(response) => response.as_mut().poll(context).map(Ok),
        }
    }
}

impl std::fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").field("is_ready", &matches!(self.0, State::Ready(_))).finish()
    }
}
