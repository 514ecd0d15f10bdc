//! Our decoder and tungstenite over the same bytes.

use planet_websocket::{CloseCode, CloseReason, Decoder, Limits, Message, ProtocolError, Role};
use tungstenite::protocol::{Role as TheirRole, WebSocketConfig};
use tungstenite::{Error, Message as TheirMessage, WebSocket};

use super::stream::Bytes;

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// More could follow.
    Open,
    /// With a close frame.
    Closed,
    /// With a violation; which one is known of ours alone.
    Failed(Option<ProtocolError>),
}

pub(crate) fn ours(mut decoder: Decoder, bytes: &[u8]) -> (Vec<Message>, End) {
    let mut bytes = bytes.to_vec();
    let mut messages = Vec::new();
    let end = feed(&mut decoder, &mut &mut bytes[..], &mut messages);
    (messages, end)
}

pub(crate) fn feed(decoder: &mut Decoder, input: &mut &mut [u8], messages: &mut Vec<Message>) -> End {
    loop {
        match decoder.next(input) {
            Ok(Some(event)) => messages.push(event.to_message()),
            Ok(None) => break,
            Err(error) => return End::Failed(Some(error)),
        }
    }
    if decoder.is_finished() { End::Closed } else { End::Open }
}

pub(crate) fn theirs(role: Role, limits: Limits, bytes: &[u8]) -> (Vec<Message>, End) {
    let their_role = match role {
        Role::Server => TheirRole::Server,
        Role::Client => TheirRole::Client,
    };
    let config = WebSocketConfig::default()
        .max_frame_size(Some(limits.frame_bytes))
        .max_message_size(Some(limits.message_bytes));
    let mut socket = WebSocket::from_raw_socket(Bytes::new(bytes), their_role, Some(config));
    let mut messages = Vec::new();
    loop {
        let message = match socket.read() {
            Ok(TheirMessage::Text(text)) => Message::Text(text.as_str().to_owned()),
            Ok(TheirMessage::Binary(payload)) => Message::Binary(payload),
            Ok(TheirMessage::Ping(payload)) => Message::Ping(payload),
            Ok(TheirMessage::Pong(payload)) => Message::Pong(payload),
            Ok(TheirMessage::Close(close)) => {
                messages.push(Message::Close(close.and_then(|close| {
                    Some(CloseReason {
                        code: CloseCode::new(close.code.into())?,
                        reason: close.reason.as_str().to_owned().into(),
                    })
                })));
                return (messages, End::Closed);
            }
            Ok(TheirMessage::Frame(_)) => unreachable!("raw frames are never read"),
            Err(Error::Io(_) | Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => {
                return (messages, End::Open);
            }
            Err(_) => return (messages, End::Failed(None)),
        };
        messages.push(message);
    }
}

/// Holds both to the same messages and the same end, but for what is meant to differ.
pub(crate) fn compare(role: Role, limits: Limits, bytes: &[u8]) -> Result<(), String> {
    let (our_messages, our_end) = ours(Decoder::new(role, limits), bytes);
    let (mut their_messages, their_end) = theirs(role, limits, bytes);
    let alike = match (our_end, their_end) {
        // Our stricter reading of lengths: they take a control frame whose length of up to 125 is
        // written in two or eight bytes.
        (End::Failed(Some(ProtocolError::NonMinimalLength | ProtocolError::OversizedControl)), _) => {
            their_messages.truncate(our_messages.len());
            true
        }
        (End::Open, End::Open) | (End::Closed, End::Closed) | (End::Failed(_), End::Failed(_)) => true,
        // They report a code that must not be sent as a close of their own making.
        (End::Failed(Some(ProtocolError::InvalidCloseCode(_))), End::Closed) => {
            their_messages.pop();
            true
        }
        // We fail as early as the bytes allow, they at the end of a header or of a frame, which may
        // not come.
        (End::Failed(Some(error)), End::Open) => matches!(
            error,
            ProtocolError::InvalidUtf8
                | ProtocolError::ReservedBits
                | ProtocolError::ReservedOpcode(_)
                | ProtocolError::FragmentedControl
                | ProtocolError::LengthOverflow
                | ProtocolError::UnmaskedFrame
                | ProtocolError::MaskedFrame
                | ProtocolError::UnexpectedContinuation
                | ProtocolError::UnfinishedMessage
        ),
        _ => false,
    };
    // 1014 was registered after RFC 6455, and they turn it into 1002 of their own.
    for (our, their) in our_messages.iter().zip(&mut their_messages) {
        if let Message::Close(Some(close)) = our
            && close.code.get() == 1014
        {
            *their = our.clone();
        }
    }
    if alike && our_messages == their_messages {
        Ok(())
    } else {
        Err(format!(
            "{role:?} with {bytes:02x?}\nours: {our_messages:?}, {our_end:?}\n\
             theirs: {their_messages:?}, {their_end:?}"
        ))
    }
}
