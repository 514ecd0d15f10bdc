//! Clients of the bare writer: what a WebSocket carries, without the handshake in front.

use planet_websocket::client::ClientStream;
use planet_websocket::{Decoder, Limits, Role};
use tokio::io::AsyncWriteExt as _;

use super::connect_tcp;
use super::websocket::Reader;
use crate::error::ClientError;
use crate::subscriber::Subscriber;

/// The byte by which a connection says that it wants frames.
const SUBSCRIBE: &[u8] = b"S";

pub(super) async fn run(subscriber: Subscriber) -> Result<(), ClientError> {
    let mut reader = Box::pin(open(subscriber)).await?;
    reader.read().await
}

async fn open(subscriber: Subscriber) -> Result<Reader, ClientError> {
    let mut tcp = connect_tcp(&subscriber.context().target, subscriber.client()).await?;
    tcp.write_all(SUBSCRIBE).await?;
    let decoder = Decoder::new(Role::Client, Limits::default());
    Ok(Reader::new(ClientStream::Plain(tcp), decoder, subscriber))
}
