//! `/healthz` and `/readyz`: whether the process is alive, and whether it takes new clients.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;
use planet_net::Shutdown;

/// The two paths. `/healthz` always answers 200. `/readyz` answers 200 until `shutdown` begins, and then 503, so that a
/// load balancer sends clients elsewhere.
pub fn routes(shutdown: Shutdown) -> Router {
    let ready = async move || {
        if shutdown.has_begun() {
            answer(StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
        } else {
            answer(StatusCode::OK, "ready\n")
        }
    };
    Router::new().route("/healthz", get(async || answer(StatusCode::OK, "alive\n"))).route("/readyz", get(ready))
}

fn answer(status: StatusCode, text: &'static str) -> impl IntoResponse + use<> {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")], text)
}
