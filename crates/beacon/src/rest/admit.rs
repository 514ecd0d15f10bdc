//! What every request goes through first: its app, its origin, its secret key. And what every answer gets: CORS headers,
//! and a place in the counters and in the app's meter.

use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CACHE_CONTROL};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use planet_net::PeerInfo;
use planet_orbit::origin;

use super::Rest;
use super::error::Error;
use super::extract::param;
use crate::apps::App;

const SECRET_KEY: HeaderName = HeaderName::from_static("x-beacon-secret-key");
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static("Content-Type, Idempotency-Key, X-Beacon-Secret-Key");
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static("Retry-After");
const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, DELETE, OPTIONS");

pub(super) async fn admit(
    State(rest): State<Rest>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match find_app(&rest, params) {
        Ok(app) => admit_to(&app, request, next).await,
        Err(error) => error.into_response(),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    rest.counters.count(response.status());
    response
}

fn find_app(rest: &Rest, params: Result<RawPathParams, RawPathParamsRejection>) -> Result<Arc<App>, Error> {
    let params = params.map_err(|_| Error::NameNotUtf8)?;
    let api_key = param(&params, "api_key").ok_or(Error::NoSuchPath)?;
    rest.apps.by_api_key(api_key).cloned().ok_or(Error::UnknownApp)
}

async fn admit_to(app: &Arc<App>, mut request: Request, next: Next) -> Response {
    if let Some(peer) = request.extensions().get::<PeerInfo>() {
        peer.count_for(&app.orbit().meter);
    }
    let mut cors = HeaderMap::new();
    let authority = request.uri().authority().map(|authority| authority.as_str());
    let verdict = app.orbit().origins.judge(request.headers(), authority);
    if request.method() == Method::OPTIONS {
        return options(origin::preflight_headers(verdict));
    }
    origin::add_cors_headers(&mut cors, verdict);
    let mut response = if !verdict.permits() {
        Error::WrongOrigin.into_response()
    } else if app.rest_needs_secret() && !shows_secret(request.headers(), app) {
        Error::WrongSecret.into_response()
    } else {
        request.extensions_mut().insert(app.clone());
        next.run(request).await
    };
    cors.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
    response.headers_mut().extend(cors);
    response
}

fn options(mut headers: HeaderMap) -> Response {
    if headers.contains_key(ACCESS_CONTROL_ALLOW_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
    }
    headers.insert(ALLOW, ALLOWED_METHODS);
    (StatusCode::NO_CONTENT, headers).into_response()
}

fn shows_secret(headers: &HeaderMap, app: &App) -> bool {
    headers.get(SECRET_KEY).is_some_and(|presented| app.secret_key().matches(presented.as_bytes()))
}
