//! What goes into a channel, and what becomes of it.

use bytes::Bytes;

use crate::event::ClientInfo;
use crate::log::Position;

/// A message on its way into a channel.
#[derive(Clone, Debug)]
pub struct Message {
    /// JSON text without line breaks.
    pub data: Bytes,
    /// Who publishes, when a connection does.
    pub info: Option<ClientInfo>,
    /// Makes a repeat harmless: the same key in the same channel within the app's window is answered as the first was.
    pub idempotency_key: Option<Box<str>>,
}

impl Message {
    /// A message of the back end.
    pub fn new(data: impl Into<Bytes>) -> Self {
        Self { data: data.into(), info: None, idempotency_key: None }
    }
}

/// What became of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Where it stands in the channel's log, if the channel has a history.
    pub position: Option<Position>,
    /// Connections it was queued for.
    pub sent: usize,
    /// Whether this is the answer to an earlier publication with the same idempotency key.
    pub repeated: bool,
}
