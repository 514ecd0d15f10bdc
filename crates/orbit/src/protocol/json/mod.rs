//! JSON as the wire needs it: payloads checked and put on one line, objects written straight
//! into a buffer.
//!
//! Payloads are never built into a tree. They come in as text, are checked once
//! ([`payload`]), and go out as the same text ([`RawJson`]).

mod check;
mod write;

pub use check::{DEFAULT_MAX_DEPTH, JsonError, compact, depth_within, payload, validate};
pub use write::{Object, RawJson, object};
