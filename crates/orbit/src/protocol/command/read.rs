//! One line into one command.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;

use super::{Command, CommandError, Method, Problem};
use crate::protocol::json::JsonError;
use crate::protocol::request::{BorrowedText, Text};

/// Parses one line that is known not to nest too deep.
pub(super) fn command(line: &str) -> Result<Command<'_>, CommandError> {
    let fields: Fields<'_> = read(line).map_err(|error| match error.classify() {
        Category::Data => CommandError {
            // Rare enough to afford a second pass, just for the id.
            id: read::<OnlyId>(line).ok().and_then(|found| found.0),
            problem: Problem::WrongType { column: error.column() },
        },
        _ => CommandError { id: None, problem: Problem::Json(JsonError::from_serde(&error)) },
    })?;
    fields.into_command()
}

fn read<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let value = T::deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

#[derive(Default)]
struct Fields<'a> {
    id: Option<u32>,
    method: Option<Method<'a>>,
    unknown: Option<Text<'a>>,
    ambiguous: bool,
}

impl<'a> Fields<'a> {
    fn into_command(self) -> Result<Command<'a>, CommandError> {
        let id = self.id.unwrap_or(0);
        let refuse = |problem| CommandError { id: (id != 0).then_some(id), problem };
        if self.ambiguous {
            return Err(refuse(Problem::Ambiguous));
        }
        let method = match (self.method, self.unknown) {
            (Some(method), _) => method,
            (None, Some(name)) => Method::Unknown(name),
            (None, None) if self.id.is_none() => Method::Pong,
            (None, None) => return Err(refuse(Problem::NoMethod)),
        };
        if id == 0 && method.needs_reply() {
            return Err(refuse(Problem::NoId));
        }
        Ok(Command { id, method })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a command")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Fields::default();
                while let Some(BorrowedText(key)) = map.next_key()? {
                    let method = match key.as_ref() {
                        "id" => {
                            fields.ambiguous |= fields.id.replace(map.next_value()?).is_some();
                            continue;
                        }
                        "connect" => Method::Connect(parameters(&mut map)?),
                        "subscribe" => Method::Subscribe(parameters(&mut map)?),
                        "unsubscribe" => Method::Unsubscribe(parameters(&mut map)?),
                        "publish" => Method::Publish(parameters(&mut map)?),
                        "presence" => Method::Presence(parameters(&mut map)?),
                        "presence_stats" => Method::PresenceStats(parameters(&mut map)?),
                        "history" => Method::History(parameters(&mut map)?),
                        "ping" => {
                            map.next_value::<IgnoredAny>()?;
                            Method::Ping
                        }
                        "send" => Method::Send(parameters(&mut map)?),
                        "rpc" => Method::Rpc(parameters(&mut map)?),
                        "refresh" => Method::Refresh(parameters(&mut map)?),
                        "sub_refresh" => Method::SubRefresh(parameters(&mut map)?),
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            fields.unknown.get_or_insert(key);
                            continue;
                        }
                    };
                    fields.ambiguous |= fields.method.replace(method).is_some();
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

fn parameters<'de, A, T>(map: &mut A) -> Result<T, A::Error>
where
    A: MapAccess<'de>,
    T: Deserialize<'de>,
{
    map.next_value::<Parameters<T>>().map(|parameters| parameters.0)
}

/// Parameters have to be an object: serde on its own would take an array as well, field by field.
struct Parameters<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Parameters<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ParametersVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ParametersVisitor<T> {
            type Value = Parameters<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Parameters)
            }
        }

        deserializer.deserialize_map(ParametersVisitor(PhantomData))
    }
}

/// The id of a command whose other fields are of no use.
struct OnlyId(Option<u32>);

impl<'de> Deserialize<'de> for OnlyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OnlyIdVisitor;

        impl<'de> Visitor<'de> for OnlyIdVisitor {
            type Value = OnlyId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a command")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut id = None;
                while let Some(BorrowedText(key)) = map.next_key()? {
                    if key == "id" {
                        id = Some(map.next_value::<u32>()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(OnlyId(id.filter(|id| *id != 0)))
            }
        }

        deserializer.deserialize_map(OnlyIdVisitor)
    }
}
