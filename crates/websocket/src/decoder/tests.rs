use super::*;
use crate::header::MAX_CONTROL_BYTES;
use crate::{DeflateOptions, MAX_CLOSE_REASON_BYTES, Message, deflate, frame};

fn server() -> Decoder {
    Decoder::new(Role::Server, Limits::default())
}

fn client() -> Decoder {
    Decoder::new(Role::Client, Limits::default())
}

/// Feeds `pieces` one after the other and collects all messages.
fn feed(decoder: &mut Decoder, pieces: &[&[u8]]) -> Result<Vec<Message>, ProtocolError> {
    let mut messages = Vec::new();
    for piece in pieces {
        let mut bytes = piece.to_vec();
        let mut input = &mut bytes[..];
        while let Some(event) = decoder.next(&mut input)? {
            messages.push(event.to_message());
        }
        assert!(input.is_empty());
    }
    Ok(messages)
}

fn byte_by_byte(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.chunks(1).collect()
}

fn error(bytes: &[u8]) -> ProtocolError {
    let whole = feed(&mut client(), &[bytes]).expect_err("an error");
    let in_bytes = feed(&mut client(), &byte_by_byte(bytes)).expect_err("an error");
    assert_eq!(whole, in_bytes, "the same error whatever the pieces");
    whole
}

fn close(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseReason {
        code: CloseCode::new(code).expect("a code that may travel"),
        reason: reason.into(),
    }))
}

#[test]
fn is_small_and_holds_no_heap_memory_between_messages() {
    assert!(size_of::<Decoder>() <= 64, "a decoder is {} bytes", size_of::<Decoder>());
    let mut decoder = server();
    assert_eq!(decoder.held_bytes(), 0);
    let message = frame::text(Role::Client, &"x".repeat(5000));
    feed(&mut decoder, &[&message[..100]]).expect("valid so far");
    assert!(decoder.held_bytes() > 0);
    assert!(!decoder.is_between_messages());
    let messages = feed(&mut decoder, &[&message[100..]]).expect("valid");
    assert_eq!(messages, [Message::Text("x".repeat(5000))]);
    assert_eq!(decoder.held_bytes(), 0);
    assert!(decoder.partial.is_none());
    assert!(decoder.is_between_messages());
}

#[test]
fn a_frame_that_only_claims_to_be_long_costs_nothing() {
    let mut decoder = client();
    feed(&mut decoder, &[b"\x82\x7f\x00\x00\x00\x00\x00\x10\x00\x00"]).expect("within the limit");
    assert!(decoder.held_bytes() < 512, "{} bytes", decoder.held_bytes());
    feed(&mut decoder, &[&[7; 1000]]).expect("within the limit");
    assert!(decoder.held_bytes() < 3000, "{} bytes", decoder.held_bytes());
}

#[test]
fn a_whole_message_is_borrowed_from_the_input() {
    let mut bytes = frame::text(Role::Client, "hello").to_vec();
    let range = bytes.as_ptr_range();
    let mut decoder = server();
    let mut input = &mut bytes[..];
    let Ok(Some(Event::Text(text))) = decoder.next(&mut input) else {
        panic!("a text");
    };
    assert!(range.contains(&text.as_ptr()));
    assert_eq!(text, "hello");
}

#[test]
fn takes_each_kind_of_frame_in_one_piece_and_in_bytes() {
    for (decoder, role) in [(server as fn() -> Decoder, Role::Client), (client, Role::Server)] {
        let mut bytes = Vec::new();
        bytes.extend(frame::text(role, "käse"));
        bytes.extend(frame::binary(role, &[0xff; 300]));
        bytes.extend(frame::text(role, ""));
        bytes.extend(frame::ping(role, b"a").expect("short"));
        bytes.extend(frame::pong(role, b"").expect("short"));
        bytes.extend(frame::binary(role, &[1; 70_000]));
        bytes.extend(frame::close(role, CloseCode::NORMAL, "done"));
        let expected = [
            Message::from("käse"),
            Message::Binary(vec![0xff; 300].into()),
            Message::from(""),
            Message::Ping("a".into()),
            Message::Pong("".into()),
            Message::Binary(vec![1; 70_000].into()),
            close(1000, "done"),
        ];
        assert_eq!(feed(&mut decoder(), &[&bytes]).as_deref(), Ok(&expected[..]));
        assert_eq!(feed(&mut decoder(), &byte_by_byte(&bytes)).as_deref(), Ok(&expected[..]));
    }
}

#[test]
fn puts_fragments_together_around_control_frames() {
    let role = Role::Client;
    let mut bytes = Vec::new();
    bytes.extend(frame::fragment(role, Opcode::Text, false, b"k\xc3"));
    bytes.extend(frame::ping(role, b"1").expect("short"));
    bytes.extend(frame::fragment(role, Opcode::Continuation, false, b""));
    bytes.extend(frame::fragment(role, Opcode::Continuation, false, b"\xa4s"));
    bytes.extend(frame::pong(role, b"2").expect("short"));
    bytes.extend(frame::fragment(role, Opcode::Continuation, true, b"e"));
    let expected = [Message::Ping("1".into()), Message::Pong("2".into()), Message::from("käse")];
    assert_eq!(feed(&mut server(), &[&bytes]).as_deref(), Ok(&expected[..]));
    let mut decoder = server();
    assert_eq!(feed(&mut decoder, &byte_by_byte(&bytes)).as_deref(), Ok(&expected[..]));
    assert_eq!(decoder.held_bytes(), 0);
}

#[test]
fn a_handler_may_stop_and_go_on_later() {
    let mut bytes = [frame::text(Role::Client, "one"), frame::text(Role::Client, "two")].concat();
    let mut decoder = server();
    let mut input = &mut bytes[..];
    assert_eq!(decoder.next(&mut input), Ok(Some(Event::Text("one"))));
    let left = input.len();
    assert!(left > 0);
    assert_eq!(decoder.next(&mut input), Ok(Some(Event::Text("two"))));
    assert_eq!(decoder.next(&mut input), Ok(None));
}

#[test]
fn nothing_counts_after_a_close_or_an_error() {
    let mut bytes = frame::close(Role::Server, CloseCode::NORMAL, "").to_vec();
    bytes.extend(frame::text(Role::Server, "late"));
    let mut decoder = client();
    assert_eq!(feed(&mut decoder, &[&bytes]), Ok(vec![close(1000, "")]));
    assert!(decoder.is_finished());
    let mut decoder = client();
    assert_eq!(feed(&mut decoder, &[b"\x83\x00"]), Err(ProtocolError::ReservedOpcode(3)));
    assert!(decoder.is_finished());
    assert_eq!(feed(&mut decoder, &[b"\x81\x01x"]), Ok(vec![]));
}

#[test]
fn checks_the_mask_by_role() {
    let unmasked = frame::text(Role::Server, "x");
    let masked = frame::text(Role::Client, "x");
    assert_eq!(feed(&mut server(), &[&unmasked]), Err(ProtocolError::UnmaskedFrame));
    assert_eq!(feed(&mut client(), &[&masked]), Err(ProtocolError::MaskedFrame));
}

#[test]
fn refuses_frames_out_of_order() {
    assert_eq!(error(b"\x80\x00"), ProtocolError::UnexpectedContinuation);
    assert_eq!(error(b"\x01\x00\x81\x00"), ProtocolError::UnfinishedMessage);
    assert_eq!(error(b"\x02\x00\x02\x00"), ProtocolError::UnfinishedMessage);
    assert_eq!(error(b"\x01\x00\x80\x00\x80\x00"), ProtocolError::UnexpectedContinuation);
}

#[test]
fn refuses_reserved_bits_and_wrong_control_frames() {
    assert_eq!(error(b"\xc1\x00"), ProtocolError::ReservedBits);
    assert_eq!(error(b"\xa1\x00"), ProtocolError::ReservedBits);
    assert_eq!(error(b"\x91\x00"), ProtocolError::ReservedBits);
    assert_eq!(error(b"\x09\x00"), ProtocolError::FragmentedControl);
    assert_eq!(error(b"\x89\x7e\x00\x7e"), ProtocolError::OversizedControl);
    assert_eq!(MAX_CLOSE_REASON_BYTES, MAX_CONTROL_BYTES - 2);
}

#[test]
fn checks_text_as_it_streams() {
    assert_eq!(error(b"\x81\x02\xc3\x28"), ProtocolError::InvalidUtf8);
    assert_eq!(error(b"\x81\x01\xc3"), ProtocolError::InvalidUtf8);
    // Ten bytes are announced, but the third already rules them out.
    assert_eq!(error(b"\x81\x0aok\xff"), ProtocolError::InvalidUtf8);
    assert_eq!(error(b"\x01\x02o\xf4\x00\x02\x90"), ProtocolError::InvalidUtf8);
    assert_eq!(error(b"\x01\x01\xf4\x80\x00"), ProtocolError::InvalidUtf8);
    let binary = feed(&mut client(), &[b"\x82\x02\xc3\x28"]);
    assert_eq!(binary, Ok(vec![Message::Binary("\u{c3}(".chars().map(|c| c as u8).collect())]));
}

#[test]
fn checks_close_frames() {
    assert_eq!(feed(&mut client(), &[b"\x88\x00"]), Ok(vec![Message::Close(None)]));
    assert_eq!(error(b"\x88\x01\x03"), ProtocolError::TruncatedCloseCode);
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        let [high, low] = u16::to_be_bytes(code);
        assert_eq!(error(&[0x88, 2, high, low]), ProtocolError::InvalidCloseCode(code));
    }
    assert_eq!(error(b"\x88\x03\x03\xe8\xff"), ProtocolError::InvalidUtf8);
    let longest = "x".repeat(MAX_CLOSE_REASON_BYTES);
    let bytes = frame::close(Role::Server, CloseCode::NORMAL, &longest);
    assert_eq!(feed(&mut client(), &byte_by_byte(&bytes)).map(|m| m.len()), Ok(1));
}

#[test]
fn keeps_the_limits_and_takes_what_just_fits() {
    let limits = Limits { frame_bytes: 10, message_bytes: 15, empty_fragments: 2 };
    let run = |bytes: &[u8]| feed(&mut Decoder::new(Role::Client, limits), &[bytes]);
    assert_eq!(run(b"\x82\x0a0123456789").map(|m| m.len()), Ok(1));
    assert_eq!(run(b"\x82\x0b"), Err(ProtocolError::FrameTooBig { length: 11, limit: 10 }));
    assert_eq!(run(b"\x02\x0a0123456789\x80\x0501234").map(|m| m.len()), Ok(1));
    assert_eq!(run(b"\x02\x0a0123456789\x80\x06"), Err(ProtocolError::MessageTooBig { limit: 15 }));
    assert_eq!(
        run(b"\x02\x0a0123456789\x89\x06abcdef\x80\x0501234").map(|m| m.len()),
        Ok(2),
        "control frames do not count"
    );
    assert_eq!(run(b"\x02\x00\x00\x00\x00\x01x\x80\x00").map(|m| m.len()), Ok(1));
    assert_eq!(run(b"\x02\x00\x00\x00\x00\x00"), Err(ProtocolError::TooManyEmptyFragments { limit: 2 }));
}

#[test]
fn every_error_has_the_close_code_of_its_kind() {
    assert_eq!(error(b"\x83\x00").close_code(), CloseCode::PROTOCOL_ERROR);
    assert_eq!(error(b"\x81\x01\xff").close_code(), CloseCode::INVALID_PAYLOAD);
    assert_eq!(ProtocolError::MessageTooBig { limit: 1 }.close_code(), CloseCode::TOO_BIG);
    assert_eq!(ProtocolError::TooManyEmptyFragments { limit: 1 }.close_code(), CloseCode::POLICY_VIOLATION);
}

fn no_takeover() -> DeflateParams {
    DeflateParams { server_no_context_takeover: true, ..DeflateParams::default() }
}

#[test]
fn takes_compressed_messages_whole_in_bytes_and_in_fragments() {
    let text = "wörter, wörter, ".repeat(100);
    let whole = deflate::shared_text(&text);
    assert!(whole.len() < 100);
    let (header, start) = Header::parse(&whole).expect("valid").expect("whole");
    assert!(header.compressed);
    let (first, second) = whole[start..].split_at(7);
    let fragments = [
        frame::encode(Role::Server, Opcode::Text, false, true, first),
        frame::ping(Role::Server, b"").expect("short"),
        frame::fragment(Role::Server, Opcode::Continuation, true, second),
    ]
    .concat();
    for pieces in [vec![&whole[..]], byte_by_byte(&whole)] {
        let mut decoder = client().with_deflate(Some(no_takeover()));
        let twice = [&pieces[..], &pieces].concat();
        assert_eq!(feed(&mut decoder, &twice), Ok(vec![Message::Text(text.clone()), Message::Text(text.clone())]));
        assert_eq!(decoder.held_bytes(), 0);
        assert!(decoder.inflater.is_none());
    }
    let mut decoder = client().with_deflate(Some(no_takeover()));
    assert_eq!(feed(&mut decoder, &[&fragments]), Ok(vec![Message::Ping("".into()), Message::Text(text)]));
}

#[test]
fn keeps_a_window_only_under_context_takeover() {
    let direction = DeflateParams::default().outgoing(Role::Server);
    let options = DeflateOptions { threshold_bytes: 0, ..DeflateOptions::server() };
    let mut deflater = deflate::Deflater::new(direction, &options);
    let text = "the same again ".repeat(3);
    let frames = [(); 3].map(|()| deflater.frame(Role::Server, Opcode::Text, text.as_bytes()));
    assert!(frames[1].len() < frames[0].len());
    let mut decoder = client().with_deflate(Some(DeflateParams::default()));
    assert_eq!(feed(&mut decoder, &[&frames.concat()]).map(|messages| messages.len()), Ok(3));
    assert!(decoder.inflater.is_some());
}

#[test]
fn a_compressed_message_is_checked_and_bounded_like_any_other() {
    let limits = Limits { message_bytes: 10_000, ..Limits::default() };
    let decoder = || Decoder::new(Role::Client, limits).with_deflate(Some(no_takeover()));
    let fits = deflate::shared_text(&"x".repeat(10_000));
    assert_eq!(feed(&mut decoder(), &[&fits]).map(|m| m.len()), Ok(1));
    let bomb = deflate::shared_text(&"x".repeat(10_001));
    assert!(bomb.len() < 100);
    assert_eq!(feed(&mut decoder(), &[&bomb]), Err(ProtocolError::MessageTooBig { limit: 10_000 }));
    let mut not_utf8 = deflate::shared_binary(&[0xff; 1000]).to_vec();
    assert_eq!(feed(&mut decoder(), &[&not_utf8]).map(|m| m.len()), Ok(1));
    not_utf8[0] = 0xc1;
    assert_eq!(feed(&mut decoder(), &[&not_utf8]), Err(ProtocolError::InvalidUtf8));
    assert_eq!(feed(&mut decoder(), &[b"\xc2\x04\xff\xff\xff\xff"]), Err(ProtocolError::CorruptDeflate));
    assert_eq!(feed(&mut decoder(), &[b"\xc9\x00"]), Err(ProtocolError::ReservedBits));
    assert_eq!(feed(&mut decoder(), &[b"\x02\x00\xc0\x00"]), Err(ProtocolError::ReservedBits));
}
