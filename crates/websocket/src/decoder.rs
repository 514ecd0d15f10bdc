//! The decoder: bytes in, messages out.

mod partial;

use std::fmt;

use crate::deflate::{DeflateParams, Direction, Inflater, inflate_alone};
use crate::header::{Header, Opcode};
use crate::mask::apply_mask;
use crate::{CloseCode, CloseReason, Event, Limits, ProtocolError, Role};
use partial::{Delivered, Partial};

/// Reads one connection's stream of frames (RFC 6455 §5 to §8, RFC 7692).
///
/// It does no IO. Feed it with whatever a read returned; it unmasks in place and hands out one event
/// after the other. A message that is whole in the input, unfragmented and not compressed is borrowed
/// from there with no copy. Only what is cut at the end of the input is kept, in one allocation that
/// is dropped as soon as its message has been delivered: between messages a decoder holds no heap
/// memory (but see [`DeflateParams`] for context takeover).
///
/// ```
/// use planet_websocket::{Decoder, Event, Limits, Role, frame};
///
/// let mut decoder = Decoder::new(Role::Server, Limits::default());
/// let mut bytes = frame::text(Role::Client, "hello").to_vec();
/// let mut input = &mut bytes[..];
/// while let Some(event) = decoder.next(&mut input)? {
///     assert_eq!(event, Event::Text("hello"));
/// }
/// # Ok::<(), planet_websocket::ProtocolError>(())
/// ```
pub struct Decoder {
    role: Role,
    /// Set by the close frame and by every error: nothing after it counts.
    finished: bool,
    deflate: Option<Direction>,
    limits: Limits,
    partial: Option<Box<Partial>>,
    /// Only under context takeover, from the first compressed message on.
    inflater: Option<Box<Inflater>>,
}

/// How far [`Decoder::advance`] got.
enum Step<'i> {
    /// An event inside the input.
    Borrowed(Event<'i>),
    /// An event that `partial.delivered` holds.
    Stored,
    NeedsInput,
}

impl Decoder {
    /// A decoder for the end of the connection that has this role, without compression.
    pub fn new(role: Role, limits: Limits) -> Self {
        Self { role, finished: false, deflate: None, limits, partial: None, inflater: None }
    }

    /// Takes compressed messages as the handshake agreed.
    #[must_use]
    pub fn with_deflate(mut self, params: Option<DeflateParams>) -> Self {
        self.deflate = params.map(|params| params.incoming(self.role));
        self
    }

    /// Takes bytes off the front of `input` up to the end of the next event; `None` when the input
    /// is used up.
    ///
    /// A caller may stop at any event and go on later with the rest of the input. After
    /// [`Event::Close`] or an error the stream is over: all further input is swallowed.
    #[allow(clippy::should_implement_trait, reason = "events borrow from the decoder")]
    pub fn next<'d, 'i: 'd>(&'d mut self, input: &mut &'i mut [u8]) -> Result<Option<Event<'d>>, ProtocolError> {
        self.drop_delivered();
        if self.finished {
            *input = &mut [];
            return Ok(None);
        }
        let step = self.advance(input);
        if step.is_err() {
            self.finished = true;
            self.partial = None;
            self.inflater = None;
        }
        match step? {
            Step::Borrowed(event) => {
                self.finished = matches!(event, Event::Close(_));
                Ok(Some(event))
            }
            Step::Stored => {
                let partial = self.partial.as_deref();
                self.finished = partial.is_some_and(Partial::delivers_close);
                partial.and_then(Partial::delivered).transpose()
            }
            Step::NeedsInput => Ok(None),
        }
    }

    /// Whether the last byte fed ended a message and nothing is underway.
    pub fn is_between_messages(&self) -> bool {
        self.partial.as_ref().is_none_or(|partial| !partial.is_underway())
    }

    /// Whether a close frame came or an error was returned.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Bytes of heap held for what is underway: 0 between messages. The inflate window under context
    /// takeover is not counted.
    pub fn held_bytes(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| size_of::<Partial>() + partial.held_bytes())
    }

    fn drop_delivered(&mut self) {
        if let Some(partial) = &mut self.partial
            && !partial.drop_delivered()
        {
            self.partial = None;
        }
    }

    fn advance<'i>(&mut self, input: &mut &'i mut [u8]) -> Result<Step<'i>, ProtocolError> {
        loop {
            if let Some(partial) = &mut self.partial
                && partial.frame.is_some()
            {
                partial.take_payload(input, &self.limits)?;
                if partial.frame.is_some() {
                    return Ok(Step::NeedsInput);
                }
                if self.finish_frame()? {
                    return Ok(Step::Stored);
                }
            }
            if input.is_empty() {
                return Ok(Step::NeedsInput);
            }
            let Some(header) = self.read_header(input)? else {
                return Ok(Step::NeedsInput);
            };
            self.check(&header)?;
            if let Some(step) = self.take_whole(&header, input)? {
                return Ok(step);
            }
            self.partial.get_or_insert_default().begin_frame(&header, &self.limits)?;
        }
    }

    /// Reads a header that may have begun in an earlier input.
    fn read_header(&mut self, input: &mut &mut [u8]) -> Result<Option<Header>, ProtocolError> {
        if self.partial.as_ref().is_none_or(|partial| partial.header.is_empty())
            && let Some((header, taken)) = Header::parse(input)?
        {
            *input = &mut std::mem::take(input)[taken..];
            return Ok(Some(header));
        }
        let stored = &mut self.partial.get_or_insert_default().header;
        while let Some(byte) = input.split_off_first_mut() {
            stored.push(*byte);
            if let Some((header, _)) = Header::parse(stored.bytes())? {
                stored.clear();
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    /// The rules that depend on role, agreed extensions, limits and the message underway.
    fn check(&self, header: &Header) -> Result<(), ProtocolError> {
        match (self.role, header.mask) {
            (Role::Server, None) => return Err(ProtocolError::UnmaskedFrame),
            (Role::Client, Some(_)) => return Err(ProtocolError::MaskedFrame),
            _ => {}
        }
        let starts_message = matches!(header.opcode, Opcode::Text | Opcode::Binary);
        if header.compressed && !(starts_message && self.deflate.is_some()) {
            return Err(ProtocolError::ReservedBits);
        }
        let message = self.partial.as_ref().and_then(|partial| partial.message.as_ref());
        match (header.opcode, message) {
            (Opcode::Continuation, None) => return Err(ProtocolError::UnexpectedContinuation),
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(ProtocolError::UnfinishedMessage);
            }
            _ => {}
        }
        if header.length > self.limits.frame_bytes as u64 {
            return Err(ProtocolError::FrameTooBig { length: header.length, limit: self.limits.frame_bytes });
        }
        let so_far = if header.opcode.is_control() { 0 } else { message.map_or(0, partial::PartialMessage::len) };
        if header.length > self.limits.message_bytes.saturating_sub(so_far) as u64 {
            return Err(ProtocolError::MessageTooBig { limit: self.limits.message_bytes });
        }
        Ok(())
    }

    /// Takes a frame that is whole in the input and a message in itself, which is nearly every frame.
    fn take_whole<'i>(&mut self, header: &Header, input: &mut &'i mut [u8]) -> Result<Option<Step<'i>>, ProtocolError> {
        if !header.fin || header.opcode == Opcode::Continuation || header.length > input.len() as u64 {
            return Ok(None);
        }
        let Some(payload) = input.split_off_mut(..header.length as usize) else {
            return Ok(None);
        };
        if let Some(key) = header.mask {
            apply_mask(payload, key, 0);
        }
        let payload = &*payload;
        if header.compressed {
            let content = self.inflate(payload)?;
            let delivered = Delivered::message(header.opcode, content)?;
            self.partial.get_or_insert_default().delivered = Some(delivered);
            return Ok(Some(Step::Stored));
        }
        let event = match header.opcode {
            Opcode::Text => Event::Text(simdutf8::basic::from_utf8(payload).map_err(|_| ProtocolError::InvalidUtf8)?),
            Opcode::Binary | Opcode::Continuation => Event::Binary(payload),
            Opcode::Close => Event::Close(parse_close(payload)?),
            Opcode::Ping => Event::Ping(payload),
            Opcode::Pong => Event::Pong(payload),
        };
        Ok(Some(Step::Borrowed(event)))
    }

    /// Ends the frame whose payload has all come, and says whether an event is ready.
    fn finish_frame(&mut self) -> Result<bool, ProtocolError> {
        let Some(partial) = &mut self.partial else {
            return Ok(false);
        };
        if partial.finish_control()? {
            return Ok(true);
        }
        let Some(message) = partial.take_finished_message() else {
            return Ok(false);
        };
        let delivered = if message.is_compressed() {
            let opcode = message.opcode();
            let content = self.inflate(&message.into_bytes())?;
            Delivered::message(opcode, content)?
        } else {
            message.deliver()?
        };
        self.partial.get_or_insert_default().delivered = Some(delivered);
        Ok(true)
    }

    fn inflate(&mut self, payload: &[u8]) -> Result<Vec<u8>, ProtocolError> {
        let limit = self.limits.message_bytes;
        match self.deflate {
            Some(direction) if !direction.no_context_takeover => {
                self.inflater.get_or_insert_with(|| Box::new(Inflater::new(direction))).inflate(payload, limit)
            }
            _ => inflate_alone(payload, limit),
        }
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("role", &self.role)
            .field("finished", &self.finished)
            .field("deflate", &self.deflate)
            .field("limits", &self.limits)
            .field("held_bytes", &self.held_bytes())
            .finish_non_exhaustive()
    }
}

/// Reads a close frame's payload (RFC 6455 §5.5.1).
fn parse_close(payload: &[u8]) -> Result<Option<CloseReason<'_>>, ProtocolError> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(None) } else { Err(ProtocolError::TruncatedCloseCode) };
    };
    let code = u16::from_be_bytes(*code);
    let code = CloseCode::new(code).ok_or(ProtocolError::InvalidCloseCode(code))?;
    let reason = std::str::from_utf8(reason).map_err(|_| ProtocolError::InvalidUtf8)?;
    Ok(Some(CloseReason { code, reason: reason.into() }))
}

#[cfg(test)]
mod tests;
