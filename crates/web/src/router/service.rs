//! The router itself.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as _;
use tower_service::Service;

use super::builder::RouterBuilder;
use super::endpoint::{Endpoint, RouteFuture, endpoint};
use super::matcher::Matcher;
use super::pattern::PathParameters;
use super::segments::Segments;
use crate::body::{Body, BoxError};

/// Sends each request to the service of the first rule that takes it; see the [module](super).
///
/// A clone costs a reference count. `B` is the body of requests.
pub struct Router<B> {
    pub(super) rules: Arc<Vec<(Matcher, Endpoint<B>)>>,
    pub(super) rest: Rest<B>,
}

/// Who answers what no rule takes.
pub(super) enum Rest<B> {
    /// The router, with 404 or 405.
    NotFound,
    /// This service, but the router says 405 for a path that it knows.
    Default(Endpoint<B>),
    /// This service, whatever it is.
    Next(Endpoint<B>),
}

impl<B: Send + 'static> Router<B> {
    /// An empty list of rules.
    pub fn builder() -> RouterBuilder<B> {
        RouterBuilder::new()
    }

    /// This router with its `404`, `405` and default service turned off: what no rule takes goes on to `next`.
    ///
    /// ```
    /// use planet_web::{Body, router::{Matcher, Router}};
    /// # async fn answer(_: http::Request<Body>) -> Result<http::Response<Body>, std::convert::Infallible> { Ok(Default::default()) }
    /// # let (ours, theirs) = (tower::service_fn(answer), tower::service_fn(answer));
    ///
    /// let first: Router<Body> = Router::builder().rule(Matcher::starts_with("/ours"), ours).build()?;
    /// let chain = first.or_else(theirs);
    /// # Ok::<(), planet_web::router::BuildError>(())
    /// ```
    pub fn or_else<S, R>(self, next: S) -> Self
    where
        S: Service<Request<B>, Response = Response<R>, Error = Infallible, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
        R: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        Self { rest: Rest::Next(endpoint(next)), ..self }
    }

    /// The answer of the rule that takes the request.
    ///
    /// # Errors
    /// The request as it came, when no rule takes it.
    #[allow(
        clippy::result_large_err,
        reason = "the request is handed back as it came; a box would cost each chain one"
    )]
    pub fn route(&self, request: Request<B>) -> Result<RouteFuture, Request<B>> {
        self.find(request).map_err(|(request, _)| request)
    }

    /// Like [`route`](Self::route), with the methods for which a rule would have taken the request.
    #[allow(clippy::result_large_err, reason = "as for `route`")]
    fn find(&self, request: Request<B>) -> Result<RouteFuture, (Request<B>, Vec<Method>)> {
        let (mut parts, body) = request.into_parts();
        let mut allowed: Vec<Method> = Vec::new();
        let uri = parts.uri.clone();
        let path = Segments::of(uri.path());
        for (matcher, service) in self.rules.iter() {
            let mut found = Vec::new();
            if !matcher.takes(&parts, &path, &mut found) {
                continue;
            }
            if !matcher.takes_method(&parts.method) {
                for method in matcher.allowed() {
                    if !allowed.contains(method) {
                        allowed.push(method.clone());
                    }
                }
                continue;
            }
            if !found.is_empty() {
                parts.extensions.get_or_insert_default::<PathParameters>().0.append(&mut found);
            }
            let head = parts.method == Method::HEAD;
            let answer = service(Request::from_parts(parts, body));
            return Ok(if head { without_body(answer) } else { answer });
        }
        Err((Request::from_parts(parts, body), allowed))
    }
}

/// The answer to `HEAD`, should the service have treated it as `GET`: what `GET` would have told of its length stays.
fn without_body(answer: RouteFuture) -> RouteFuture {
    Box::pin(async move {
        let mut response = answer.await?;
        let body = std::mem::take(response.body_mut());
        if let (false, Some(length)) = (body.is_end_stream(), body.size_hint().exact()) {
            response.headers_mut().entry(CONTENT_LENGTH).or_insert(length.into());
        }
        Ok(response)
    })
}

fn refused(allowed: &[Method]) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::NOT_FOUND;
    let names: Vec<_> = allowed.iter().map(Method::as_str).collect();
    if let (false, Ok(names)) = (allowed.is_empty(), HeaderValue::try_from(names.join(", "))) {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, names);
    }
    response
}

impl<B: Send + 'static> Service<Request<B>> for Router<B> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = RouteFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> RouteFuture {
        match self.find(request) {
            Ok(answer) => answer,
            Err((request, allowed)) => match &self.rest {
                Rest::Next(next) => next(request),
                Rest::Default(default) if allowed.is_empty() => default(request),
                Rest::Default(_) | Rest::NotFound => Box::pin(ready(Ok(refused(&allowed)))),
            },
        }
    }
}

impl<B> Clone for Router<B> {
    fn clone(&self) -> Self {
        Self { rules: self.rules.clone(), rest: self.rest.clone() }
    }
}

impl<B> Clone for Rest<B> {
    fn clone(&self) -> Self {
        match self {
            Self::NotFound => Self::NotFound,
            Self::Default(service) => Self::Default(service.clone()),
            Self::Next(service) => Self::Next(service.clone()),
        }
    }
}
