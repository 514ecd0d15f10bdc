//! The decoder and tungstenite see the same messages in any bytes, or both refuse them; and how the
//! bytes are split changes nothing.
//!
//! ```text
//! cd crates/websocket && cargo +nightly fuzz run decoder_against_tungstenite
//! ```

#![no_main]

#[path = "../../tests/support/stream.rs"]
mod stream;

#[path = "../../tests/support/oracle.rs"]
mod oracle;

use libfuzzer_sys::fuzz_target;
use planet_websocket::{Decoder, Limits, Role};

const LIMITS: Limits = Limits {
    frame_bytes: 1000,
    message_bytes: 2000,
    empty_fragments: u32::MAX,
};

fuzz_target!(|data: &[u8]| {
    // The first byte says which end this is, the second where the stream is split.
    let Some(([role, split], bytes)) = data.split_first_chunk::<2>() else {
        return;
    };
    let role = if role % 2 == 0 { Role::Server } else { Role::Client };
    if let Err(difference) = oracle::compare(role, LIMITS, bytes) {
        panic!("{difference}");
    }

    let whole = oracle::ours(Decoder::new(role, LIMITS), bytes);
    let mut decoder = Decoder::new(role, LIMITS);
    let mut messages = Vec::new();
    let mut end = oracle::End::Open;
    for piece in bytes.to_vec().chunks_mut(usize::from(*split).max(1)) {
        let mut input = piece;
        end = oracle::feed(&mut decoder, &mut input, &mut messages);
        if end != oracle::End::Open {
            break;
        }
    }
    assert_eq!(whole, (messages, end));
    if decoder.is_between_messages() {
        assert_eq!(decoder.held_bytes(), 0);
    }
});
