//! `/emulation`: commands of a client whose other direction is a stream.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use planet_net::BodyError;
use serde::Deserialize;

use super::Transport;
use super::routes::{Client, Refused, refuse};
use crate::addresses::AddressGuard;
use crate::app::App;
use crate::format::Wire;
use crate::orbit::Orbit;
use crate::session::Session;

#[derive(Deserialize)]
struct Envelope {
    session: String,
    /// Commands, a line each.
    data: String,
}

pub(super) async fn receive(
    State(orbit): State<Arc<Orbit>>,
    Extension(client): Extension<Client>,
    body: Body,
) -> Response {
    // Commands inside a JSON string take up to twice their length, beside the rest of the envelope.
    let body = match read(&client.app, body, 2 * client.app.settings.frame_bytes + 1024).await {
        Ok(body) => body,
        Err(refused) => return refused.into_response(),
    };
    let envelope: Envelope = match serde_json::from_slice(&body) {
        Ok(envelope) => envelope,
        Err(_) => {
            return refuse(
                StatusCode::BAD_REQUEST,
                "the body has to be {\"session\":…,\"node\":…,\"data\":\"commands\"}",
            );
        }
    };
    if envelope.data.len() > client.app.settings.frame_bytes {
        let limit = client.app.settings.frame_bytes;
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, format_args!("the commands are longer than {limit} bytes"));
    }
    let found = orbit.sessions().find(&envelope.session).filter(|session| client.is_of_app(session));
    let Some(session) = found else {
        return refuse(StatusCode::NOT_FOUND, "no such session on this server: it has ended; connect again");
    };
    session.receive(envelope.data.as_bytes());
    StatusCode::NO_CONTENT.into_response()
}

/// A body of commands.
pub(super) async fn commands(app: &App, body: Body) -> Result<Bytes, Refused> {
    read(app, body, app.settings.frame_bytes).await
}

async fn read(app: &App, body: Body, limit: usize) -> Result<Bytes, Refused> {
    planet_net::collect(body, limit, app.settings.body_timeout).await.map_err(|error| {
        let status = match error {
            BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            BodyError::Read(_) => StatusCode::BAD_REQUEST,
        };
        Refused::new(status, error)
    })
}

/// A session whose queue a response takes from.
pub(super) fn open_session(
    orbit: &Arc<Orbit>,
    Client { app, address }: &Client,
    wire: Wire,
    transport: Transport,
) -> Result<Arc<Session>, Refused> {
    let address = admit_address(orbit, app, *address)?;
    let connection =
        app.hub.open(wire.id(), None).map_err(|full| Refused::new(StatusCode::SERVICE_UNAVAILABLE, full))?;
    Ok(Session::open(orbit, app, connection, wire, transport, address))
}

/// Counts a session for the address of its client, if it has to be.
pub(super) fn admit_address(
    orbit: &Orbit,
    app: &App,
    address: Option<IpAddr>,
) -> Result<Option<Box<AddressGuard>>, Refused> {
    let Some(address) = address else { return Ok(None) };
    let limit = app.settings.connections_per_address;
    orbit.addresses().admit(address, limit).map(|guard| Some(Box::new(guard))).ok_or_else(|| {
        let text = format_args!("this address has {limit} connections already, which is the limit");
        Refused::new(StatusCode::TOO_MANY_REQUESTS, text)
    })
}
