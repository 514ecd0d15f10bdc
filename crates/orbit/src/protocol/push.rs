//! What the server tells a client of its own accord, written straight into a buffer.
//!
//! A push is encoded once for a channel and copied to every subscriber, so nothing in it may
//! depend on who receives it.

use super::codes::{Disconnect, Unsubscribe};
use super::json::{Object, RawJson, object};

/// The frame that asks a client for a sign of life; clients answer with the same.
pub const PING: &[u8] = b"{}";

/// One connection, as others in a channel see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientInfo<'a> {
    /// The user; empty for an anonymous connection.
    pub user: &'a str,
    /// The connection's id, unlike every other's.
    pub client: &'a str,
    /// What the connection's token says about the user.
    pub conn_info: Option<RawJson<'a>>,
    /// What the subscription's token says about the user.
    pub chan_info: Option<RawJson<'a>>,
}

impl ClientInfo<'_> {
    pub(super) fn write(&self, object: &mut Object<'_>) {
        object.text("user", self.user);
        object.text("client", self.client);
        object.raw("conn_info", self.conn_info);
        object.raw("chan_info", self.chan_info);
    }
}

/// One message of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publication<'a> {
    /// The payload.
    pub data: RawJson<'a>,
    /// Who published it, when a client did.
    pub info: Option<ClientInfo<'a>>,
    /// Its place in the channel's log; `None` for a channel that keeps none.
    pub offset: Option<u64>,
    /// Labels that a back end gave it.
    pub tags: &'a [(&'a str, &'a str)],
}

impl Publication<'_> {
    pub(super) fn write(&self, object: &mut Object<'_>) {
        object.raw("data", Some(self.data));
        if let Some(info) = &self.info {
            object.object("info", |object| info.write(object));
        }
        object.number_unless_zero("offset", self.offset.unwrap_or(0));
        if !self.tags.is_empty() {
            object.object("tags", |object| {
                for (name, value) in self.tags {
                    object.text_entry(name, value);
                }
            });
        }
    }
}

/// Where a subscription that the server made begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SubscribePush<'a> {
    /// Whether it can be resumed.
    pub recoverable: bool,
    /// Whether the server watches that nothing is missed.
    pub positioned: bool,
    /// The epoch of the channel's log.
    pub epoch: &'a str,
    /// The offset of the newest publication at that moment.
    pub offset: u64,
    /// Whatever the back end passes along.
    pub data: Option<RawJson<'a>>,
}

/// Something the server tells a client of its own accord.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Push<'a> {
    /// A message of a channel.
    Publication(Publication<'a>),
    /// A connection subscribed to the channel.
    Join(ClientInfo<'a>),
    /// A connection left the channel.
    Leave(ClientInfo<'a>),
    /// The subscription has ended.
    Unsubscribe(Unsubscribe),
    /// A message that belongs to no channel.
    Message(RawJson<'a>),
    /// The server subscribed the connection to the channel.
    Subscribe(SubscribePush<'a>),
    /// The connection's remaining life has changed.
    Refresh {
        /// Whether it has an end.
        expires: bool,
        /// Seconds until then.
        ttl: u32,
    },
    /// The connection ends: the last line on transports without a close frame.
    Disconnect(Disconnect),
}

/// Writes a push about `channel`; empty for [`Push::Message`], [`Push::Refresh`] and
/// [`Push::Disconnect`], which belong to none.
pub fn push(out: &mut Vec<u8>, channel: &str, push: &Push<'_>) {
    object(out, |o| {
        o.object("push", |o| {
            o.text_unless_empty("channel", channel);
            match push {
                Push::Publication(publication) => o.object("pub", |o| publication.write(o)),
                Push::Join(info) => o.object("join", |o| o.object("info", |o| info.write(o))),
                Push::Leave(info) => o.object("leave", |o| o.object("info", |o| info.write(o))),
                Push::Unsubscribe(Unsubscribe { code, reason }) => {
                    o.object("unsubscribe", |o| code_and_reason(o, *code, reason));
                }
                Push::Message(data) => o.object("message", |o| o.raw("data", Some(*data))),
                Push::Subscribe(subscribe) => o.object("subscribe", |o| {
                    o.flag("recoverable", subscribe.recoverable);
                    o.text_unless_empty("epoch", subscribe.epoch);
                    o.number_unless_zero("offset", subscribe.offset);
                    o.flag("positioned", subscribe.positioned);
                    o.raw("data", subscribe.data);
                }),
                Push::Refresh { expires, ttl } => o.object("refresh", |o| {
                    o.flag("expires", *expires);
                    o.number_unless_zero("ttl", u64::from(*ttl));
                }),
                Push::Disconnect(disconnect) => o.object("disconnect", |o| {
                    code_and_reason(o, disconnect.code, disconnect.reason);
                    o.flag("reconnect", disconnect.reconnect());
                }),
            }
        });
    });
}

fn code_and_reason(object: &mut Object<'_>, code: u32, reason: &str) {
    object.number("code", u64::from(code));
    object.text("reason", reason);
}

/// Messages of a channel that a live subscriber will not get, because its queue was full and the
/// channel's policy is to drop the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap<'a> {
    /// The channel.
    pub channel: &'a str,
    /// How many messages were dropped.
    pub dropped: u64,
    /// The offset of the first one dropped; `None` for a channel without a log.
    pub first: Option<u64>,
    /// The offset of the last one dropped.
    pub last: Option<u64>,
}

impl Gap<'_> {
    /// The notice alone, as the plain event stream carries it.
    pub fn write(&self, out: &mut Vec<u8>) {
        object(out, |object| self.fields(object));
    }

    fn fields(&self, object: &mut Object<'_>) {
        object.text("channel", self.channel);
        object.number("dropped", self.dropped);
        if let Some(first) = self.first {
            object.number("first", first);
        }
        if let Some(last) = self.last {
            object.number("last", last);
        }
    }
}

/// Writes the notice of a gap. The protocol has no push for it: it is a message with the payload
/// `{"gap":{…}}`, for which stock clients raise their `message` event.
pub fn gap(out: &mut Vec<u8>, gap: &Gap<'_>) {
    object(out, |o| {
        o.object("push", |o| {
            o.object("message", |o| {
                o.object("data", |o| o.object("gap", |o| gap.fields(o)));
            });
        });
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn pushed(channel: &str, message: &Push<'_>) -> Value {
        let mut out = Vec::new();
        push(&mut out, channel, message);
        assert!(!out.contains(&b'\n'));
        serde_json::from_slice(&out).unwrap()
    }

    fn publication(data: &[u8]) -> Publication<'_> {
        Publication { data: RawJson::trusted(data), info: None, offset: None, tags: &[] }
    }

    const JULIA: ClientInfo<'static> = ClientInfo { user: "julia", client: "c-1", conn_info: None, chan_info: None };

    #[test]
    fn a_publication_carries_what_it_has() {
        let plain = publication(b"{\"a\":1}");
        assert_eq!(
            pushed("chat", &Push::Publication(plain)),
            json!({"push": {"channel": "chat", "pub": {"data": {"a": 1}}}})
        );
        let full = Publication {
            info: Some(ClientInfo { conn_info: Some(RawJson::trusted(b"[1]")), ..JULIA }),
            offset: Some(u64::MAX),
            tags: &[("kind", "news")],
            ..plain
        };
        assert_eq!(
            pushed("chat", &Push::Publication(full)),
            json!({"push": {"channel": "chat", "pub": {
                "data": {"a": 1},
                "info": {"user": "julia", "client": "c-1", "conn_info": [1]},
                "offset": u64::MAX,
                "tags": {"kind": "news"},
            }}})
        );
    }

    #[test]
    fn joining_and_leaving_carry_who() {
        let info = json!({"info": {"user": "julia", "client": "c-1"}});
        assert_eq!(pushed("chat", &Push::Join(JULIA)), json!({"push": {"channel": "chat", "join": info}}));
        assert_eq!(pushed("chat", &Push::Leave(JULIA)), json!({"push": {"channel": "chat", "leave": info}}));
    }

    #[test]
    fn ends_carry_code_and_reason() {
        assert_eq!(
            pushed("chat", &Push::Unsubscribe(Unsubscribe::EXPIRED)),
            json!({"push": {"channel": "chat",
                "unsubscribe": {"code": 2501, "reason": "subscription expired"}}})
        );
        assert_eq!(
            pushed("", &Push::Disconnect(Disconnect::SHUTDOWN)),
            json!({"push": {"disconnect":
                {"code": 3001, "reason": "shutdown", "reconnect": true}}})
        );
        assert_eq!(
            pushed("", &Push::Disconnect(Disconnect::STALE)),
            json!({"push": {"disconnect": {"code": 3502, "reason": "stale"}}})
        );
    }

    #[test]
    fn the_rest_of_the_pushes() {
        assert_eq!(pushed("", &Push::Message(RawJson::NULL)), json!({"push": {"message": {"data": null}}}));
        let subscribe = SubscribePush { recoverable: true, epoch: "e", offset: 3, ..Default::default() };
        assert_eq!(
            pushed("@julia", &Push::Subscribe(subscribe)),
            json!({"push": {"channel": "@julia",
                "subscribe": {"recoverable": true, "epoch": "e", "offset": 3}}})
        );
        assert_eq!(
            pushed("", &Push::Refresh { expires: true, ttl: 60 }),
            json!({"push": {"refresh": {"expires": true, "ttl": 60}}})
        );
    }

    #[test]
    fn a_gap_is_a_message() {
        let lost = Gap { channel: "chat", dropped: 3, first: Some(5), last: Some(7) };
        let mut out = Vec::new();
        gap(&mut out, &lost);
        let body = json!({"channel": "chat", "dropped": 3, "first": 5, "last": 7});
        assert_eq!(
            serde_json::from_slice::<Value>(&out).unwrap(),
            json!({"push": {"message": {"data": {"gap": body}}}})
        );
        out.clear();
        lost.write(&mut out);
        assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), body);
    }

    proptest! {
        #[test]
        fn a_push_reads_back_as_it_was(
            channel in ".+", user in ".*", client in ".*", payload in ".*",
            offset in 1..=u64::MAX, tag in ".*",
        ) {
            let data = serde_json::to_vec(&payload).unwrap();
            let message = Push::Publication(Publication {
                info: Some(ClientInfo { user: &user, client: &client, ..JULIA }),
                offset: Some(offset),
                tags: &[(&tag, &tag)],
                ..publication(&data)
            });
            prop_assert_eq!(pushed(&channel, &message), json!({"push": {"channel": channel, "pub": {
                "data": payload,
                "info": {"user": user, "client": client},
                "offset": offset,
                "tags": {tag.as_str(): tag.as_str()},
            }}}));
        }
    }
}
