//! Ready frames.
//!
//! A server's frames are unmasked, so that one [`Bytes`] can be shared by every connection that gets
//! the message. A client's frames are masked, each with a key of its own, and must not be sent twice.

use std::fmt;

use bytes::Bytes;

use crate::header::{Header, MAX_CONTROL_BYTES, Opcode};
use crate::mask::{apply_mask, random_key};
use crate::{CloseCode, MAX_CLOSE_REASON_BYTES, Role};

/// A whole text message in one frame.
pub fn text(role: Role, payload: &str) -> Bytes {
    data(role, Opcode::Text, true, payload.as_bytes())
}

/// A whole binary message in one frame.
pub fn binary(role: Role, payload: &[u8]) -> Bytes {
    data(role, Opcode::Binary, true, payload)
}

/// One frame of a fragmented message: first [`Opcode::Text`] or [`Opcode::Binary`], then
/// [`Opcode::Continuation`]; `fin` on the last (RFC 6455 §5.4).
///
/// Text may be cut inside a character.
///
/// # Panics
///
/// If `opcode` is that of a control frame, which cannot be fragmented.
pub fn fragment(role: Role, opcode: Opcode, fin: bool, payload: &[u8]) -> Bytes {
    assert!(!opcode.is_control(), "control frames cannot be fragmented (RFC 6455 §5.5)");
    data(role, opcode, fin, payload)
}

/// A ping with up to [`MAX_CONTROL_BYTES`] bytes, which the pong repeats.
pub fn ping(role: Role, payload: &[u8]) -> Result<Bytes, ControlTooLong> {
    control(role, Opcode::Ping, payload)
}

/// A pong with up to [`MAX_CONTROL_BYTES`] bytes.
pub fn pong(role: Role, payload: &[u8]) -> Result<Bytes, ControlTooLong> {
    control(role, Opcode::Pong, payload)
}

/// A close frame with a code and a reason.
///
/// A reason over [`MAX_CLOSE_REASON_BYTES`] is cut at the last character that fits: it is a remark
/// for people, and failing to close over it would help nobody.
pub fn close(role: Role, code: CloseCode, reason: &str) -> Bytes {
    let mut cut = reason.len().min(MAX_CLOSE_REASON_BYTES);
    while !reason.is_char_boundary(cut) {
        cut -= 1;
    }
    let reason = &reason[..cut];
    let mut payload = Vec::with_capacity(2 + reason.len());
    payload.extend_from_slice(&code.get().to_be_bytes());
    payload.extend_from_slice(reason.as_bytes());
    data(role, Opcode::Close, true, &payload)
}

/// A close frame that gives no code.
pub fn close_empty(role: Role) -> Bytes {
    data(role, Opcode::Close, true, &[])
}

/// The payload of a ping or pong is over [`MAX_CONTROL_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlTooLong {
    /// Its length in bytes.
    pub length: usize,
}

impl fmt::Display for ControlTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a ping or pong carries at most {MAX_CONTROL_BYTES} bytes, and this has {}", self.length)
    }
}

impl std::error::Error for ControlTooLong {}

fn control(role: Role, opcode: Opcode, payload: &[u8]) -> Result<Bytes, ControlTooLong> {
    if payload.len() > MAX_CONTROL_BYTES {
        return Err(ControlTooLong { length: payload.len() });
    }
    Ok(data(role, opcode, true, payload))
}

fn data(role: Role, opcode: Opcode, fin: bool, payload: &[u8]) -> Bytes {
    encode(role, opcode, fin, false, payload)
}

/// Builds any frame; `compressed` sets RSV1.
pub(crate) fn encode(role: Role, opcode: Opcode, fin: bool, compressed: bool, payload: &[u8]) -> Bytes {
    let mask = match role {
        Role::Server => None,
        Role::Client => Some(random_key()),
    };
    let header = Header { fin, compressed, opcode, mask, length: payload.len() as u64 };
    let start = header.encoded_len();
    let mut frame = Vec::with_capacity(start + payload.len());
    header.write(&mut frame);
    frame.extend_from_slice(payload);
    if let Some(key) = mask {
        apply_mask(&mut frame[start..], key, 0);
    }
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_examples_of_rfc_6455_section_5_7() {
        assert_eq!(text(Role::Server, "Hello"), &b"\x81\x05Hello"[..]);
        assert_eq!(fragment(Role::Server, Opcode::Text, false, b"Hel"), &b"\x01\x03Hel"[..]);
        assert_eq!(fragment(Role::Server, Opcode::Continuation, true, b"lo"), &b"\x80\x02lo"[..]);
        assert_eq!(ping(Role::Server, b"Hello").as_deref(), Ok(&b"\x89\x05Hello"[..]));
        let long = binary(Role::Server, &[7; 256]);
        assert_eq!(&long[..4], &[0x82, 0x7e, 0x01, 0x00]);
        let longer = binary(Role::Server, &[7; 65536]);
        assert_eq!(&longer[..10], &[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn masks_what_a_client_sends_with_a_new_key_each_time() {
        let first = text(Role::Client, "Hello");
        let second = text(Role::Client, "Hello");
        assert_eq!(&first[..2], &[0x81, 0x85]);
        assert_ne!(first[2..6], second[2..6]);
        let mut payload = first[6..].to_vec();
        apply_mask(&mut payload, first[2..6].try_into().expect("four bytes of key"), 0);
        assert_eq!(payload, b"Hello");
    }

    #[test]
    fn refuses_long_pings_and_cuts_long_reasons_between_characters() {
        assert_eq!(ping(Role::Server, &[0; 126]), Err(ControlTooLong { length: 126 }));
        assert!(pong(Role::Server, &[0; 125]).is_ok());
        let frame = close(Role::Server, CloseCode::NORMAL, &"é".repeat(100));
        assert_eq!(frame[1], 2 + 122);
        assert!(std::str::from_utf8(&frame[4..]).is_ok());
    }

    #[test]
    #[should_panic(expected = "cannot be fragmented")]
    fn does_not_fragment_control_frames() {
        let _ = fragment(Role::Server, Opcode::Ping, false, b"");
    }
}
