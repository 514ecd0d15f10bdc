//! WebSocket: an IO-free codec and handshake.

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
mod text;

pub use close::{CloseCode, CloseReason, MAX_CLOSE_REASON_BYTES};
pub use decoder::Decoder;
pub use deflate::{DeflateOptions, DeflateParams};
pub use error::ProtocolError;
pub use event::{Event, Message};
pub use header::{MAX_CONTROL_BYTES, Opcode};
pub use limits::{Limits, Role};
pub use mask::{MaskKey, apply_mask};
