//! `/metrics`.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Metrics;
use crate::keys::Secret;

/// The path. With a `token`, a request has to carry it as `Authorization: Bearer TOKEN` (RFC 6750), or is answered with
/// 401; without, anyone who reaches the listener may read the figures, app names included.
pub fn routes(metrics: Arc<Metrics>, token: Option<Secret>) -> Router {
    let show = async move |headers: HeaderMap| {
        if token.as_ref().is_some_and(|token| !bears(&headers, token)) {
            return (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")]).into_response();
        }
        gather(metrics.clone()).await
    };
    Router::new().route("/metrics", get(show))
}

fn bears(headers: &HeaderMap, token: &Secret) -> bool {
    let credentials = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    credentials
        .and_then(|text| text.split_once(' '))
        .is_some_and(|(scheme, presented)| scheme.eq_ignore_ascii_case("Bearer") && token.matches(presented.as_bytes()))
}

async fn gather(metrics: Arc<Metrics>) -> Response {
    // Walks every connection, which takes long enough with very many of them to hold up others on this thread.
    match tokio::task::spawn_blocking(move || metrics.text()).await {
        Ok(text) => {
            let headers = [(CONTENT_TYPE, super::CONTENT_TYPE), (CACHE_CONTROL, "no-store")];
            (headers, text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
