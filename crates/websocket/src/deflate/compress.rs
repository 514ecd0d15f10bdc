//! Compression: once for all connections, or for one with its window.

use std::cell::Cell;

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, Status};

use super::{DeflateOptions, Direction, TAIL};
use crate::header::Opcode;
use crate::{Role, frame};

/// Shared messages below this many bytes are sent as they are.
pub const SHARED_THRESHOLD_BYTES: usize = 256;

const SHARED_LEVEL: u8 = 6;

thread_local! {
    /// For all messages of the thread that are compressed by themselves: a compressor is 300 KB, too
    /// much to make for each message or to keep for each connection.
    static SPARE: Cell<Option<Spare>> = const { Cell::new(None) };
}

struct Spare {
    level: u8,
    window_bits: u8,
    compress: Compress,
}

fn compressor(level: u8, window_bits: u8) -> Compress {
    Compress::new_with_window_bits(Compression::new(u32::from(level)), false, window_bits)
}

fn deflate_alone(level: u8, window_bits: u8, payload: &[u8]) -> Vec<u8> {
    let mut spare = SPARE
        .try_with(Cell::take)
        .ok()
        .flatten()
        .filter(|spare| spare.level == level && spare.window_bits == window_bits)
        .unwrap_or_else(|| Spare { level, window_bits, compress: compressor(level, window_bits) });
    spare.compress.reset();
    let compressed = deflate(&mut spare.compress, payload);
    let _ = SPARE.try_with(|slot| slot.set(Some(spare)));
    compressed
}

/// A server's text message, compressed by itself, for every client whose
/// [`takes_shared_frames`](super::DeflateParams::takes_shared_frames) says so.
///
/// It comes back as a plain frame if it is below [`SHARED_THRESHOLD_BYTES`] or does not get smaller.
pub fn shared_text(payload: &str) -> Bytes {
    shared(Opcode::Text, payload.as_bytes())
}

/// The same as [`shared_text`] for a binary message.
pub fn shared_binary(payload: &[u8]) -> Bytes {
    shared(Opcode::Binary, payload)
}

fn shared(opcode: Opcode, payload: &[u8]) -> Bytes {
    if payload.len() >= SHARED_THRESHOLD_BYTES {
        let compressed = deflate_alone(SHARED_LEVEL, 15, payload);
        if compressed.len() < payload.len() {
            return frame::encode(Role::Server, opcode, true, true, &compressed);
        }
    }
    frame::encode(Role::Server, opcode, true, false, payload)
}

/// Compresses the messages of one connection.
pub(crate) struct Deflater {
    /// Kept only under context takeover.
    compress: Option<Compress>,
    direction: Direction,
    threshold_bytes: usize,
    level: u8,
}

impl Deflater {
    pub(crate) fn new(direction: Direction, options: &DeflateOptions) -> Self {
        Self { compress: None, direction, threshold_bytes: options.threshold_bytes, level: options.level.clamp(1, 9) }
    }

    /// A frame of the message: compressed, or plain if it is below the threshold.
    pub(crate) fn frame(&mut self, role: Role, opcode: Opcode, payload: &[u8]) -> Bytes {
        if payload.len() < self.threshold_bytes {
            return frame::encode(role, opcode, true, false, payload);
        }
        let window_bits = self.direction.library_window_bits();
        let compressed = if self.direction.no_context_takeover {
            let alone = deflate_alone(self.level, window_bits, payload);
            if alone.len() >= payload.len() && self.threshold_bytes > 0 {
                return frame::encode(role, opcode, true, false, payload);
            }
            alone
        } else {
            // Goes out compressed even if that makes it longer: the window now has this message, and
            // so must the peer's.
            let compress = self.compress.get_or_insert_with(|| compressor(self.level, window_bits));
            deflate(compress, payload)
        };
        frame::encode(role, opcode, true, true, &compressed)
    }
}

/// Compresses one message and takes off the tail (RFC 7692 §7.2.1).
fn deflate(compress: &mut Compress, payload: &[u8]) -> Vec<u8> {
    // Stored blocks, the worst case, add five bytes for every 16 KiB or more.
    let mut out = Vec::with_capacity(payload.len() + payload.len() / 1024 + 64);
    let mut input = payload;
    loop {
        let taken_before = compress.total_in();
        let status = compress.compress_vec(input, &mut out, FlushCompress::Sync).unwrap_or(Status::BufError);
        input = &input[(compress.total_in() - taken_before) as usize..];
        if input.is_empty() && out.len() < out.capacity() {
            break;
        }
        debug_assert!(out.len() == out.capacity(), "stopped early: {status:?}");
        out.reserve(out.capacity().max(64));
    }
    if out.ends_with(&TAIL) {
        out.truncate(out.len() - TAIL.len());
    }
    if out.is_empty() {
        // A second flush with nothing between writes nothing; an empty block stands for it (§7.2.3.6).
        out.push(0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deflate::{DeflateParams, Inflater, inflate_alone};
    use crate::header::Header;

    fn payload(frame: &[u8]) -> (bool, &[u8]) {
        let (header, start) = Header::parse(frame).expect("a valid header").expect("a whole header");
        (header.compressed, &frame[start..])
    }

    #[test]
    fn shares_a_message_only_when_that_makes_it_smaller() {
        let long = "a message that repeats itself, ".repeat(20);
        let frame = shared_text(&long);
        let (compressed, body) = payload(&frame);
        assert!(compressed);
        assert!(body.len() < long.len() / 5);
        assert_eq!(inflate_alone(body, long.len()).as_deref(), Ok(long.as_bytes()));
        assert_eq!(shared_text("short"), frame::text(Role::Server, "short"));
        let noise: Vec<u8> = (0..4096).map(|_| rand::random()).collect();
        assert_eq!(shared_binary(&noise), frame::binary(Role::Server, &noise));
    }

    #[test]
    fn shared_messages_do_not_depend_on_each_other() {
        let long = "x".repeat(1000);
        assert_eq!(shared_text(&long), shared_text(&long));
    }

    #[test]
    fn keeps_its_window_if_agreed() {
        let options = DeflateOptions { threshold_bytes: 0, ..DeflateOptions::server() };
        for bits in 8..=15 {
            let direction =
                DeflateParams { server_max_window_bits: bits, ..DeflateParams::default() }.server_to_client();
            let mut deflater = Deflater::new(direction, &options);
            let mut inflater = Inflater::new(direction);
            let text = b"the same words come again and again in what people say".repeat(3);
            let mut lengths = Vec::new();
            for message in [&text[..], &text, b"", b"", &text] {
                let frame = deflater.frame(Role::Server, Opcode::Text, message);
                let (compressed, body) = payload(&frame);
                assert!(compressed);
                lengths.push(body.len());
                assert_eq!(inflater.inflate(body, 1000).as_deref(), Ok(message));
            }
            assert!(lengths[1] < lengths[0] / 2, "{lengths:?} with {bits} bits");
        }
    }

    #[test]
    fn a_window_of_8_bits_is_kept_though_the_library_knows_none() {
        let params = DeflateParams { server_max_window_bits: 8, ..DeflateParams::default() };
        for level in 1..=9 {
            let options = DeflateOptions { threshold_bytes: 0, level, ..DeflateOptions::server() };
            let compressed_twice = |distance: usize| {
                let noise: Vec<u8> = (0..distance).map(|_| rand::random()).collect();
                let mut deflater = Deflater::new(params.server_to_client(), &options);
                let frame = deflater.frame(Role::Server, Opcode::Binary, &noise.repeat(2));
                payload(&frame).1.len()
            };
            assert!(compressed_twice(200) < 250, "it does look back");
            for distance in 257..=512 {
                assert!(compressed_twice(distance) >= 2 * distance, "level {level} looks back {distance} bytes");
            }
        }
    }

    #[test]
    fn forgets_each_message_if_agreed() {
        let direction =
            DeflateParams { client_no_context_takeover: true, ..DeflateParams::default() }.client_to_server();
        let mut deflater = Deflater::new(direction, &DeflateOptions::client());
        let text = "the same words ".repeat(40);
        let first = deflater.frame(Role::Server, Opcode::Text, text.as_bytes());
        let second = deflater.frame(Role::Server, Opcode::Text, text.as_bytes());
        assert_eq!(first, second);
        assert!(deflater.compress.is_none());
    }
}
