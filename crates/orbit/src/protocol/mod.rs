//! The Centrifuge client protocol, version 2, in its JSON form.
//!
//! A frame from a client is one or more commands, one JSON object a line. A frame from the server
//! is one or more replies and pushes, framed the same way. An empty object is a ping when the
//! server sends it and a pong when the client does.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`codes`] | error, disconnect and unsubscribe codes, and what a client does on each |
//! | [`command`] | a frame of bytes into commands |
//! | [`request`] | the parameters of each command |
//! | [`reply`] | the answers to commands |
//! | [`push`] | what the server says of its own accord |
//! | [`json`] | checking a payload, and writing objects straight into a buffer |
//!
//! Nothing here knows a session, a hub or a socket: bytes in, borrowed values out, and back.
//!
//! Source: the public definitions of the protocol (`definitions/client.proto` of
//! centrifugal/protocol) and the page "Client protocol" of its documentation.

pub mod codes;
pub mod command;
pub mod json;
pub mod push;
pub mod reply;
pub mod request;

pub use codes::{Disconnect, ErrorCode, Unsubscribe};
pub use command::{Command, CommandError, Commands, FrameError, FrameLimits, Method, Problem};
pub use json::{JsonError, RawJson};
pub use push::{ClientInfo, Gap, Publication, Push};
