//! The frame header (RFC 6455 §5.2), read and written.

use crate::ProtocolError;
use crate::mask::MaskKey;

/// Longest frame header: two bytes, a 64-bit length and a masking key.
pub(crate) const MAX_HEADER_BYTES: usize = 14;

/// Most bytes that a control frame can carry (RFC 6455 §5.5).
pub const MAX_CONTROL_BYTES: usize = 125;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_AND_RSV3: u8 = 0x30;
const MASKED: u8 = 0x80;

/// What a frame is (RFC 6455 §11.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// A further part of a fragmented message.
    Continuation = 0x0,
    /// A text message, or its first part.
    Text = 0x1,
    /// A binary message, or its first part.
    Binary = 0x2,
    /// The start or the answer of the closing handshake.
    Close = 0x8,
    /// Asks for a pong.
    Ping = 0x9,
    /// Answers a ping, or beats unasked.
    Pong = 0xA,
}

impl Opcode {
    const fn from_bits(bits: u8) -> Result<Self, ProtocolError> {
        match bits {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xA => Ok(Self::Pong),
            other => Err(ProtocolError::ReservedOpcode(other)),
        }
    }

    /// Whether frames of this kind may come between the fragments of a message.
    pub const fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// A frame header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) fin: bool,
    /// RSV1, which permessage-deflate sets on the first frame of a compressed message.
    pub(crate) compressed: bool,
    pub(crate) opcode: Opcode,
    pub(crate) mask: Option<MaskKey>,
    pub(crate) length: u64,
}

impl Header {
    /// Reads a header and says how many bytes it took; `None` while bytes are missing.
    ///
    /// Rules that hold for every frame in every role are checked as soon as the bytes are there.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        let Some(&first) = bytes.first() else {
            return Ok(None);
        };
        if first & RSV2_AND_RSV3 != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        let opcode = Opcode::from_bits(first & 0x0f)?;
        let fin = first & FIN != 0;
        if opcode.is_control() && !fin {
            return Err(ProtocolError::FragmentedControl);
        }
        let Some(&second) = bytes.get(1) else {
            return Ok(None);
        };
        let short_length = second & 0x7f;
        if opcode.is_control() && usize::from(short_length) > MAX_CONTROL_BYTES {
            return Err(ProtocolError::OversizedControl);
        }
        let (length, mut taken) = match short_length {
            126 => {
                let Some(&long) = bytes[2..].first_chunk::<2>() else {
                    return Ok(None);
                };
                let length = u64::from(u16::from_be_bytes(long));
                if length < 126 {
                    return Err(ProtocolError::NonMinimalLength);
                }
                (length, 4)
            }
            127 => {
                let Some(&long) = bytes[2..].first_chunk::<8>() else {
                    return Ok(None);
                };
                let length = u64::from_be_bytes(long);
                if length >> 63 != 0 {
                    return Err(ProtocolError::LengthOverflow);
                }
                if length <= u64::from(u16::MAX) {
                    return Err(ProtocolError::NonMinimalLength);
                }
                (length, 10)
            }
            short => (u64::from(short), 2),
        };
        let mut mask = None;
        if second & MASKED != 0 {
            let Some(&key) = bytes[taken..].first_chunk::<4>() else {
                return Ok(None);
            };
            mask = Some(key);
            taken += 4;
        }
        let header = Self { fin, compressed: first & RSV1 != 0, opcode, mask, length };
        Ok(Some((header, taken)))
    }

    /// Bytes that [`Header::write`] will add.
    pub(crate) fn encoded_len(&self) -> usize {
        let length = match self.length {
            0..=125 => 2,
            126..=0xffff => 4,
            _ => 10,
        };
        length + if self.mask.is_some() { 4 } else { 0 }
    }

    /// Appends the header to `out`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut first = self.opcode as u8;
        if self.fin {
            first |= FIN;
        }
        if self.compressed {
            first |= RSV1;
        }
        let masked = if self.mask.is_some() { MASKED } else { 0 };
        match self.length {
            0..=125 => out.extend_from_slice(&[first, masked | self.length as u8]),
            126..=0xffff => {
                out.extend_from_slice(&[first, masked | 126]);
                out.extend_from_slice(&(self.length as u16).to_be_bytes());
            }
            _ => {
                out.extend_from_slice(&[first, masked | 127]);
                out.extend_from_slice(&self.length.to_be_bytes());
            }
        }
        if let Some(key) = self.mask {
            out.extend_from_slice(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_it_reads_at_every_length_boundary() {
        for length in [0, 1, 125, 126, 127, 0xffff, 0x1_0000, u64::MAX >> 1] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let header = Header { fin: false, compressed: true, opcode: Opcode::Binary, mask, length };
                let mut bytes = Vec::new();
                header.write(&mut bytes);
                assert_eq!(bytes.len(), header.encoded_len());
                assert_eq!(Header::parse(&bytes), Ok(Some((header, bytes.len()))));
                for cut in 0..bytes.len() {
                    assert_eq!(Header::parse(&bytes[..cut]), Ok(None), "cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn refuses_lengths_longer_than_needed() {
        assert_eq!(Header::parse(&[0x82, 126, 0, 125]), Err(ProtocolError::NonMinimalLength));
        assert_eq!(Header::parse(&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff]), Err(ProtocolError::NonMinimalLength));
        assert_eq!(Header::parse(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]), Err(ProtocolError::LengthOverflow));
    }

    #[test]
    fn refuses_on_the_first_byte_what_no_second_byte_can_mend() {
        assert_eq!(Header::parse(&[0xa1]), Err(ProtocolError::ReservedBits));
        assert_eq!(Header::parse(&[0x91]), Err(ProtocolError::ReservedBits));
        assert_eq!(Header::parse(&[0x09]), Err(ProtocolError::FragmentedControl));
        for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf] {
            assert_eq!(Header::parse(&[0x80 | opcode]), Err(ProtocolError::ReservedOpcode(opcode)));
        }
        assert_eq!(Header::parse(&[0x89, 126]), Err(ProtocolError::OversizedControl));
    }
}
