//! What can go wrong, and what to do then.

use std::fmt;

use crate::log::Unrecoverable;

/// The app has as many connections as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppFull {
    /// How many that is.
    pub limit: usize,
}

impl fmt::Display for AppFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the app has {} connections already, which is its limit", self.limit)
    }
}

impl std::error::Error for AppFull {}

/// Why a message could not be published. Nothing was sent then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishError {
    /// The channel does not exist yet, and the app has as many channels as it may have.
    TooManyChannels {
        /// How many that is.
        limit: usize,
    },
    /// The hub has been saved for the next run, which would know nothing of this message.
    Stopped,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyChannels { limit } => {
                write!(f, "the app has {limit} channels already, which is its limit; publish to one of those")
            }
            Self::Stopped => f.write_str("the server is stopping; publish again in a moment"),
        }
    }
}

impl std::error::Error for PublishError {}

/// Why a channel's history cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryError {
    /// The channel keeps no history.
    Off,
    /// It cannot be read from this position.
    Unrecoverable,
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => {
                f.write_str("this channel keeps no history; give its pattern a history_size in the configuration")
            }
            Self::Unrecoverable => Unrecoverable.fmt(f),
        }
    }
}

impl std::error::Error for HistoryError {}

/// Why a connection cannot be subscribed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscribeError {
    /// It is subscribed to this channel already.
    AlreadySubscribed,
    /// It is subscribed to as many channels as it may be.
    TooManyChannels {
        /// How many that is.
        limit: usize,
    },
    /// The app has as many channels as it may have.
    AppFull {
        /// How many that is.
        limit: usize,
    },
    /// The connection has ended.
    Ended,
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadySubscribed => f.write_str("already subscribed to this channel"),
            Self::TooManyChannels { limit } => {
                write!(f, "a connection may be subscribed to {limit} channels; unsubscribe from one first")
            }
            Self::AppFull { limit } => write!(f, "the app has {limit} channels already, which is its limit"),
            Self::Ended => f.write_str("the connection has ended"),
        }
    }
}

impl std::error::Error for SubscribeError {}

/// Why a connection cannot take this user's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentifyError {
    /// The user has as many connections as it may have.
    TooManyConnections {
        /// How many that is.
        limit: usize,
    },
    /// The connection has a name already, or has ended.
    AlreadyIdentified,
}

impl fmt::Display for IdentifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyConnections { limit } => {
                write!(f, "the user has {limit} connections already, which is the limit; close one first")
            }
            Self::AlreadyIdentified => f.write_str("the connection is identified already"),
        }
    }
}

impl std::error::Error for IdentifyError {}
