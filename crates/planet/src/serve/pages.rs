//! What the server gives to browsers: the client library, and the demo page. Files that are part of the program, behind a
//! cache, behind a router.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body as RequestBody;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
};
use http::{Request, Response};
use planet_beacon::metrics::{Family, Source};
use planet_web::cache::{self, Cache};
use planet_web::files::Files;
use planet_web::router::{Matcher, Router};
use planet_web::{Body, body};
use rust_embed::RustEmbed;
use tower::util::MapResponseLayer;
use tower::{Layer as _, Service, service_fn};

/// The channel in which the demo's visitors talk.
const DEMO_CHANNEL: &str = "demo:chat";

/// What a page of ours may load: only what is ours.
const ONLY_OURS: HeaderValue =
    HeaderValue::from_static("default-src 'self'; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'");

/// What tells our own cache, and no other one, how long it may keep an answer (RFC 9213).
const OUR_CACHE: HeaderName = HeaderName::from_static("cdn-cache-control");

/// What is part of the program does not change while it runs.
const FOR_A_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Bytes of the cache: all pages there are, several times over.
const CACHE_BYTES: usize = 2 << 20;

/// The client library. Pages of any origin load it.
#[derive(RustEmbed)]
#[folder = "../../clients/js/dist"]
#[include = "client.js"]
#[include = "client.mjs"]
struct Client;

#[derive(RustEmbed)]
#[folder = "../../examples/chat"]
struct Demo;

/// Everything that is neither the API's nor a session's: the client library, and with `demo_app` the demo page, which
/// talks to that app.
pub(super) fn router(cache: &Cache, demo_app: Option<Arc<planet_beacon::App>>) -> Router<RequestBody> {
    let rules = Router::builder()
        .rule(Matcher::equals("/1/client.js"), files::<Client>(cache, "/1"))
        .rule(Matcher::equals("/client.mjs"), files::<Client>(cache, ""));
    let rules = match demo_app {
        Some(app) => {
            let about = format!("{{\"apiKey\":\"{}\",\"channel\":\"{DEMO_CHANNEL}\"}}\n", app.api_key());
            let about = service_fn(move |_| std::future::ready(Ok::<_, Infallible>(json(&about))));
            rules.rule(Matcher::equals("/demo.json"), about).otherwise(files::<Demo>(cache, ""))
        }
        None => rules,
    };
    rules.build().expect("no rule is behind another")
}

/// The cache for [`router`].
pub(super) fn cache() -> Cache {
    Cache::new(cache::Settings { capacity: CACHE_BYTES, ..cache::Settings::default() })
}

/// Files behind the cache. Browsers ask each time whether they have changed, as they may after an update of the server.
fn files<E: RustEmbed + 'static>(
    cache: &Cache,
    prefix: &str,
) -> impl Service<Request<RequestBody>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    let files = Files::embedded::<E>().strip_prefix(prefix).max_age("*", Duration::ZERO);
    let describe = MapResponseLayer::new(|mut response: Response<Body>| {
        let headers = response.headers_mut();
        headers.insert(OUR_CACHE, FOR_A_YEAR);
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(CONTENT_SECURITY_POLICY, ONLY_OURS);
        response
    });
    let keep_to_ourselves = MapResponseLayer::new(|mut response: Response<Body>| {
        response.headers_mut().remove(OUR_CACHE);
        response
    });
    keep_to_ourselves.layer(cache.layer().layer(describe.layer(files)))
}

fn json(text: &str) -> Response<Body> {
    let mut response = Response::new(body::full(text.to_owned()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// What the pages' cache has done, for `/metrics`.
pub(super) struct Figures(pub(super) Cache);

impl Source for Figures {
    fn families(&self) -> Vec<Family> {
        let counters = self.0.counters();
        let outcomes = [
            ("hit", counters.hits),
            ("stale", counters.stale),
            ("coalesced", counters.coalesced),
            ("revalidated", counters.revalidated),
            ("miss", counters.misses),
            ("bypassed", counters.bypassed),
        ];
        let requests = Family::counter("page_requests", "Requests for pages and scripts, by what the cache did");
        let requests =
            outcomes.iter().fold(requests, |family, (outcome, count)| family.with(&[("outcome", outcome)], *count));
        vec![
            requests,
            Family::counter("page_cache_evicted", "Pages that gave way to others in the cache")
                .with(&[], counters.evicted),
            Family::gauge("page_cache_bytes", "Bytes of the pages in the cache").with(&[], counters.stored_bytes),
        ]
    }
}
