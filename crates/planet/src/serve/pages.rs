//! What the server gives to browsers: the client library, and the demo page.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use http::{HeaderMap, StatusCode};

/// The channel in which the demo's visitors talk.
const DEMO_CHANNEL: &str = "demo:chat";

/// What a page of ours may load: only what is ours.
const ONLY_OURS: &str = "default-src 'self'; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// A file that is part of the program.
struct Asset {
    path: &'static str,
    content_type: &'static str,
    text: &'static str,
}

macro_rules! asset {
    ($path:literal, $content_type:expr, $file:literal) => {
        Asset { path: $path, content_type: $content_type, text: include_str!(concat!("../../../../", $file)) }
    };
}

/// Pages of any origin load these.
const CLIENT: [Asset; 2] = [
    asset!("/1/client.js", JAVASCRIPT, "clients/js/dist/client.js"),
    asset!("/client.mjs", JAVASCRIPT, "clients/js/dist/client.mjs"),
];

const DEMO: [Asset; 6] = [
    asset!("/", "text/html; charset=utf-8", "examples/chat/index.html"),
    asset!("/chat.css", "text/css; charset=utf-8", "examples/chat/chat.css"),
    asset!("/chat.js", JAVASCRIPT, "examples/chat/chat.js"),
    asset!("/people.js", JAVASCRIPT, "examples/chat/people.js"),
    asset!("/view.js", JAVASCRIPT, "examples/chat/view.js"),
    asset!("/icon.svg", "image/svg+xml", "examples/chat/icon.svg"),
];

/// The client library, and with `demo_app` the demo page, which talks to that app.
pub(super) fn routes(demo_app: Option<Arc<planet_beacon::App>>) -> Router {
    let with_asset = |router: Router, asset: &'static Asset| {
        let tag = etag(asset.text);
        router.route(asset.path, get(async move |headers: HeaderMap| asset.answer(&headers, &tag)))
    };
    let routes = CLIENT.iter().fold(Router::new(), with_asset);
    let Some(app) = demo_app else { return routes };
    let about = format!("{{\"apiKey\":\"{}\",\"channel\":\"{DEMO_CHANNEL}\"}}\n", app.api_key());
    DEMO.iter().fold(routes, with_asset).route(
        "/demo.json",
        get(async move || ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], about)),
    )
}

impl Asset {
    fn answer(&self, request: &HeaderMap, tag: &str) -> Response {
        let is_known = request.get_all(IF_NONE_MATCH).iter().any(|known| {
            known.to_str().is_ok_and(|known| known == "*" || known.split(',').any(|one| one.trim() == tag))
        });
        let headers = [(ETAG, tag), (CACHE_CONTROL, "no-cache"), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
        if is_known {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        let described = [(CONTENT_TYPE, self.content_type), (CONTENT_SECURITY_POLICY, ONLY_OURS)];
        (headers, described, self.text).into_response()
    }
}

/// Differs whenever the text does, from one build to another.
fn etag(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}
