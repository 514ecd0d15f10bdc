//! Decompression with a bound.

use std::cell::Cell;

use flate2::{Decompress, FlushDecompress, Status};

use super::{Direction, TAIL};
use crate::ProtocolError;

thread_local! {
    /// For all messages of the thread that were compressed by themselves.
    static SPARE: Cell<Option<Decompress>> = const { Cell::new(None) };
}

/// Decompresses a message that was compressed by itself, with the thread's inflater.
pub(crate) fn inflate_alone(payload: &[u8], limit: usize) -> Result<Vec<u8>, ProtocolError> {
    let mut inflater = SPARE.try_with(Cell::take).ok().flatten().unwrap_or_else(|| Decompress::new(false));
    inflater.reset(false);
    let result = inflate(&mut inflater, payload, limit);
    let _ = SPARE.try_with(|spare| spare.set(Some(inflater)));
    result
}

/// Decompresses the messages of one connection, each with the window of those before it.
pub(crate) struct Inflater(Decompress);

impl Inflater {
    pub(crate) fn new(direction: Direction) -> Self {
        Self(Decompress::new_with_window_bits(false, direction.library_window_bits()))
    }

    pub(crate) fn inflate(&mut self, payload: &[u8], limit: usize) -> Result<Vec<u8>, ProtocolError> {
        inflate(&mut self.0, payload, limit)
    }
}

/// Decompresses one message. The output grows to `limit` and one byte at most, whatever the input
/// would unfold to.
fn inflate(inflater: &mut Decompress, payload: &[u8], limit: usize) -> Result<Vec<u8>, ProtocolError> {
    let most = limit.saturating_add(1);
    let mut out = Vec::with_capacity(payload.len().saturating_mul(4).clamp(64, most.max(64)));
    for mut input in [payload, &TAIL] {
        loop {
            if out.len() == out.capacity() {
                let capacity = out.capacity().saturating_mul(2).min(most.max(64));
                out.reserve_exact(capacity - out.len());
            }
            let (taken_before, len_before) = (inflater.total_in(), out.len());
            let status = inflater
                .decompress_vec(input, &mut out, FlushDecompress::Sync)
                .map_err(|_| ProtocolError::CorruptDeflate)?;
            let taken = (inflater.total_in() - taken_before) as usize;
            input = &input[taken..];
            if out.len() > limit {
                return Err(ProtocolError::MessageTooBig { limit });
            }
            if status == Status::StreamEnd {
                // A final block may end a message, or stand in its middle (RFC 7692 §7.2.3.5).
                inflater.reset(false);
                if input.is_empty() {
                    return Ok(out);
                }
                continue;
            }
            if input.is_empty() && out.len() < out.capacity() {
                break;
            }
            if taken == 0 && out.len() == len_before && out.len() < out.capacity() {
                return Err(ProtocolError::CorruptDeflate);
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deflate::DeflateParams;

    #[test]
    fn reads_the_examples_of_rfc_7692_section_7_2_3() {
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
        let with_final_block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        let two_blocks = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
        for message in [&hello[..], &stored, &with_final_block, &two_blocks] {
            assert_eq!(inflate_alone(message, 5).as_deref(), Ok(&b"Hello"[..]), "{message:x?}");
        }
        assert_eq!(inflate_alone(&[0x00], 0).as_deref(), Ok(&b""[..]));
    }

    #[test]
    fn keeps_the_window_between_messages_if_agreed() {
        let first = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let again = [0xf2, 0x00, 0x11, 0x00, 0x00];
        let mut inflater = Inflater::new(DeflateParams::default().client_to_server());
        assert_eq!(inflater.inflate(&first, 5).as_deref(), Ok(&b"Hello"[..]));
        assert_eq!(inflater.inflate(&again, 5).as_deref(), Ok(&b"Hello"[..]));
        assert_eq!(inflate_alone(&again, 5), Err(ProtocolError::CorruptDeflate));
    }

    #[test]
    fn stops_at_the_limit_whatever_a_bomb_would_unfold_to() {
        let mut bomb = Vec::new();
        let mut deflater = flate2::Compress::new(flate2::Compression::best(), false);
        bomb.reserve(1 << 20);
        deflater.compress_vec(&vec![0; 64 << 20], &mut bomb, flate2::FlushCompress::Sync).expect("room enough");
        assert!(bomb.len() < 1 << 17);
        assert_eq!(inflate_alone(&bomb, 1 << 16), Err(ProtocolError::MessageTooBig { limit: 1 << 16 }));
        // The thread's inflater is none the worse for it.
        assert_eq!(inflate_alone(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], 5).as_deref(), Ok(&b"Hello"[..]));
    }

    #[test]
    fn refuses_what_is_not_deflate() {
        assert_eq!(inflate_alone(&[0xff; 20], 100), Err(ProtocolError::CorruptDeflate));
    }
}
