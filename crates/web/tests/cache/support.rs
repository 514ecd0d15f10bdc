//! An origin behind a cache, and clients of it.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use planet_web::cache::{Cache, Clock, Counters, ManualClock, Settings};
use planet_web::{Body, BoxError};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt as _, service_fn};

pub(crate) type Asked = Request<Empty<Bytes>>;
pub(crate) type Answer = Result<Response<Body>, BoxError>;

/// A cache in front of an origin. Clones are the same.
#[derive(Clone)]
pub(crate) struct Harness {
    pub(crate) cache: Cache,
    pub(crate) clock: Arc<ManualClock>,
    /// The requests that came to the origin.
    asked: Arc<Mutex<Vec<Request<()>>>>,
    service: BoxCloneSyncService<Asked, Response<Body>, Infallible>,
}

impl Harness {
    /// An origin that answers at once, from the request and how many came before.
    pub(crate) fn new(answer: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::with(Settings::default(), answer)
    }

    pub(crate) fn with(settings: Settings, answer: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::slow(settings, move |request, number| ready(answer(&request, number)))
    }

    /// An origin that takes its time.
    pub(crate) fn slow<F>(settings: Settings, answer: impl Fn(Asked, usize) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let clock = Arc::new(ManualClock::default());
        let cache = Cache::with_clock(settings, Arc::clone(&clock) as Arc<dyn Clock>);
        Self::of(cache, clock, answer)
    }

    pub(crate) fn of<F>(
        cache: Cache,
        clock: Arc<ManualClock>,
        answer: impl Fn(Asked, usize) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&asked);
        let answer = Arc::new(answer);
        let origin = service_fn(move |request: Asked| {
            let mut list = list.lock().expect("nobody panics");
            let mut copy = Request::new(());
            (*copy.method_mut(), *copy.uri_mut()) = (request.method().clone(), request.uri().clone());
            *copy.headers_mut() = request.headers().clone();
            list.push(copy);
            answer(request, list.len() - 1)
        });
        let service = BoxCloneSyncService::new(cache.layer().layer(origin));
        Self { cache, clock, asked, service }
    }

    pub(crate) async fn send(&self, request: http::request::Builder) -> Response<Body> {
        let request = request.body(Empty::new()).expect("the request is sound");
        let Ok(response) = self.service.clone().oneshot(request).await;
        response
    }

    pub(crate) async fn get(&self, path: &str) -> Response<Body> {
        self.send(get(path)).await
    }

    /// How often the origin was asked.
    pub(crate) fn fetches(&self) -> usize {
        self.asked.lock().expect("nobody panics").len()
    }

    /// A field of the request that the origin got last.
    pub(crate) fn asked_with(&self, field: &str) -> Option<String> {
        let asked = self.asked.lock().expect("nobody panics");
        asked.last().and_then(|request| request.headers().get(field).map(|value| value.to_str().unwrap().to_owned()))
    }

    pub(crate) fn counters(&self) -> Counters {
        self.cache.counters()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

pub(crate) fn get(path: &str) -> http::request::Builder {
    Request::get(format!("http://origin.example{path}"))
}

/// An answer with `Cache-Control` and a body that tells its number.
pub(crate) fn numbered(cache_control: &str, number: usize) -> Answer {
    Ok(Response::builder().header("cache-control", cache_control).body(body(format!("answer {number}")))?)
}

pub(crate) fn body(text: impl Into<Bytes>) -> Body {
    planet_web::body::full(text)
}

pub(crate) async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.expect("the body is whole").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("the body is text")
}

pub(crate) fn field<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("the field is text"))
}

/// Lets tasks in the background run until `is_done`.
pub(crate) async fn until(is_done: impl Fn() -> bool) {
    while !is_done() {
        tokio::task::yield_now().await;
    }
}
