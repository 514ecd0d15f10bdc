//! Services of any type behind one.

use std::any::Any;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;

use crate::body::{self, Body, BoxError};

/// The answer of a router to come.
pub type RouteFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// A service of any type.
pub(super) type Endpoint<B> = Arc<dyn Fn(Request<B>) -> RouteFuture + Send + Sync>;

pub(super) fn endpoint<S, B, R>(service: S) -> Endpoint<B>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static,
    B: Send + 'static,
    R: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    Arc::new(move |request| {
        let mut service = service.clone();
        Box::pin(async move {
            let Ok(()) = poll_fn(|context| service.poll_ready(context)).await;
            service.call(request).await.map(|response| response.map(into_body))
        })
    })
}

fn into_body<R>(body: R) -> Body
where
    R: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let mut body = Some(body);
    // A body that is ours already is not boxed again.
    match (&mut body as &mut dyn Any).downcast_mut::<Option<Body>>().and_then(Option::take) {
        Some(ours) => ours,
        None => body.map(body::boxed).unwrap_or_default(),
    }
}
