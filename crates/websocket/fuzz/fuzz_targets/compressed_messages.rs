//! No bytes make a decoder with compression panic, or hold more than its limits allow.

#![no_main]

use libfuzzer_sys::fuzz_target;
use planet_websocket::{Decoder, DeflateParams, Event, Limits, Role};

const LIMITS: Limits = Limits {
    frame_bytes: 10_000,
    message_bytes: 10_000,
    empty_fragments: 10,
};

fuzz_target!(|data: &[u8]| {
    let Some(([choice], bytes)) = data.split_first_chunk::<1>() else {
        return;
    };
    let params = DeflateParams {
        server_no_context_takeover: choice & 1 == 0,
        server_max_window_bits: 8 + (choice >> 1) % 8,
        ..DeflateParams::default()
    };
    let mut decoder = Decoder::new(Role::Client, LIMITS).with_deflate(Some(params));
    let mut bytes = bytes.to_vec();
    let mut input = &mut bytes[..];
    while let Ok(Some(event)) = decoder.next(&mut input) {
        match event {
            Event::Text(text) => assert!(text.len() <= LIMITS.message_bytes),
            Event::Binary(payload) => assert!(payload.len() <= LIMITS.message_bytes),
            Event::Ping(payload) | Event::Pong(payload) => assert!(payload.len() <= 125),
            Event::Close(_) => {}
        }
    }
    assert!(decoder.held_bytes() <= 2 * LIMITS.message_bytes + 1024);
});
