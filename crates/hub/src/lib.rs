//! The heart of Orbit: channels, users, presence, history and fan-out. Knows no socket and no HTTP.
//!
//! # The map
//!
//! - [`Hub`] holds [`App`]s, an app holds channels, users and [`Connection`]s.
//! - A message goes [`App::publish`] → [`Broker`] → the channel, which gives it an offset, keeps it in its log, encodes
//!   it once for each [`Format`] in use and queues the shared bytes for each subscriber's [`Outbound`] queue.
//! - A queue is written either by a task of the connection ([`Outbound::poll_take`]) or, cheaper, by whoever the
//!   [`Flush`] has do it, straight to the connection's [`Sink`] ([`Outbound::drain`]).
//! - A subscriber that comes back resumes from its last [`Position`] and gets exactly what it missed, or is told of a
//!   gap ([`Recovery`]).
//!
//! # What it promises
//!
//! - A subscriber gets a channel's messages in order, each once. What it does not get, it is told of: by a gap in the
//!   stream ([`Event::Gap`]), by a [`Recovery::Gap`] when it resumes, or by being disconnected as slow.
//! - Every queue, table and log has a bound ([`AppLimits`], [`ChannelOptions`]), and what is dropped is counted
//!   ([`Counters`]).
//!
//! # Example
//!
//! ```
//! use bytes::Bytes;
//! use planet_hub::*;
//! # use std::sync::Arc;
//!
//! struct Lines;
//! impl Format for Lines {
//!     fn encode(&self, event: &Event<'_>) -> Bytes {
//!         match event {
//!             Event::Publication { publication, .. } => publication.data.clone(),
//!             _ => Bytes::new(),
//!         }
//!     }
//! }
//!
//! struct Nobody;
//! impl Flush for Nobody {
//!     fn flush(&self, _ready: Vec<Arc<Connection>>) {}
//! }
//!
//! let hub = Hub::builder(vec![Box::new(Lines)], Nobody).build();
//! let app = hub.create_app("default", AppSettings::default())?;
//!
//! let julia = app.open(FormatId(0), None)?;
//! julia.identify(Some("julia"), None)?;
//! let needs_flush = julia.subscribe("chat", Subscribe::default(), |_| Bytes::from_static(b"welcome"))?;
//! julia.flush(needs_flush);
//!
//! let published = app.publish("chat", Message::new("\"hello\""))?;
//! assert_eq!(published.sent, 1);
//! assert_eq!(julia.outbound().bytes(), "welcome\"hello\"".len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod app;
mod budget;
mod channel;
mod connection;
mod error;
mod event;
mod hub;
mod idempotency;
mod log;
mod message;
mod metrics;
mod node;
mod options;
pub mod outbound;
mod pattern;
mod prefetch;
mod recovery;
mod store;
mod sync;

pub use app::App;
pub use channel::PresenceStats;
pub use connection::{Connection, NeedsFlush};
pub use error::{AppFull, HistoryError, IdentifyError, PublishError, SubscribeError};
pub use event::{
    ClientId, ClientInfo, Disconnect, Event, Format, FormatId, Gap, InvalidClientId, MAX_FORMATS, Publication,
};
pub use hub::{Hub, HubBuilder};
pub use log::{Epoch, History, HistoryQuery, Position, Unrecoverable};
pub use message::{Message, Published};
pub use metrics::{Counter, Counters, Histogram, LATENCY_BOUNDS_US};
pub use node::{Flush, Observer};
pub use options::{AppLimits, AppSettings, ChannelOptions, Overflow};
pub use outbound::{Batch, DrainReport, Drained, Outbound, Sink};
pub use pattern::{Matched, Pattern, PatternError, Rules};
pub use recovery::{Recovery, Resume, Subscribe, Subscribed};
pub use store::{Broker, Forgetful, SavedChannel, SavedRepeat, Store, ThisNode};
