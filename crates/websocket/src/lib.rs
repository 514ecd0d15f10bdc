//! WebSocket: an IO-free codec and handshake.

pub mod client;
mod close;
mod decoder;
pub mod deflate;
mod error;
mod event;
pub mod frame;
pub mod handshake;
mod header;
mod limits;
mod mask;
pub mod scratch;
#[cfg(feature = "hyper")]
pub mod server;
mod socket;
mod text;

pub use close::{CloseCode, CloseReason, MAX_CLOSE_REASON_BYTES};
pub use decoder::Decoder;
pub use deflate::{DeflateOptions, DeflateParams};
pub use error::ProtocolError;
pub use event::{Event, Message};
pub use header::{MAX_CONTROL_BYTES, Opcode};
pub use limits::{Limits, Role};
pub use mask::{MaskKey, apply_mask};
pub use socket::{Parts, SocketOptions, WebSocket, WebSocketError};
