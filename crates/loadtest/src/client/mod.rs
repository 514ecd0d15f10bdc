//! Clients of each transport. Each connects, subscribes, and then reads until the bench is over.

mod bare;
mod emulation;
mod http;
mod lines;
mod long_poll;
mod stream;
mod websocket;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;

pub(crate) use emulation::Emulation;
pub(crate) use http::{Requests, body};
pub(crate) use websocket::connect as connect_websocket;

use crate::context::Context;
use crate::error::ClientError;
use crate::options::Transport;
use crate::subscriber::Subscriber;
use crate::target::Target;

/// How long a client may take to connect.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// Runs one client until it fails, which is noted; nothing else ends it.
pub(crate) async fn run(context: Arc<Context>, client: usize, connecting: Arc<Semaphore>) {
    // The semaphore is never closed.
    let Ok(permit) = connecting.acquire_owned().await else { return };
    let subscriber = Subscriber::new(context.clone(), client, permit);
    // Each in memory of its own, or all would take as much as the largest.
    let running: Pin<Box<dyn Future<Output = Result<(), ClientError>> + Send>> = match context.args.transport {
        Transport::WebSocket => Box::pin(websocket::run(subscriber)),
        Transport::HttpStream | Transport::Sse | Transport::EventSource => Box::pin(stream::run(subscriber)),
        Transport::LongPoll => Box::pin(long_poll::run(subscriber)),
        Transport::Bare => Box::pin(bare::run(subscriber)),
    };
    let error = running.await.err().unwrap_or(ClientError::Disconnected { code: None, reason: String::new() });
    context.fail(client, error);
}

/// A TCP connection of a client.
pub(crate) async fn connect_tcp(target: &Target, client: usize) -> Result<TcpStream, ClientError> {
    let connecting = async {
        let socket = if target.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if let Some(source) = target.source(client) {
            socket.bind((source, 0).into())?;
        }
        socket.set_nodelay(true)?;
        socket.connect(target.address).await
    };
    match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(connected) => Ok(connected?),
        Err(_) => Err(ClientError::Timeout("connect")),
    }
}
