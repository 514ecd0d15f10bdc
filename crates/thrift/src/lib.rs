//! Thrift over framed TCP and over HTTP, async, within limits.
//!
//! The protocols and the generated code are those of the Apache [`thrift`] crate; what is here is what a server needs
//! around them. Every message says by its first bytes how it is written ([`Encoding::of`]), so one port takes the binary
//! protocol in its strict and its old form and the compact protocol, and each call is answered as it was asked.
//!
//! - A [`Server`] has a [`Handler`] answer calls: generated code through [`Processor`], or async code of one's own.
//! - A [`Client`] makes calls through generated code, over a bounded pool of connections.
//! - [`ServerSettings`], [`ClientSettings`] and [`MessageLimits`] have every bound with its default.
//!
//! # A service in 15 minutes
//!
//! See README.md beside this crate's manifest.
//!
//! # Modules
//!
//! | module | one idea |
//! | --- | --- |
//! | `encoding` | which protocol a message is written in |
//! | `input`, `output` | what generated code reads from and writes to; the limits of a message |
//! | `frames` | messages with their length in front |
//! | `call`, `handler` | what answers a call |
//! | `server` | framed connections, HTTP requests |
//! | `client` | calls, the pool of framed connections, HTTP requests |
//! | `limits`, `error`, `counters` | bounds, what can be wrong, what has been done |
//!
//! [`thrift`]: https://docs.rs/thrift

mod call;
mod client;
mod counters;
mod encoding;
mod error;
mod frames;
mod handler;
mod in_order;
mod input;
mod limits;
mod output;
mod server;

/// The Apache crate, whose types generated code needs.
pub use thrift;

pub use call::Call;
pub use client::{Client, ClientError};
pub use counters::Counters;
pub use encoding::Encoding;
pub use error::MessageError;
pub use handler::{Handler, HandlerError, Processor};
pub use input::Input;
pub use limits::{ClientSettings, MessageLimits, ServerSettings};
pub use output::Output;
pub use server::{CONTENT_TYPE, HttpService, Server};
