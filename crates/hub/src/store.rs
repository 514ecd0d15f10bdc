//! Seams behind which a node alone can later be a node among several: how messages travel, and where logs are kept.

use std::io;
use std::sync::Arc;

use crate::app::App;
use crate::error::PublishError;
use crate::event::Publication;
use crate::log::Position;
use crate::message::{Message, Published};

/// Carries a publication to every node that has subscribers.
pub trait Broker: Send + Sync {
    /// Publishes to a channel of `app` on all nodes, by [`App::publish_here`] on this one.
    ///
    /// # Errors
    /// See [`PublishError`]; nothing is sent then.
    fn publish(&self, app: &Arc<App>, channel: &str, message: Message) -> Result<Published, PublishError>;
}

/// The broker of a node that is alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisNode;

impl Broker for ThisNode {
    fn publish(&self, app: &Arc<App>, channel: &str, message: Message) -> Result<Published, PublishError> {
        app.publish_here(channel, &message)
    }
}

/// A channel's log as it is kept between two runs of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedChannel {
    /// The channel.
    pub name: String,
    /// Its epoch and the offset of its last message.
    pub position: Position,
    /// The messages still kept, in order of their offsets; the last one's is the position's, unless none is kept.
    pub messages: Vec<Arc<Publication>>,
    /// Publications of late that a repeat is to be recognized by, oldest first.
    pub repeats: Vec<SavedRepeat>,
}

/// A publication's idempotency key, and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedRepeat {
    /// The key.
    pub key: String,
    /// When it is forgotten, in milliseconds since 1970.
    pub expires_at: u64,
    /// The offset that the message got; 0 in a channel without history.
    pub offset: u64,
    /// Connections that the message was queued for.
    pub sent: u64,
}

/// Keeps the logs of apps between two runs of a server, so that clients resume across a restart.
pub trait Store: Send + Sync {
    /// What was saved of an app; empty when nothing was.
    ///
    /// # Errors
    /// When what is there cannot be read.
    fn load(&self, app: &str) -> io::Result<Vec<SavedChannel>>;

    /// Saves an app's channels in place of what was saved before.
    ///
    /// # Errors
    /// When it cannot be written.
    fn save(&self, app: &str, channels: &[SavedChannel]) -> io::Result<()>;
}

/// Keeps nothing: after a restart every resume is told of a gap.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forgetful;

impl Store for Forgetful {
    fn load(&self, _app: &str) -> io::Result<Vec<SavedChannel>> {
        Ok(Vec::new())
    }

    fn save(&self, _app: &str, _channels: &[SavedChannel]) -> io::Result<()> {
        Ok(())
    }
}
