//! `/connection/http_stream`: the connect command comes in the request, everything else goes out in the response, a line
//! for each frame. Further commands come to `/emulation`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::Transport;
use super::body::streaming;
use super::emulation::{commands, open_session};
use super::routes::Client;
use crate::format::Wire;
use crate::orbit::Orbit;

pub(super) async fn open(
    State(orbit): State<Arc<Orbit>>,
    Extension(client): Extension<Client>,
    body: Body,
) -> Response {
    let connect = match commands(&client.app, body).await {
        Ok(connect) => connect,
        Err(refused) => return refused.into_response(),
    };
    match open_session(&orbit, &client, Wire::Lines, Transport::HttpStream) {
        Ok(session) => {
            session.receive(&connect);
            streaming(session, "application/json; charset=utf-8", None)
        }
        Err(refused) => refused.into_response(),
    }
}
