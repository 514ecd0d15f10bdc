//! The wire formats: how an event of the hub, or a reply of a session, is framed for each transport.

use bytes::Bytes;
use planet_hub::{Event, Format, FormatId, Position};
use planet_websocket::{CloseCode, Role, deflate, frame};

use crate::protocol::json::{RawJson, object};
use crate::protocol::push::{self, ClientInfo, Gap, Publication, Push};
use crate::protocol::{Disconnect, codes};

/// How frames look on the wire. Transports that frame alike share a format, and so every message that is encoded in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// A WebSocket text message for each frame of the client protocol.
    WebSocket,
    /// The same under permessage-deflate, each message compressed alone so that all subscribers share it.
    WebSocketDeflate,
    /// A line for each frame: HTTP streaming and long polling.
    Lines,
    /// An event for each frame, for the client protocol over SSE.
    EventStream,
    /// The messages alone, for any `EventSource`.
    PlainEvents,
}

impl Wire {
    /// In the order of their ids.
    const ALL: [Self; 5] = [Self::WebSocket, Self::WebSocketDeflate, Self::Lines, Self::EventStream, Self::PlainEvents];

    /// Its name to the hub.
    pub fn id(self) -> FormatId {
        FormatId(self as u8)
    }

    /// All of them, as the hub wants them.
    pub fn formats() -> Vec<Box<dyn Format>> {
        Self::ALL.iter().map(|wire| Box::new(*wire) as Box<dyn Format>).collect()
    }

    /// Frames one line of the client protocol.
    pub fn frame(self, json: &[u8]) -> Bytes {
        match self {
            Self::WebSocket => frame::text(Role::Server, as_text(json)),
            Self::WebSocketDeflate => deflate::shared_text(as_text(json)),
            Self::Lines => [json, b"\n"].concat().into(),
            Self::EventStream | Self::PlainEvents => [b"data: ", json, b"\n\n"].concat().into(),
        }
    }

    /// What is sent now and then to show that the server is there, and to see whether the client is.
    pub fn ping(self) -> Bytes {
        match self {
            Self::PlainEvents => Bytes::from_static(b":\n\n"),
            _ => self.frame(push::PING),
        }
    }

    fn encode_plain(event: &Event<'_>) -> Bytes {
        match event {
            Event::Publication { channel, publication, position } => {
                let mut out = Vec::with_capacity(publication.data.len() + channel.len() + 48);
                if let Some(Position { epoch, .. }) = position {
                    let offset = publication.offset;
                    out.extend_from_slice(format!("id: {epoch}:{offset}:{channel}\n").as_bytes());
                }
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(&publication.data);
                out.extend_from_slice(b"\n\n");
                out.into()
            }
            Event::Message(data) => [b"data: ", *data, b"\n\n"].concat().into(),
            Event::Gap { channel, gap } => named_event("gap", |out| wire_gap(channel, gap).write(out)),
            Event::Disconnect(why) => named_event("disconnect", |out| {
                object(out, |fields| {
                    fields.number("code", u64::from(why.code));
                    fields.text("reason", why.reason);
                });
            }),
            Event::Join { .. } | Event::Leave { .. } => Bytes::new(),
        }
    }

    fn encode_json(event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Publication { channel, publication, .. } => {
                with_publication(publication, |publication| {
                    push::push(out, channel, &Push::Publication(publication));
                });
            }
            Event::Join { channel, client } => {
                with_info(client, |info| push::push(out, channel, &Push::Join(info)));
            }
            Event::Leave { channel, client } => {
                with_info(client, |info| push::push(out, channel, &Push::Leave(info)));
            }
            Event::Message(data) => push::push(out, "", &Push::Message(RawJson::trusted(data))),
            Event::Gap { channel, gap } => push::gap(out, &wire_gap(channel, gap)),
            Event::Disconnect(why) => {
                let why = Disconnect::new(u32::from(why.code), why.reason);
                push::push(out, "", &Push::Disconnect(why));
            }
        }
    }
}

impl Format for Wire {
    fn encode(&self, event: &Event<'_>) -> Bytes {
        match (self, event) {
            (Self::PlainEvents, _) => Self::encode_plain(event),
            (Self::WebSocket | Self::WebSocketDeflate, Event::Disconnect(why)) => {
                let code = CloseCode::new(why.code).unwrap_or(CloseCode::NORMAL);
                frame::close(Role::Server, code, why.reason)
            }
            _ => {
                let mut json = Vec::with_capacity(128);
                Self::encode_json(event, &mut json);
                self.frame(&json)
            }
        }
    }
}

/// What is framed as text was written by this crate from strings and from payloads checked on their way in.
fn as_text(json: &[u8]) -> &str {
    std::str::from_utf8(json).expect("the client protocol is UTF-8")
}

fn named_event(name: &str, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut out = format!("event: {name}\ndata: ").into_bytes();
    write(&mut out);
    out.extend_from_slice(b"\n\n");
    out.into()
}

fn wire_gap<'a>(channel: &'a str, gap: &planet_hub::Gap) -> Gap<'a> {
    let offset = |offset: u64| (offset > 0).then_some(offset);
    Gap { channel, dropped: gap.dropped, first: offset(gap.first), last: offset(gap.last) }
}

/// Lends a client of the hub in the form of the protocol.
pub(crate) fn with_info<R>(client: &planet_hub::ClientInfo, then: impl FnOnce(ClientInfo<'_>) -> R) -> R {
    let id = client.client.to_string();
    then(ClientInfo {
        user: client.user.as_deref().unwrap_or(""),
        client: &id,
        conn_info: client.info.as_deref().map(RawJson::trusted),
        chan_info: None,
    })
}

/// Lends a publication of the hub in the form of the protocol.
pub(crate) fn with_publication<R>(publication: &planet_hub::Publication, then: impl FnOnce(Publication<'_>) -> R) -> R {
    let bare = Publication {
        data: RawJson::trusted(&publication.data),
        info: None,
        offset: (publication.offset > 0).then_some(publication.offset),
        tags: &[],
    };
    match &publication.info {
        Some(client) => with_info(client, |info| then(Publication { info: Some(info), ..bare })),
        None => then(bare),
    }
}

/// A reason of the protocol in the terms of the hub.
pub(crate) const fn reason(why: codes::Disconnect) -> planet_hub::Disconnect {
    planet_hub::Disconnect { code: why.code as u16, reason: why.reason }
}

#[cfg(test)]
mod tests {
    use planet_hub::{Epoch, Publication};

    use super::*;

    fn publication(data: &'static [u8], offset: u64) -> Publication {
        Publication { offset, published_at: 0, data: Bytes::from_static(data), info: None }
    }

    #[test]
    fn each_format_frames_a_message_its_way() {
        let epoch = Epoch::parse("0123456789ab").unwrap();
        let publication = publication(b"\"hi\"", 7);
        let position = Some(Position { epoch, offset: 7 });
        let event = Event::Publication { channel: "chat", publication: &publication, position };
        let json = r#"{"push":{"channel":"chat","pub":{"data":"hi","offset":7}}}"#;
        assert_eq!(Wire::Lines.encode(&event), format!("{json}\n"));
        assert_eq!(Wire::EventStream.encode(&event), format!("data: {json}\n\n"));
        assert_eq!(Wire::PlainEvents.encode(&event), "id: 0123456789ab:7:chat\ndata: \"hi\"\n\n");
        assert_eq!(Wire::WebSocket.encode(&event), frame::text(Role::Server, json));
        assert_eq!(Wire::WebSocketDeflate.encode(&event), deflate::shared_text(json));
    }

    #[test]
    fn a_disconnect_is_a_close_frame_or_the_last_line() {
        let event = Event::Disconnect(planet_hub::Disconnect::SLOW);
        let close = frame::close(Role::Server, CloseCode::new(3008).unwrap(), "slow");
        assert_eq!(Wire::WebSocket.encode(&event), close);
        assert_eq!(
            Wire::Lines.encode(&event),
            "{\"push\":{\"disconnect\":{\"code\":3008,\"reason\":\"slow\",\"reconnect\":true}}}\n"
        );
        assert_eq!(
            Wire::PlainEvents.encode(&event),
            "event: disconnect\ndata: {\"code\":3008,\"reason\":\"slow\"}\n\n"
        );
    }

    #[test]
    fn ids_are_places_in_the_list_of_formats() {
        for (at, wire) in Wire::ALL.iter().enumerate() {
            assert_eq!(usize::from(wire.id().0), at);
        }
    }

    #[test]
    fn pings_suit_their_format() {
        assert_eq!(Wire::PlainEvents.ping(), ":\n\n");
        assert_eq!(Wire::EventStream.ping(), "data: {}\n\n");
        assert_eq!(Wire::Lines.ping(), "{}\n");
    }
}
