//! `/connection/websocket`: the handshake, and what the frames of a client come to.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{Request, StatusCode};
use planet_hub::Disconnect;
use planet_websocket::handshake::{AcceptOptions, accept};
use planet_websocket::server::{ServerStream, take_stream};
use planet_websocket::{Decoder, DeflateOptions, DeflateParams, Event, Limits, ProtocolError, Role};

use super::emulation::admit_address;
use super::routes::{Client, refuse};
use super::socket::{self, Socket};
use super::{Transport, stream};
use crate::addresses::AddressGuard;
use crate::app::App;
use crate::format::Wire;
use crate::orbit::Orbit;
use crate::session::Session;

/// What Centrifuge clients call the protocol in JSON. Those that offer nothing get it as well.
const SUBPROTOCOL: &str = "centrifuge-json";

pub(super) async fn open(
    State(orbit): State<Arc<Orbit>>,
    Extension(client): Extension<Client>,
    mut request: Request<Body>,
) -> Response {
    let options = AcceptOptions { subprotocols: vec![SUBPROTOCOL.to_owned()], deflate: Some(DeflateOptions::server()) };
    let accepted = match accept(&request, &options) {
        Ok(accepted) => accepted,
        Err(rejection) => return rejection.response::<String>().map(Body::from),
    };
    let Client { app, address } = client;
    let address = match admit_address(&orbit, &app, address) {
        Ok(address) => address,
        Err(refused) => return refused.into_response(),
    };
    if app.hub.connection_count() >= app.hub.limits().connections {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "the app has as many connections as it may have");
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let deflate = accepted.deflate;
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        match take_stream::<planet_net::Stream>(upgraded) {
            (ServerStream::Own(own), early) => match own.into_tcp() {
                Ok((tcp, guard)) => {
                    // The task that did the handshake is as large as all that a handshake needs; the one that stays has
                    // to be small.
                    if let Some(reading) = serve_socket(&orbit, &app, address, Socket::new(tcp, guard), deflate, early)
                    {
                        tokio::spawn(reading);
                    }
                }
                Err(tls) => serve_stream(orbit, app, address, tls, deflate, early).await,
            },
            (ServerStream::Shared(shared), early) => serve_stream(orbit, app, address, shared, deflate, early).await,
        }
    });
    accepted.response()
}

/// Opens the session of a socket; what remains is to read from it.
fn serve_socket(
    orbit: &Arc<Orbit>,
    app: &Arc<App>,
    address: Option<Box<AddressGuard>>,
    socket: Arc<Socket>,
    deflate: Option<DeflateParams>,
    early: bytes::Bytes,
) -> Option<impl Future<Output = ()> + Send + use<>> {
    let wire = wire(deflate);
    let connection = app.hub.open(wire.id(), Some(socket.clone())).ok()?;
    let session = Session::open(orbit, app, connection, wire, Transport::WebSocket, address);
    Some(socket::read(socket, session, Frames::new(app, deflate), early))
}

async fn serve_stream<S>(
    orbit: Arc<Orbit>,
    app: Arc<App>,
    address: Option<Box<AddressGuard>>,
    stream: S,
    deflate: Option<DeflateParams>,
    early: bytes::Bytes,
) where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite,
{
    let wire = wire(deflate);
    let Ok(connection) = app.hub.open(wire.id(), None) else { return };
    let session = Session::open(&orbit, &app, connection, wire, Transport::WebSocket, address);
    stream::run(stream, &session, Frames::new(&app, deflate), early).await;
}

fn wire(deflate: Option<DeflateParams>) -> Wire {
    // What is compressed for all does not fit a client that wants a smaller window; plain frames always do.
    if deflate.is_some_and(|params| params.takes_shared_frames()) { Wire::WebSocketDeflate } else { Wire::WebSocket }
}

/// The frames that come in.
pub(super) struct Frames {
    decoder: Decoder,
}

impl Frames {
    fn new(app: &App, deflate: Option<DeflateParams>) -> Self {
        let bytes = app.settings.frame_bytes;
        let limits = Limits { frame_bytes: bytes, message_bytes: bytes, ..Limits::default() };
        Self { decoder: Decoder::new(Role::Server, limits).with_deflate(deflate) }
    }

    /// Does what the client says in these bytes. Behind a close, or what breaks the protocol, all is swallowed: the
    /// connection ends once the peer has had time to read our own close.
    pub(super) fn receive(&mut self, session: &Session, mut input: &mut [u8]) {
        loop {
            match self.decoder.next(&mut input) {
                Ok(Some(Event::Text(text))) => session.receive(text.as_bytes()),
                Ok(Some(Event::Binary(bytes))) => session.receive(bytes),
                Ok(Some(Event::Pong(_))) => session.heard(),
                Ok(Some(ping @ Event::Ping(_))) => {
                    session.heard();
                    let connection = session.connection();
                    if let Some(pong) = ping.reply(Role::Server) {
                        connection.flush(connection.send(pong));
                    }
                }
                Ok(Some(Event::Close(close))) => {
                    let code = close.map_or(1000, |close| close.code.get());
                    close_with(session, Disconnect { code, reason: "" });
                }
                Ok(None) => return,
                Err(error) => close_with(session, broken(error)),
            }
        }
    }
}

fn close_with(session: &Session, why: Disconnect) {
    let connection = session.connection();
    connection.flush(connection.close(why));
}

/// How a connection ends whose peer breaks the WebSocket protocol (RFC 6455 section 7.4.1).
fn broken(error: ProtocolError) -> Disconnect {
    let code = error.close_code().get();
    let reason = match code {
        1007 => "text is not UTF-8",
        1009 => "message too big",
        _ => "WebSocket protocol error",
    };
    Disconnect { code, reason }
}
