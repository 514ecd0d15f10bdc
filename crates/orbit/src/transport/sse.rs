//! `/connection/sse`: like HTTP streaming, framed as server-sent events (the HTML standard, section 9.2), with the connect
//! command in the query, where an `EventSource` can put it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;

use super::Transport;
use super::body::streaming;
use super::emulation::open_session;
use super::routes::{Client, refuse};
use crate::format::Wire;
use crate::orbit::Orbit;

pub(super) const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

#[derive(Deserialize)]
pub(super) struct Parameters {
    cf_connect: Option<String>,
}

pub(super) async fn open(
    State(orbit): State<Arc<Orbit>>,
    Extension(client): Extension<Client>,
    Query(Parameters { cf_connect }): Query<Parameters>,
) -> Response {
    let Some(connect) = cf_connect else {
        return refuse(StatusCode::BAD_REQUEST, "the query needs cf_connect, the connect command as JSON");
    };
    let limit = client.app.settings.frame_bytes;
    if connect.len() > limit {
        return refuse(StatusCode::URI_TOO_LONG, format_args!("the connect command is longer than {limit} bytes"));
    }
    match open_session(&orbit, &client, Wire::EventStream, Transport::Sse) {
        Ok(session) => {
            session.receive(connect.as_bytes());
            streaming(session, EVENT_STREAM, None)
        }
        Err(refused) => refused.into_response(),
    }
}
