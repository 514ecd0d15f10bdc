//! The ways in which a peer can break the protocol.

use std::fmt;

use crate::CloseCode;

/// A peer broke the protocol or went past a limit. The connection must be failed (RFC 6455 §7.1.7):
/// send a close frame with [`ProtocolError::close_code`] and stop reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A reserved bit was set that no agreed extension gives a meaning (§5.2).
    ReservedBits,
    /// An opcode that the protocol does not define (§5.2).
    ReservedOpcode(u8),
    /// A control frame without FIN (§5.5).
    FragmentedControl,
    /// A control frame with more than 125 bytes (§5.5).
    OversizedControl,
    /// A client sent an unmasked frame (§5.1).
    UnmaskedFrame,
    /// A server sent a masked frame (§5.1).
    MaskedFrame,
    /// A length written in more bytes than it needs (§5.2).
    NonMinimalLength,
    /// A 64-bit length with its highest bit set (§5.2).
    LengthOverflow,
    /// A continuation frame with no message to continue (§5.4).
    UnexpectedContinuation,
    /// A new data frame before the last message was finished (§5.4).
    UnfinishedMessage,
    /// Text, or a close reason, that is not UTF-8 (§8.1).
    InvalidUtf8,
    /// A close frame with a payload of one byte (§5.5.1).
    TruncatedCloseCode,
    /// A close code that must not be sent (§7.4).
    InvalidCloseCode(u16),
    /// A frame longer than the receiver allows.
    FrameTooBig {
        /// Bytes that the frame announced.
        length: u64,
        /// Bytes allowed.
        limit: usize,
    },
    /// A message longer than the receiver allows, counted after decompression.
    MessageTooBig {
        /// Bytes allowed.
        limit: usize,
    },
    /// More empty fragments in a message than the receiver allows.
    TooManyEmptyFragments {
        /// Empty fragments allowed in a message.
        limit: u32,
    },
    /// A compressed message that is not valid DEFLATE data (RFC 7692 §7.2.2).
    CorruptDeflate,
}

impl ProtocolError {
    /// The close code that tells the peer what it did.
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::ReservedBits
            | Self::ReservedOpcode(_)
            | Self::FragmentedControl
            | Self::OversizedControl
            | Self::UnmaskedFrame
            | Self::MaskedFrame
            | Self::NonMinimalLength
            | Self::LengthOverflow
            | Self::UnexpectedContinuation
            | Self::UnfinishedMessage
            | Self::TruncatedCloseCode
            | Self::InvalidCloseCode(_) => CloseCode::PROTOCOL_ERROR,
            Self::InvalidUtf8 | Self::CorruptDeflate => CloseCode::INVALID_PAYLOAD,
            Self::FrameTooBig { .. } | Self::MessageTooBig { .. } => CloseCode::TOO_BIG,
            Self::TooManyEmptyFragments { .. } => CloseCode::POLICY_VIOLATION,
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedBits => f.write_str("a frame sets a reserved bit that no agreed extension uses"),
            Self::ReservedOpcode(opcode) => write!(f, "a frame has the reserved opcode {opcode:#x}"),
            Self::FragmentedControl => f.write_str("a control frame is fragmented"),
            Self::OversizedControl => f.write_str("a control frame is longer than 125 bytes"),
            Self::UnmaskedFrame => f.write_str("a client sent a frame without a mask"),
            Self::MaskedFrame => f.write_str("a server sent a masked frame"),
            Self::NonMinimalLength => f.write_str("a frame writes its length in more bytes than it needs"),
            Self::LengthOverflow => f.write_str("a frame's length does not fit 63 bits"),
            Self::UnexpectedContinuation => f.write_str("a continuation frame came with no message to continue"),
            Self::UnfinishedMessage => f.write_str("a new message began before the last one was finished"),
            Self::InvalidUtf8 => f.write_str("a text is not UTF-8"),
            Self::TruncatedCloseCode => f.write_str("a close frame has half a close code"),
            Self::InvalidCloseCode(code) => {
                write!(f, "a close frame has code {code}, which must not be sent")
            }
            Self::FrameTooBig { length, limit } => {
                write!(f, "a frame of {length} bytes is over the limit of {limit}")
            }
            Self::MessageTooBig { limit } => {
                write!(f, "a message is over the limit of {limit} bytes")
            }
            Self::TooManyEmptyFragments { limit } => {
                write!(f, "a message has more than {limit} empty fragments")
            }
            Self::CorruptDeflate => f.write_str("a compressed message is not valid DEFLATE data"),
        }
    }
}

impl std::error::Error for ProtocolError {}
