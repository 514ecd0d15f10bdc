//! `/connection/sse`: like HTTP streaming, framed as server-sent events (the HTML standard, section 9.2), with the connect
//! command in the query, where an `EventSource` can put it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
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
    match open_session(&orbit, &client, Wire::EventStream, Transport::Sse) {
        Ok(session) => {
            session.receive(connect.as_bytes());
            streaming(session, EVENT_STREAM, None)
        }
        Err(refusal) => refusal,
    }
}
