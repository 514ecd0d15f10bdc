//! What can be wrong with a message.

use std::fmt;
use std::time::Duration;

/// A message cannot be read. Who sent it is not spoken to any further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageError {
    /// It has not even the bytes that tell how it is written.
    TooShort,
    /// It is longer than [`MessageLimits::bytes`](crate::MessageLimits::bytes).
    TooLong {
        /// The length that it announces, if that is known.
        bytes: Option<usize>,
        /// The longest there may be.
        limit: usize,
    },
    /// It begins like no protocol that is known here.
    UnknownEncoding {
        /// Its first two bytes.
        begins: [u8; 2],
    },
    /// It does not follow its protocol, or is over one of [`MessageLimits`](crate::MessageLimits).
    Malformed {
        /// What was found.
        found: String,
    },
    /// It did not come within [`ServerSettings::message_timeout`](crate::ServerSettings::message_timeout).
    TooSlow {
        /// The time there is for it.
        limit: Duration,
    },
    /// It broke off: the connection ended in the middle of it.
    BrokenOff,
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => f.write_str("the message is too short to be one"),
            Self::TooLong { bytes: None, limit } => write!(f, "the message is longer than {limit} bytes"),
            Self::TooLong { bytes: Some(bytes), limit } => write!(
                f,
                "the message would have {bytes} bytes, and {limit} are allowed; is the other side set to the framed \
                 transport?"
            ),
            Self::TooSlow { limit } => write!(f, "the message did not come within {} s", limit.as_secs_f32()),
            Self::UnknownEncoding { begins: [first, second] } => write!(
                f,
                "the message begins with {first:02x} {second:02x}, which is neither the binary nor the compact protocol"
            ),
            Self::Malformed { found } => write!(f, "the message is malformed: {found}"),
            Self::BrokenOff => f.write_str("the message broke off"),
        }
    }
}

impl std::error::Error for MessageError {}
