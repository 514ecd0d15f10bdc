//! What arrives: borrowed from the decoder, or owned.

use bytes::Bytes;

use crate::{CloseReason, Role, frame};

/// One message or control frame, borrowed from the bytes it came in wherever they allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole text message.
    Text(&'a str),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// A ping, to be answered by a pong with the same payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// The peer closes; nothing comes after this. `None` when it gave no code.
    Close(Option<CloseReason<'a>>),
}

impl Event<'_> {
    /// The frame that the protocol asks for in answer: a pong for a ping, and for a close the same
    /// code back (RFC 6455 §5.5.1 and §5.5.2). `role` is the role of the one who answers.
    ///
    /// After a close frame of your own, the peer's close needs no answer.
    pub fn reply(&self, role: Role) -> Option<Bytes> {
        match self {
            Self::Text(_) | Self::Binary(_) | Self::Pong(_) => None,
            Self::Ping(payload) => frame::pong(role, payload).ok(),
            Self::Close(None) => Some(frame::close_empty(role)),
            Self::Close(Some(close)) => Some(frame::close(role, close.code, "")),
        }
    }

    /// An owned copy.
    pub fn to_message(&self) -> Message {
        match self {
            Self::Text(text) => Message::Text((*text).to_owned()),
            Self::Binary(payload) => Message::Binary(Bytes::copy_from_slice(payload)),
            Self::Ping(payload) => Message::Ping(Bytes::copy_from_slice(payload)),
            Self::Pong(payload) => Message::Pong(Bytes::copy_from_slice(payload)),
            Self::Close(close) => Message::Close(close.clone().map(CloseReason::into_owned)),
        }
    }
}

/// One message or control frame that borrows nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Bytes),
    /// A ping. Received ones have been answered already.
    Ping(Bytes),
    /// A pong.
    Pong(Bytes),
    /// The close of the connection.
    Close(Option<CloseReason<'static>>),
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Bytes> for Message {
    fn from(payload: Bytes) -> Self {
        Self::Binary(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CloseCode;

    #[test]
    fn answers_pings_and_closes_and_nothing_else() {
        assert_eq!(Event::Text("x").reply(Role::Server), None);
        assert_eq!(Event::Binary(b"x").reply(Role::Server), None);
        assert_eq!(Event::Pong(b"x").reply(Role::Server), None);
        assert_eq!(Event::Ping(b"hi").reply(Role::Server).as_deref(), Some(&b"\x8a\x02hi"[..]));
        let close = Event::Close(Some(CloseReason { code: CloseCode::GOING_AWAY, reason: "bye".into() }));
        assert_eq!(close.reply(Role::Server).as_deref(), Some(&b"\x88\x02\x03\xe9"[..]));
        assert_eq!(Event::Close(None).reply(Role::Server).as_deref(), Some(&b"\x88\x00"[..]));
    }
}
