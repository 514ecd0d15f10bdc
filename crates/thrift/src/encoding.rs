//! How a message is written, and telling that from its first bytes.

use crate::MessageError;

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// The binary protocol with a version in front ("strict"), which is what nearly all clients use.
    Binary,
    /// The binary protocol without a version, as old clients write it.
    OldBinary,
    /// The compact protocol.
    Compact,
}

/// First byte of a message in the compact protocol (thrift-compact-protocol.md, "Message").
const COMPACT_ID: u8 = 0x82;
const COMPACT_VERSION: u8 = 1;
const COMPACT_VERSION_MASK: u8 = 0x1f;
/// First two bytes of a message in the strict binary protocol (thrift-binary-protocol.md, "Message").
const BINARY_VERSION: [u8; 2] = [0x80, 0x01];

impl Encoding {
    /// Every encoding.
    pub const ALL: [Self; 3] = [Self::Binary, Self::OldBinary, Self::Compact];

    /// How this message is written.
    ///
    /// Its first byte decides. The strict binary protocol begins with `80 01`, the compact one with `82`. The old binary
    /// protocol begins with the length of the method's name as a signed number of 32 bits, whose highest bit is not set.
    ///
    /// ```
    /// use planet_thrift::Encoding;
    ///
    /// assert_eq!(Encoding::of(b"\x80\x01\x00\x01\x00\x00\x00\x04ping").unwrap(), Encoding::Binary);
    /// assert_eq!(Encoding::of(b"\x00\x00\x00\x04ping\x01").unwrap(), Encoding::OldBinary);
    /// assert_eq!(Encoding::of(b"\x82\x21\x01\x04ping").unwrap(), Encoding::Compact);
    /// assert!(Encoding::of(b"\xffoops").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// When it begins like none of them.
    pub fn of(message: &[u8]) -> Result<Self, MessageError> {
        match *message {
            [first, second, ..] if [first, second] == BINARY_VERSION => Ok(Self::Binary),
            [COMPACT_ID, second, ..] if second & COMPACT_VERSION_MASK == COMPACT_VERSION => Ok(Self::Compact),
            [first, _, ..] if first & 0x80 == 0 => Ok(Self::OldBinary),
            [first, second, ..] => Err(MessageError::UnknownEncoding { begins: [first, second] }),
            _ => Err(MessageError::TooShort),
        }
    }
}
