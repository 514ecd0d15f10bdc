//! What a decoder keeps of frames and messages that have not all come yet.

use crate::header::{Header, MAX_CONTROL_BYTES, MAX_HEADER_BYTES, Opcode};
use crate::mask::{MaskKey, apply_mask};
use crate::text::StreamedText;
use crate::{Event, Limits, ProtocolError};

use super::parse_close;

/// Everything that exists only in the middle of something, in one allocation.
#[derive(Default)]
pub(super) struct Partial {
    pub(super) header: HeaderBytes,
    pub(super) frame: Option<PartialFrame>,
    pub(super) message: Option<PartialMessage>,
    /// The payload of a control frame that is underway or delivered.
    control: Vec<u8>,
    /// What the caller looks at now, until it asks for the next event.
    pub(super) delivered: Option<Delivered>,
}

/// The first bytes of a header.
#[derive(Default)]
pub(super) struct HeaderBytes {
    bytes: [u8; MAX_HEADER_BYTES],
    len: u8,
}

impl HeaderBytes {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    pub(super) fn push(&mut self, byte: u8) {
        self.bytes[usize::from(self.len)] = byte;
        self.len += 1;
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }
}

/// A frame whose header came and whose payload did not all come.
pub(super) struct PartialFrame {
    opcode: Opcode,
    /// The key, turned so that its first byte belongs to the next byte of payload.
    key: Option<MaskKey>,
    remaining: u64,
}

/// A message whose frames did not all come.
pub(super) struct PartialMessage {
    content: Content,
    compressed: bool,
    /// Its last frame has come.
    complete: bool,
    empty_fragments: u32,
}

enum Content {
    Text(StreamedText),
    /// Binary, or text that is still compressed.
    Bytes(Opcode, Vec<u8>),
}

/// An event that lives in the decoder.
pub(super) enum Delivered {
    Text(String),
    Binary(Vec<u8>),
    /// The payload is in [`Partial::control`].
    Control(Opcode),
}

impl Partial {
    /// Whether a frame or a message is underway.
    pub(super) fn is_underway(&self) -> bool {
        !self.header.is_empty() || self.frame.is_some() || self.message.is_some()
    }

    pub(super) fn held_bytes(&self) -> usize {
        let delivered = match &self.delivered {
            Some(Delivered::Text(text)) => text.capacity(),
            Some(Delivered::Binary(bytes)) => bytes.capacity(),
            Some(Delivered::Control(_)) | None => 0,
        };
        let message = self.message.as_ref().map_or(0, PartialMessage::capacity);
        self.control.capacity() + delivered + message
    }

    /// Frees what the caller has seen, and says whether anything is left.
    pub(super) fn drop_delivered(&mut self) -> bool {
        if self.delivered.take().is_some() {
            self.control = Vec::new();
        }
        self.is_underway()
    }

    pub(super) fn delivers_close(&self) -> bool {
        matches!(self.delivered, Some(Delivered::Control(Opcode::Close)))
    }

    pub(super) fn delivered(&self) -> Option<Result<Event<'_>, ProtocolError>> {
        let event = match self.delivered.as_ref()? {
            Delivered::Text(text) => Event::Text(text),
            Delivered::Binary(bytes) => Event::Binary(bytes),
            Delivered::Control(Opcode::Close) => match parse_close(&self.control) {
                Ok(close) => Event::Close(close),
                Err(error) => return Some(Err(error)),
            },
            Delivered::Control(Opcode::Ping) => Event::Ping(&self.control),
            Delivered::Control(_) => Event::Pong(&self.control),
        };
        Some(Ok(event))
    }

    /// Starts a frame that [`super::Decoder::check`] has let pass.
    pub(super) fn begin_frame(&mut self, header: &Header, limits: &Limits) -> Result<(), ProtocolError> {
        if header.opcode.is_control() {
            self.control = Vec::with_capacity(MAX_CONTROL_BYTES);
        } else {
            let message = self.message.get_or_insert_with(|| PartialMessage::new(header));
            message.complete = header.fin;
            if header.length == 0 && !header.fin {
                message.empty_fragments += 1;
                if message.empty_fragments > limits.empty_fragments {
                    return Err(ProtocolError::TooManyEmptyFragments { limit: limits.empty_fragments });
                }
            }
        }
        self.frame = Some(PartialFrame { opcode: header.opcode, key: header.mask, remaining: header.length });
        Ok(())
    }

    /// Moves payload from the input into the frame underway; the frame ends when all has come.
    pub(super) fn take_payload(&mut self, input: &mut &mut [u8], limits: &Limits) -> Result<(), ProtocolError> {
        let Some(frame) = &mut self.frame else {
            return Ok(());
        };
        let available = frame.remaining.min(input.len() as u64) as usize;
        let Some(piece) = input.split_off_mut(..available) else {
            return Ok(());
        };
        if let Some(key) = &mut frame.key {
            apply_mask(piece, *key, 0);
            key.rotate_left(available % 4);
        }
        frame.remaining -= available as u64;
        if frame.opcode.is_control() {
            self.control.extend_from_slice(piece);
        } else if let Some(message) = &mut self.message {
            message.push(piece, frame.remaining, limits)?;
        }
        if let Some(ended) = self.frame.take_if(|frame| frame.remaining == 0)
            && ended.opcode.is_control()
        {
            self.delivered = Some(Delivered::Control(ended.opcode));
        }
        Ok(())
    }

    /// Whether a control frame has just ended, having checked what it says.
    pub(super) fn finish_control(&self) -> Result<bool, ProtocolError> {
        match self.delivered {
            Some(Delivered::Control(Opcode::Close)) => parse_close(&self.control).map(|_| true),
            Some(_) => Ok(true),
            None => Ok(false),
        }
    }

    /// The message, if its last frame has ended.
    pub(super) fn take_finished_message(&mut self) -> Option<PartialMessage> {
        self.message.take_if(|message| message.complete)
    }
}

impl PartialMessage {
    fn new(header: &Header) -> Self {
        let content = if header.opcode == Opcode::Text && !header.compressed {
            Content::Text(StreamedText::default())
        } else {
            Content::Bytes(header.opcode, Vec::new())
        };
        Self { content, compressed: header.compressed, complete: false, empty_fragments: 0 }
    }

    pub(super) fn len(&self) -> usize {
        match &self.content {
            Content::Text(text) => text.len(),
            Content::Bytes(_, bytes) => bytes.len(),
        }
    }

    fn capacity(&self) -> usize {
        match &self.content {
            Content::Text(text) => text.capacity(),
            Content::Bytes(_, bytes) => bytes.capacity(),
        }
    }

    /// Appends a piece; `to_come` more bytes of its frame are announced.
    ///
    /// Room is made as bytes come and never because a header announced them, so that a frame which
    /// only claims to be long costs nothing.
    fn push(&mut self, piece: &[u8], to_come: u64, limits: &Limits) -> Result<(), ProtocolError> {
        let (len, capacity) = (self.len(), self.capacity());
        let needed = len + piece.len();
        let mut additional = 0;
        if needed > capacity {
            let announced = usize::try_from(to_come).unwrap_or(usize::MAX).saturating_add(needed);
            let bound = if self.complete { announced } else { limits.message_bytes.max(needed) };
            additional = (capacity * 2).clamp(needed, bound.max(needed)) - len;
        }
        match &mut self.content {
            Content::Text(text) => {
                text.reserve_exact(additional);
                text.push(piece)
            }
            Content::Bytes(_, bytes) => {
                bytes.reserve_exact(additional);
                bytes.extend_from_slice(piece);
                Ok(())
            }
        }
    }

    pub(super) fn is_compressed(&self) -> bool {
        self.compressed
    }

    pub(super) fn opcode(&self) -> Opcode {
        match self.content {
            Content::Text(_) => Opcode::Text,
            Content::Bytes(opcode, _) => opcode,
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        match self.content {
            Content::Text(text) => text.finish().map(String::into_bytes).unwrap_or_default(),
            Content::Bytes(_, bytes) => bytes,
        }
    }

    /// The content of a message that was not compressed.
    pub(super) fn deliver(self) -> Result<Delivered, ProtocolError> {
        match self.content {
            Content::Text(text) => Ok(Delivered::Text(text.finish()?)),
            Content::Bytes(opcode, bytes) => Delivered::message(opcode, bytes),
        }
    }
}

impl Delivered {
    /// A whole message whose text has not been checked yet.
    pub(super) fn message(opcode: Opcode, content: Vec<u8>) -> Result<Self, ProtocolError> {
        if opcode == Opcode::Text {
            let text = String::from_utf8(content).map_err(|_| ProtocolError::InvalidUtf8)?;
            Ok(Self::Text(text))
        } else {
            Ok(Self::Binary(content))
        }
    }
}
