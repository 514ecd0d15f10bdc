//! The paths of the transports, for the default app and for any, with the check of the page's origin in front.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::{Method, StatusCode};
use planet_net::PeerInfo;

use super::{emulation, event_source, http_stream, long_poll, sse, websocket};
use crate::app::App;
use crate::orbit::Orbit;
use crate::origin::{add_cors_headers, is_preflight, preflight_headers};
use crate::session::Session;

/// The routes of all transports: `/connection/…`, `/emulation` and `/sse` for the default app, and the same under
/// `/app/{apiKey}/` for any.
pub fn routes(orbit: Arc<Orbit>) -> Router {
    let transports = Router::new()
        .route("/connection/websocket", any(websocket::open))
        .route("/connection/http_stream", post(http_stream::open))
        .route("/connection/sse", get(sse::open))
        .route("/connection/long_poll", post(long_poll::open_or_poll))
        .route("/emulation", post(emulation::receive))
        .route("/sse", get(event_source::open));
    let checked = transports.layer(from_fn_with_state(orbit.clone(), admit));
    Router::new().merge(checked.clone()).nest("/app/{api_key}", checked).with_state(orbit)
}

/// Finds the app, has the request counted for it, and lets a page of an origin that the app allows pass.
async fn admit(State(orbit): State<Arc<Orbit>>, params: RawPathParams, mut request: Request, next: Next) -> Response {
    let key = params.iter().find(|(name, _)| *name == "api_key").map(|(_, key)| key);
    let app = match key {
        Some(key) => orbit.apps().by_key(key),
        None => Some(orbit.apps().default()),
    };
    let Some(app) = app else { return refuse(StatusCode::NOT_FOUND, "no app has this API key") };
    if let Some(peer) = request.extensions().get::<PeerInfo>() {
        peer.count_for(&app.meter);
    }
    let (headers, authority) = (request.headers().clone(), request.uri().authority().cloned());
    let verdict = app.origins.judge(&headers, authority.as_ref().map(http::uri::Authority::as_str));
    if request.method() == Method::OPTIONS && is_preflight(&headers) {
        return (StatusCode::NO_CONTENT, preflight_headers(verdict)).into_response();
    }
    let mut response = if !verdict.permits() {
        let text = "pages of this origin may not connect; add the origin to allowed_origins in the configuration";
        refuse(StatusCode::FORBIDDEN, text)
    } else if orbit.shutdown().has_begun() && opens_a_session(&request) {
        refuse(StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down; connect again in a moment")
    } else {
        let outlives_request = request.uri().path().ends_with("/long_poll");
        let address = orbit.counted_address(&request, outlives_request);
        request.extensions_mut().insert(Client { app, address });
        next.run(request).await
    };
    add_cors_headers(response.headers_mut(), verdict);
    response
}

/// Commands and polls of sessions that are open go on while the server shuts down.
fn opens_a_session(request: &Request) -> bool {
    let path = request.uri().path();
    request.method() != Method::POST || path.ends_with("/http_stream")
}

/// An answer that says in a line what is wrong.
pub(super) fn refuse(status: StatusCode, text: impl std::fmt::Display) -> Response {
    Refused::new(status, text).into_response()
}

/// Why a request is refused, where a whole response would be large to hand on.
pub(super) struct Refused {
    status: StatusCode,
    text: String,
}

impl Refused {
    pub(super) fn new(status: StatusCode, text: impl std::fmt::Display) -> Self {
        Self { status, text: format!("{text}\n") }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, self.text).into_response()
    }
}

/// What [`admit`] found out about a request.
#[derive(Clone)]
pub(super) struct Client {
    /// The app it is for.
    pub(super) app: Arc<App>,
    /// The address that sessions are counted for, if they are.
    pub(super) address: Option<IpAddr>,
}

impl Client {
    /// Whether a session that a key found is one of the app that the path names.
    pub(super) fn is_of_app(&self, session: &Session) -> bool {
        Arc::ptr_eq(&self.app.hub, &session.app().hub)
    }
}
