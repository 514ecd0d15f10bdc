//! Masking beside the byte-by-byte loop of the RFC, and decoding beside tungstenite.
//!
//! ```text
//! cargo bench -p planet-websocket
//! ```
//!
//! Each figure is the best of many rounds, which is what disturbs a shared machine least. Both decoders
//! get the same masked stream of text messages through one copy into their buffer, as from a socket.

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use planet_websocket::{Decoder, Event, Limits, Role, apply_mask, frame, scratch};
use tungstenite::WebSocket;
use tungstenite::protocol::Role as TheirRole;

const STREAM_BYTES: usize = 4 << 20;
const ROUNDS: usize = 30;

fn main() {
    println!("{:<28}{:>12}{:>12}{:>8}", "", "ours", "other", "ratio");
    for length in [16, 128, 4096, 65536] {
        let mut data = vec![7; length];
        let times = (STREAM_BYTES / length).max(1);
        let ours = best(|| {
            for _ in 0..times {
                apply_mask(black_box(&mut data), [1, 2, 3, 4], 0);
            }
        });
        let other = best(|| {
            for _ in 0..times {
                byte_by_byte(black_box(&mut data), [1, 2, 3, 4]);
            }
        });
        report(&format!("mask {length} bytes"), ours, other, times);
    }
    for length in [16, 128, 4096, 60_000] {
        let count = (STREAM_BYTES / length).max(1);
        let stream = frame::text(Role::Client, &"x".repeat(length)).repeat(count);
        let ours = best(|| assert_eq!(decode(&stream), count));
        let other = best(|| assert_eq!(decode_with_tungstenite(&stream), count));
        report(&format!("decode {length} bytes of text"), ours, other, count);
    }
}

fn best(mut round: impl FnMut()) -> Duration {
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        round();
        start.elapsed()
    });
    rounds.min().unwrap_or_default()
}

fn report(what: &str, ours: Duration, other: Duration, times: usize) {
    let each = |total: Duration| total.as_nanos() as f64 / times as f64;
    println!("{what:<28}{:>9.1} ns{:>9.1} ns{:>8.2}", each(ours), each(other), each(ours) / each(other));
}

fn byte_by_byte(data: &mut [u8], key: [u8; 4]) {
    for (index, byte) in data.iter_mut().enumerate() {
        // Keeps the compiler from turning this into words by itself.
        *byte ^= black_box(key[index % 4]);
    }
}

fn decode(mut stream: &[u8]) -> usize {
    let mut decoder = Decoder::new(Role::Server, Limits::default());
    let mut texts = 0;
    loop {
        let read = scratch::with(|buffer| {
            let read = stream.read(buffer).expect("memory can be read");
            let mut input = &mut buffer[..read];
            while let Some(event) = decoder.next(&mut input).expect("a valid stream") {
                if let Event::Text(text) = event {
                    black_box(text);
                    texts += 1;
                }
            }
            read
        });
        if read == 0 {
            return texts;
        }
    }
}

struct Memory<'a>(&'a [u8]);

impl Read for Memory<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Memory<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn decode_with_tungstenite(stream: &[u8]) -> usize {
    let mut socket = WebSocket::from_raw_socket(Memory(stream), TheirRole::Server, None);
    let mut texts = 0;
    while let Ok(message) = socket.read() {
        black_box(&message);
        texts += 1;
    }
    texts
}
