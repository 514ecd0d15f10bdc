//! The parameters of each command, borrowed from the frame they came in.
//!
//! Fields a client does not send, or sends as `null`, have their empty value. Fields the server
//! does not know are passed over, so that newer clients work.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A string of a request. Borrowed unless the client escaped a character in it.
pub type Text<'a> = Cow<'a, str>;

/// Opens the session. It is the first command of every connection.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct ConnectRequest<'a> {
    /// A JWT or a Beacon token; empty for an anonymous connection.
    #[serde(deserialize_with = "text")]
    pub token: Text<'a>,
    /// Whatever the page passes along; `{"user":"…"}` beside a Beacon token.
    #[serde(borrow)]
    pub data: Option<&'a RawValue>,
    /// The client library's name for itself.
    #[serde(deserialize_with = "text")]
    pub name: Text<'a>,
    /// The client library's version.
    #[serde(deserialize_with = "text")]
    pub version: Text<'a>,
    /// Headers that the page could not send as such, a browser's WebSocket having no way to.
    #[serde(deserialize_with = "pairs_of_text")]
    pub headers: Vec<(Text<'a>, Text<'a>)>,
    /// Where to resume the server-side subscriptions of the connection before, by channel.
    #[serde(deserialize_with = "pairs")]
    pub subs: Vec<(Text<'a>, SubscribeRequest<'a>)>,
}

/// Subscribes the connection to a channel.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct SubscribeRequest<'a> {
    /// The channel.
    #[serde(deserialize_with = "text")]
    pub channel: Text<'a>,
    /// A token for this channel, for channels that need one; else empty.
    #[serde(deserialize_with = "text")]
    pub token: Text<'a>,
    /// Whether to resume from `offset` and `epoch`.
    #[serde(deserialize_with = "or_default")]
    pub recover: bool,
    /// The last offset the client has seen.
    #[serde(deserialize_with = "or_default")]
    pub offset: u64,
    /// The epoch that `offset` belongs to; empty stands for any.
    #[serde(deserialize_with = "text")]
    pub epoch: Text<'a>,
    /// Whatever the page passes along.
    #[serde(borrow)]
    pub data: Option<&'a RawValue>,
    /// The client asks the server to watch that it misses nothing.
    #[serde(deserialize_with = "or_default")]
    pub positioned: bool,
    /// The client asks for a subscription it can resume.
    #[serde(deserialize_with = "or_default")]
    pub recoverable: bool,
    /// The client asks to be told who joins and leaves.
    #[serde(deserialize_with = "or_default")]
    pub join_leave: bool,
    /// Bits by which newer clients tell what they can do.
    #[serde(deserialize_with = "or_default")]
    pub flag: u64,
}

impl SubscribeRequest<'_> {
    /// Bit of `flag`: the client understands channels by number. It may be ignored.
    pub const CHANNEL_COMPACTION: u64 = 1;
    /// Bit of `flag`: the client wants error 112 in place of a subscription that could not be
    /// resumed.
    pub const REJECT_UNRECOVERED: u64 = 2;

    /// Whether the client wants error 112
    /// ([`UNRECOVERABLE_POSITION`](crate::protocol::ErrorCode::UNRECOVERABLE_POSITION)) when the
    /// subscription cannot be resumed.
    #[must_use]
    pub fn rejects_unrecovered(&self) -> bool {
        self.flag & Self::REJECT_UNRECOVERED != 0
    }
}

/// Ends a subscription.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct UnsubscribeRequest<'a> {
    /// The channel.
    #[serde(deserialize_with = "text")]
    pub channel: Text<'a>,
}

/// Publishes into a channel.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct PublishRequest<'a> {
    /// The channel.
    #[serde(deserialize_with = "text")]
    pub channel: Text<'a>,
    /// The payload; `null` is a payload, a missing field is not.
    #[serde(borrow, deserialize_with = "payload")]
    pub data: Option<&'a RawValue>,
}

/// Asks who is in a channel.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct PresenceRequest<'a> {
    /// The channel.
    #[serde(deserialize_with = "text")]
    pub channel: Text<'a>,
}

/// Asks how many are in a channel.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct PresenceStatsRequest<'a> {
    /// The channel.
    #[serde(deserialize_with = "text")]
    pub channel: Text<'a>,
}

/// A place in a channel's log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct StreamPosition<'a> {
    /// The offset of the last publication seen.
    #[serde(deserialize_with = "or_default")]
    pub offset: u64,
    /// The epoch it belongs to; empty stands for any.
    #[serde(deserialize_with = "text")]
    pub epoch: Text<'a>,
}

/// Reads a channel's log.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct HistoryRequest<'a> {
    /// The channel.
    #[serde(deserialize_with = "text")]
    pub channel: Text<'a>,
    /// How many publications: 0 for none, only the position; below 0 for as many as there are.
    /// [`page`](Self::page) makes a count of it.
    #[serde(deserialize_with = "or_default")]
    pub limit: i64,
    /// Only what lies behind this place; before it, when reading in reverse.
    #[serde(borrow)]
    pub since: Option<StreamPosition<'a>>,
    /// Newest first.
    #[serde(deserialize_with = "or_default")]
    pub reverse: bool,
}

impl HistoryRequest<'_> {
    /// How many publications to give, `max` at most.
    #[must_use]
    pub fn page(&self, max: usize) -> usize {
        // Below zero, and more than fits, both stand for everything.
        usize::try_from(self.limit).map_or(max, |limit| limit.min(max))
    }
}

/// A message to the server's application, without an answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct SendRequest<'a> {
    /// The payload.
    #[serde(borrow, deserialize_with = "payload")]
    pub data: Option<&'a RawValue>,
}

/// A call to the server's application.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct RpcRequest<'a> {
    /// The name of what is called.
    #[serde(deserialize_with = "text")]
    pub method: Text<'a>,
    /// The payload.
    #[serde(borrow, deserialize_with = "payload")]
    pub data: Option<&'a RawValue>,
}

/// Brings a new token for the connection before the old one expires.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct RefreshRequest<'a> {
    /// The new token.
    #[serde(deserialize_with = "text")]
    pub token: Text<'a>,
}

/// Brings a new token for a subscription before the old one expires.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct SubRefreshRequest<'a> {
    /// The channel.
    #[serde(deserialize_with = "text")]
    pub channel: Text<'a>,
    /// The new token.
    #[serde(deserialize_with = "text")]
    pub token: Text<'a>,
}

/// A string that borrows when it can, inside lists and maps as well, where serde's own impl for
/// `Cow` always copies.
pub(super) struct BorrowedText<'a>(pub(super) Text<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for BorrowedText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(value.to_owned()))
            }

            fn visit_string<E>(self, value: String) -> Result<Self::Value, E> {
                Ok(Cow::Owned(value))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(""))
            }
        }

        deserializer.deserialize_any(TextVisitor).map(BorrowedText)
    }
}

fn text<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Text<'a>, D::Error> {
    BorrowedText::deserialize(deserializer).map(|text| text.0)
}

fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Serde makes `None` of `null` in an `Option`; for a payload, `null` is a value like any other.
fn payload<'de: 'a, 'a, D>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error>
where
    D: Deserializer<'de>,
{
    <&'a RawValue>::deserialize(deserializer).map(Some)
}

fn pairs<'de: 'a, 'a, D, T>(deserializer: D) -> Result<Vec<(Text<'a>, T)>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct PairsVisitor<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for PairsVisitor<T> {
        type Value = Vec<(Text<'de>, T)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some((BorrowedText(key), value)) = map.next_entry()? {
                pairs.push((key, value));
            }
            Ok(pairs)
        }
    }

    deserializer.deserialize_any(PairsVisitor(PhantomData))
}

fn pairs_of_text<'de: 'a, 'a, D>(deserializer: D) -> Result<Vec<(Text<'a>, Text<'a>)>, D::Error>
where
    D: Deserializer<'de>,
{
    let found = pairs::<D, BorrowedText<'a>>(deserializer)?;
    Ok(found.into_iter().map(|(name, BorrowedText(value))| (name, value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_borrow_unless_escaped() {
        let request: SubscribeRequest<'_> = serde_json::from_str(r#"{"channel":"news","token":"a\u0062c"}"#).unwrap();
        assert!(matches!(request.channel, Cow::Borrowed("news")));
        assert_eq!(request.token, "abc");
    }

    #[test]
    fn null_stands_for_a_missing_field() {
        let request: SubscribeRequest<'_> =
            serde_json::from_str(r#"{"channel":null,"recover":null,"offset":null,"data":null,"flag":null}"#).unwrap();
        assert_eq!(request.channel, "");
        assert!(!request.recover && request.offset == 0 && request.data.is_none());
    }

    #[test]
    fn null_is_a_payload_and_nothing_is_not() {
        let request: PublishRequest<'_> = serde_json::from_str(r#"{"data":null}"#).unwrap();
        assert_eq!(request.data.map(RawValue::get), Some("null"));
        let request: PublishRequest<'_> = serde_json::from_str("{}").unwrap();
        assert!(request.data.is_none());
    }

    #[test]
    fn a_connect_request_carries_positions_and_headers() {
        let request: ConnectRequest<'_> = serde_json::from_str(
            r#"{"token":"t","data":{"user":"julia"},"name":"js","headers":{"X-A":"1"},
                "subs":{"news":{"recover":true,"offset":7,"epoch":"e"},"chat":{}}}"#,
        )
        .unwrap();
        assert_eq!(request.data.map(RawValue::get), Some(r#"{"user":"julia"}"#));
        assert_eq!(request.headers, [("X-A".into(), "1".into())]);
        let (channel, position) = &request.subs[0];
        assert_eq!((channel.as_ref(), position.offset, position.epoch.as_ref()), ("news", 7, "e"));
        assert!(position.recover && !request.subs[1].1.recover);
    }

    #[test]
    fn offsets_use_the_whole_range_and_no_more() {
        let read = |json| serde_json::from_str::<StreamPosition<'_>>(json).map(|p| p.offset).ok();
        assert_eq!(read(r#"{"offset":18446744073709551615}"#), Some(u64::MAX));
        assert_eq!(read(r#"{"offset":18446744073709551616}"#), None);
        assert_eq!(read(r#"{"offset":-1}"#), None);
        assert_eq!(read(r#"{"offset":"7"}"#), None);
    }

    #[test]
    fn a_history_limit_below_zero_asks_for_everything() {
        let page = |limit| HistoryRequest { limit, ..Default::default() }.page(100);
        assert_eq!([page(-1), page(i64::MIN), page(0), page(7), page(100), page(101)], [100, 100, 0, 7, 100, 100]);
    }

    #[test]
    fn the_flag_tells_whether_a_failed_recovery_is_an_error() {
        let request = |flag| SubscribeRequest { flag, ..Default::default() };
        assert!(!request(1).rejects_unrecovered());
        assert!(request(3).rejects_unrecovered());
    }
}
