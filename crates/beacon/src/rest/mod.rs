//! REST 1.0.0: how a back end publishes and asks who is there.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /channels/{channel}` + any JSON value | 200 `{"messages_sent": N}` |
//! | `GET /channels/{channel}` | 200 `{"users": ["…"]}` |
//! | `GET /users` | 200 `{"online": N}` |
//! | `POST /users/{user}` + any JSON value | 200 `{"messages_sent": N}` |
//! | `GET /users/{user}` | 200 `{"online": true}`, or 404 `{"online": false}` |
//! | `DELETE /users/{user}` | 204 |
//!
//! All of it under `/1.0.0/{apiKey}`, and again under `/api/1.0.0/{apiKey}`. `X-Beacon-Secret-Key` carries the app's
//! secret key. A body is read as JSON whatever its `Content-Type` says. `Idempotency-Key` makes a repeated `POST`
//! harmless.
//!
//! A `#` in a name has to be written as `%23`: what follows a bare one is not part of a request's target (RFC 9112,
//! section 3.2), and does not get here.

mod admit;
mod body;
mod counters;
mod error;
mod extract;
mod handlers;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware;
use axum::routing::{MethodRouter, delete, get};

pub use counters::RestCounters;
use error::Error;

use crate::apps::Apps;

/// Bounds of the REST API. Those of an app are in its [`AppConfig`](crate::AppConfig).
#[derive(Clone, Copy, Debug)]
pub struct RestSettings {
    /// How long a body may take to come in. Default 10 s.
    pub body_timeout: Duration,
    /// Bytes of a body that is too long which are read and thrown away, so that a client which sends everything before
    /// it reads anything gets its answer rather than a broken connection. Default 4 MiB.
    pub thrown_away_bytes: u64,
}

impl Default for RestSettings {
    fn default() -> Self {
        Self { body_timeout: Duration::from_secs(10), thrown_away_bytes: 4 << 20 }
    }
}

#[derive(Clone)]
struct Rest {
    apps: Apps,
    settings: RestSettings,
    counters: Arc<RestCounters>,
}

/// The paths of the API. Requests are counted in `counters`.
pub fn routes(apps: Apps, settings: RestSettings, counters: Arc<RestCounters>) -> Router {
    let rest = Rest { apps, settings, counters };
    let channel = get(handlers::users_of_channel).post(handlers::publish);
    let user = delete(handlers::log_out).get(handlers::is_online).post(handlers::send_to_user);
    let resources = Router::new()
        .merge(resource("/channels/{channel}", channel))
        .merge(resource("/channels", get(handlers::no_channel).post(handlers::no_channel)))
        .merge(resource("/users/{user}", user))
        .merge(resource("/users", get(handlers::count_users)))
        .fallback(async || Error::NoSuchPath);
    Router::new()
        .nest("/1.0.0/{api_key}", resources.clone())
        .nest("/api/1.0.0/{api_key}", resources)
        .layer(middleware::from_fn_with_state(rest.clone(), admit::admit))
        .with_state(rest)
}

/// Some clients put a slash behind every path.
fn resource(path: &str, methods: MethodRouter<Rest>) -> Router<Rest> {
    let methods = methods.fallback(handlers::wrong_method);
    Router::new().route(path, methods.clone()).route(&format!("{path}/"), methods)
}
