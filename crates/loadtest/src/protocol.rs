//! As much of the Centrifuge client protocol (version 2, JSON) as a subscriber and a publisher need.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

/// Number of the connect command.
const CONNECT_ID: u32 = 1;

/// Number of the first subscribe command; the others count on from it.
pub(crate) const FIRST_SUBSCRIBE_ID: u32 = 2;

/// The first commands of a client: to connect, and to subscribe to each channel.
pub(crate) fn connect_and_subscribe<'a>(user: Option<&str>, channels: impl Iterator<Item = &'a str>) -> String {
    let data = user.map(|user| json!({ "user": user }));
    let mut commands = match data {
        Some(data) => json!({ "id": CONNECT_ID, "connect": { "data": data } }),
        None => json!({ "id": CONNECT_ID, "connect": {} }),
    }
    .to_string();
    for (id, channel) in (FIRST_SUBSCRIBE_ID..).zip(channels) {
        commands.push('\n');
        commands.push_str(&json!({ "id": id, "subscribe": { "channel": channel } }).to_string());
    }
    commands
}

/// A publish command; `payload` is JSON.
pub(crate) fn publish(id: u32, channel: &str, payload: &str) -> String {
    format!("{{\"id\":{id},\"publish\":{{\"channel\":{},\"data\":{payload}}}}}", json!(channel))
}

/// The answer to a ping.
pub(crate) const PONG: &str = "{}";

/// A reply or a push. What a bench has no use for is passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Frame<'a> {
    pub(crate) id: u32,
    #[serde(borrow)]
    pub(crate) error: Option<Refusal<'a>>,
    pub(crate) connect: Option<ConnectResult>,
    pub(crate) subscribe: Option<SubscribeResult>,
    #[serde(borrow)]
    pub(crate) push: Option<Push<'a>>,
}

impl<'a> Frame<'a> {
    pub(crate) fn parse(json: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Refusal<'a> {
    pub(crate) code: u32,
    #[serde(borrow, default)]
    pub(crate) message: Cow<'a, str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConnectResult {
    /// Whether pings are to be answered.
    pub(crate) pong: bool,
    /// By which `/emulation` finds the session, on transports that need it.
    pub(crate) session: String,
    pub(crate) node: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SubscribeResult {
    /// Whether the channel keeps history, so that `offset` counts.
    pub(crate) recoverable: bool,
    pub(crate) offset: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Push<'a> {
    #[serde(borrow)]
    pub(crate) channel: Cow<'a, str>,
    #[serde(rename = "pub", borrow)]
    pub(crate) publication: Option<Publication<'a>>,
    #[serde(borrow)]
    pub(crate) disconnect: Option<Disconnect<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Publication<'a> {
    #[serde(borrow)]
    pub(crate) data: &'a RawValue,
    /// 0 when the channel counts none.
    #[serde(default)]
    pub(crate) offset: u64,
}

/// Why the server ends a connection.
#[derive(Debug, Deserialize)]
pub(crate) struct Disconnect<'a> {
    pub(crate) code: u16,
    #[serde(borrow, default)]
    pub(crate) reason: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_lines_of_json() {
        assert_eq!(
            connect_and_subscribe(None, ["a"].into_iter()),
            "{\"connect\":{},\"id\":1}\n{\"id\":2,\"subscribe\":{\"channel\":\"a\"}}"
        );
        let with_user = connect_and_subscribe(Some("u1"), std::iter::empty());
        assert_eq!(with_user, r#"{"connect":{"data":{"user":"u1"}},"id":1}"#);
        assert_eq!(publish(3, "a", "{\"n\":1}"), r#"{"id":3,"publish":{"channel":"a","data":{"n":1}}}"#);
    }

    #[test]
    fn frames_are_read() {
        let reply = Frame::parse(br#"{"id":2,"subscribe":{"recoverable":true,"offset":7,"epoch":"x"}}"#).unwrap();
        assert_eq!((reply.id, reply.subscribe.unwrap().offset), (2, 7));
        let push = Frame::parse(br#"{"push":{"channel":"c","pub":{"data":[1],"offset":9}}}"#).unwrap().push.unwrap();
        let publication = push.publication.unwrap();
        assert_eq!((&*push.channel, publication.data.get(), publication.offset), ("c", "[1]", 9));
        let refusal = Frame::parse(br#"{"id":1,"error":{"code":103,"message":"permission denied"}}"#).unwrap();
        assert_eq!(refusal.error.unwrap().code, 103);
        assert!(Frame::parse(b"{}").unwrap().push.is_none());
    }
}
