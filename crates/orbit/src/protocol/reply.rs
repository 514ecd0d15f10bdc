//! The answers to commands, written straight into a buffer.
//!
//! Fields that are empty, zero or false are left out, as the protocol's own server does, except
//! where stock clients read the field without asking whether it is there.

use super::codes::ErrorCode;
use super::json::{Object, RawJson, object};
use super::push::{ClientInfo, Publication};

/// The result of a command that succeeded.
pub trait ResultBody {
    /// The field of the reply that holds the result: the name of the command's method.
    const METHOD: &'static str;

    /// Writes the result's fields.
    fn write(&self, object: &mut Object<'_>);
}

/// Writes the reply to a command that succeeded.
pub fn reply<R: ResultBody>(out: &mut Vec<u8>, id: u32, result: &R) {
    object(out, |o| {
        o.number("id", u64::from(id));
        o.object(R::METHOD, |o| result.write(o));
    });
}

/// Writes the reply to a command that failed.
pub fn error(out: &mut Vec<u8>, id: u32, error: ErrorCode) {
    error_explained(out, id, error, error.message);
}

/// Writes the reply to a command that failed, with a text that says more than the code's own.
pub fn error_explained(out: &mut Vec<u8>, id: u32, error: ErrorCode, message: &str) {
    object(out, |o| {
        o.number("id", u64::from(id));
        o.object("error", |o| {
            o.number("code", u64::from(error.code));
            o.text("message", message);
            o.flag("temporary", error.temporary);
        });
    });
}

/// The session is open.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConnectResult<'a> {
    /// The connection's id, unlike every other's.
    pub client: &'a str,
    /// The server's version.
    pub version: &'a str,
    /// Whether the connection's token has an end; the client brings a new one before it.
    pub expires: bool,
    /// Seconds until then.
    pub ttl: u32,
    /// Whatever the server passes along.
    pub data: Option<RawJson<'a>>,
    /// The subscriptions that the server made, by channel.
    pub subs: &'a [(&'a str, SubscribeResult<'a>)],
    /// Seconds between the server's pings; 0 when it sends none.
    pub ping: u32,
    /// Whether the client has to answer pings.
    pub pong: bool,
    /// What names this session to the emulation endpoint.
    pub session: &'a str,
    /// What names this node to the emulation endpoint.
    pub node: &'a str,
}

impl ResultBody for ConnectResult<'_> {
    const METHOD: &'static str = "connect";

    fn write(&self, object: &mut Object<'_>) {
        object.text("client", self.client);
        object.text_unless_empty("version", self.version);
        write_life(object, self.expires, self.ttl);
        object.raw("data", self.data);
        if !self.subs.is_empty() {
            object.object("subs", |object| {
                for (channel, result) in self.subs {
                    object.entry(channel, |object| result.write(object));
                }
            });
        }
        object.number_unless_zero("ping", u64::from(self.ping));
        object.flag("pong", self.pong);
        object.text_unless_empty("session", self.session);
        object.text_unless_empty("node", self.node);
    }
}

/// The subscription stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct SubscribeResult<'a> {
    /// Whether the subscription's token has an end; the client brings a new one before it.
    pub expires: bool,
    /// Seconds until then.
    pub ttl: u32,
    /// Whether the subscription can be resumed. A stock client keeps its position only then.
    pub recoverable: bool,
    /// The epoch of the channel's log.
    pub epoch: &'a str,
    /// Where the client stands before it has read `publications`.
    pub offset: u64,
    /// What was missed, oldest first.
    pub publications: &'a [Publication<'a>],
    /// Whether `publications` are all that was missed.
    pub recovered: bool,
    /// Whether the client asked to resume.
    pub was_recovering: bool,
    /// Whether the server watches that nothing is missed.
    pub positioned: bool,
    /// Whatever the server passes along.
    pub data: Option<RawJson<'a>>,
}

impl ResultBody for SubscribeResult<'_> {
    const METHOD: &'static str = "subscribe";

    fn write(&self, object: &mut Object<'_>) {
        write_life(object, self.expires, self.ttl);
        object.flag("recoverable", self.recoverable);
        object.text_unless_empty("epoch", self.epoch);
        if !self.publications.is_empty() {
            object.array("publications", self.publications, Publication::write);
        }
        object.flag("recovered", self.recovered);
        object.number_unless_zero("offset", self.offset);
        object.flag("positioned", self.positioned);
        object.raw("data", self.data);
        object.flag("was_recovering", self.was_recovering);
    }
}

/// A result without fields.
macro_rules! empty_result {
    ($(#[$doc:meta])* $name:ident, $method:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default)]
        pub struct $name;

        impl ResultBody for $name {
            const METHOD: &'static str = $method;

            fn write(&self, _: &mut Object<'_>) {}
        }
    };
}

empty_result!(
    /// The subscription has ended.
    UnsubscribeResult,
    "unsubscribe"
);
empty_result!(
    /// The message is published.
    PublishResult,
    "publish"
);
empty_result!(
    /// The server is there.
    PingResult,
    "ping"
);

/// Who is in a channel.
#[derive(Debug, Clone, Copy, Default)]
pub struct PresenceResult<'a> {
    /// The connections, by their ids.
    pub presence: &'a [(&'a str, ClientInfo<'a>)],
}

impl ResultBody for PresenceResult<'_> {
    const METHOD: &'static str = "presence";

    fn write(&self, object: &mut Object<'_>) {
        object.object("presence", |object| {
            for (client, info) in self.presence {
                object.entry(client, |object| info.write(object));
            }
        });
    }
}

/// How many are in a channel.
#[derive(Debug, Clone, Copy, Default)]
pub struct PresenceStatsResult {
    /// Connections.
    pub num_clients: u32,
    /// Users, however many connections each has.
    pub num_users: u32,
}

impl ResultBody for PresenceStatsResult {
    const METHOD: &'static str = "presence_stats";

    fn write(&self, object: &mut Object<'_>) {
        object.number("num_clients", u64::from(self.num_clients));
        object.number("num_users", u64::from(self.num_users));
    }
}

/// A part of a channel's log.
#[derive(Debug, Clone, Copy, Default)]
pub struct HistoryResult<'a> {
    /// The publications asked for, in the order asked for.
    pub publications: &'a [Publication<'a>],
    /// The epoch of the log.
    pub epoch: &'a str,
    /// The offset of the newest publication in the log.
    pub offset: u64,
}

impl ResultBody for HistoryResult<'_> {
    const METHOD: &'static str = "history";

    fn write(&self, object: &mut Object<'_>) {
        object.array("publications", self.publications, Publication::write);
        object.text("epoch", self.epoch);
        object.number("offset", self.offset);
    }
}

/// The new token of the connection is good.
#[derive(Debug, Clone, Copy, Default)]
pub struct RefreshResult<'a> {
    /// The connection's id.
    pub client: &'a str,
    /// The server's version.
    pub version: &'a str,
    /// Whether the new token has an end.
    pub expires: bool,
    /// Seconds until then.
    pub ttl: u32,
}

impl ResultBody for RefreshResult<'_> {
    const METHOD: &'static str = "refresh";

    fn write(&self, object: &mut Object<'_>) {
        object.text_unless_empty("client", self.client);
        object.text_unless_empty("version", self.version);
        write_life(object, self.expires, self.ttl);
    }
}

/// The new token of the subscription is good.
#[derive(Debug, Clone, Copy, Default)]
pub struct SubRefreshResult {
    /// Whether the new token has an end.
    pub expires: bool,
    /// Seconds until then.
    pub ttl: u32,
}

impl ResultBody for SubRefreshResult {
    const METHOD: &'static str = "sub_refresh";

    fn write(&self, object: &mut Object<'_>) {
        write_life(object, self.expires, self.ttl);
    }
}

fn write_life(object: &mut Object<'_>, expires: bool, ttl: u32) {
    object.flag("expires", expires);
    object.number_unless_zero("ttl", u64::from(ttl));
}

#[cfg(test)]
mod tests;
