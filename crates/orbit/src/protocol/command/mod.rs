//! From the bytes of a frame to commands.
//!
//! A frame holds one command a line. [`parse`] checks what concerns the whole frame and gives an
//! iterator; each command is parsed as the iterator comes to it, so that a mistake in one does
//! not keep the ones before it from being done.

mod error;
mod read;

pub use error::{CommandError, FrameError, Problem};

use super::json::{DEFAULT_MAX_DEPTH, depth_within};
use super::request::{
    ConnectRequest, HistoryRequest, PresenceRequest, PresenceStatsRequest, PublishRequest, RefreshRequest, RpcRequest,
    SendRequest, SubRefreshRequest, SubscribeRequest, Text, UnsubscribeRequest,
};

/// What one frame may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLimits {
    /// Commands in one frame. A client that reconnects sends all its subscriptions in one, so
    /// this should be no less than the channels a connection may have. Default 256.
    pub commands: usize,
    /// Nesting of arrays and objects in one command, the command's own two levels included.
    /// Default 130: [`DEFAULT_MAX_DEPTH`] for a payload, and those two.
    pub depth: usize,
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self { commands: 256, depth: DEFAULT_MAX_DEPTH + 2 }
    }
}

/// One command of a client.
#[derive(Debug, Clone)]
pub struct Command<'a> {
    /// Comes back in the reply. 0 for the commands that get none: [`Method::Send`] and
    /// [`Method::Pong`].
    pub id: u32,
    /// What is to be done.
    pub method: Method<'a>,
}

/// What a command asks for.
#[derive(Debug, Clone)]
pub enum Method<'a> {
    /// Open the session.
    Connect(ConnectRequest<'a>),
    /// Subscribe to a channel.
    Subscribe(SubscribeRequest<'a>),
    /// End a subscription.
    Unsubscribe(UnsubscribeRequest<'a>),
    /// Publish into a channel.
    Publish(PublishRequest<'a>),
    /// List who is in a channel.
    Presence(PresenceRequest<'a>),
    /// Count who is in a channel.
    PresenceStats(PresenceStatsRequest<'a>),
    /// Read a channel's log.
    History(HistoryRequest<'a>),
    /// Ask for a sign of life.
    Ping,
    /// Give the application a message, without an answer.
    Send(SendRequest<'a>),
    /// Call the application.
    Rpc(RpcRequest<'a>),
    /// Bring a new token for the connection.
    Refresh(RefreshRequest<'a>),
    /// Bring a new token for a subscription.
    SubRefresh(SubRefreshRequest<'a>),
    /// Answer the server's ping: the empty object.
    Pong,
    /// A method that this server does not have: to be answered with error 104
    /// ([`METHOD_NOT_FOUND`](super::ErrorCode::METHOD_NOT_FOUND)).
    Unknown(Text<'a>),
}

impl Method<'_> {
    /// The method's name on the wire, which is also the field of the reply that holds the
    /// result; empty for [`Method::Pong`].
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Connect(_) => "connect",
            Self::Subscribe(_) => "subscribe",
            Self::Unsubscribe(_) => "unsubscribe",
            Self::Publish(_) => "publish",
            Self::Presence(_) => "presence",
            Self::PresenceStats(_) => "presence_stats",
            Self::History(_) => "history",
            Self::Ping => "ping",
            Self::Send(_) => "send",
            Self::Rpc(_) => "rpc",
            Self::Refresh(_) => "refresh",
            Self::SubRefresh(_) => "sub_refresh",
            Self::Pong => "",
            Self::Unknown(name) => name,
        }
    }

    /// Whether the client waits for a reply, and the command must have an id therefore.
    #[must_use]
    pub const fn needs_reply(&self) -> bool {
        !matches!(self, Self::Send(_) | Self::Pong)
    }
}

/// Checks a frame as a whole and gives its commands, each of which is parsed in its turn. Blank
/// lines are passed over, and a line may end with a carriage return.
///
/// # Errors
/// [`FrameError`]: nothing of the frame may be done then.
pub fn parse(frame: &[u8], limits: FrameLimits) -> Result<Commands<'_>, FrameError> {
    let text = std::str::from_utf8(frame).map_err(|error| FrameError::NotUtf8 { valid_up_to: error.valid_up_to() })?;
    let commands = Commands { lines: text.split('\n'), limits };
    let one_too_many = limits.commands.saturating_add(1);
    if commands.clone().filled_lines().take(one_too_many).count() > limits.commands {
        return Err(FrameError::TooManyCommands { limit: limits.commands });
    }
    Ok(commands)
}

/// The commands of a frame, in order. Made by [`parse`].
#[derive(Debug, Clone)]
pub struct Commands<'a> {
    lines: std::str::Split<'a, char>,
    limits: FrameLimits,
}

impl<'a> Commands<'a> {
    fn filled_lines(self) -> impl Iterator<Item = &'a str> {
        self.lines.filter(|line| !is_blank(line))
    }
}

impl<'a> Iterator for Commands<'a> {
    type Item = Result<Command<'a>, CommandError>;

    fn next(&mut self) -> Option<Self::Item> {
        let limit = self.limits.depth;
        let line = self.lines.find(|line| !is_blank(line))?;
        Some(if depth_within(line.as_bytes(), limit) {
            read::command(line)
        } else {
            Err(CommandError { id: None, problem: Problem::TooDeep { limit } })
        })
    }
}

/// Blank in the sense of RFC 8259, section 2.
fn is_blank(line: &str) -> bool {
    line.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

#[cfg(test)]
mod tests;
