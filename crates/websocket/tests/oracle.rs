//! The decoder and tungstenite see the same messages in the same bytes, or both refuse them.

mod support;

use planet_websocket::{CloseCode, Decoder, Limits, Opcode, ProtocolError, Role, frame};
use proptest::collection::vec;
use proptest::prelude::*;
use support::oracle::{End, ours, theirs};

const LIMITS: Limits = Limits { frame_bytes: 5000, message_bytes: 8000, empty_fragments: u32::MAX };

/// One or several frames that belong together.
fn frames(role: Role) -> impl Strategy<Value = Vec<u8>> {
    let text = "\\PC{0,200}";
    let payload = vec(any::<u8>(), 0..400);
    prop_oneof![
        text.prop_map(move |text| frame::text(role, &text).to_vec()),
        payload.clone().prop_map(move |payload| frame::binary(role, &payload).to_vec()),
        vec(any::<u8>(), 0..=125).prop_map(move |payload| frame::ping(role, &payload).expect("short").to_vec()),
        vec(any::<u8>(), 0..=125).prop_map(move |payload| frame::pong(role, &payload).expect("short").to_vec()),
        (text, vec(any::<prop::sample::Index>(), 1..4))
            .prop_map(move |(text, cuts)| { fragments(role, Opcode::Text, text.as_bytes(), &cuts) }),
        (payload, vec(any::<prop::sample::Index>(), 1..4))
            .prop_map(move |(payload, cuts)| { fragments(role, Opcode::Binary, &payload, &cuts) }),
    ]
}

/// A fragmented message with a ping after each fragment but the last.
fn fragments(role: Role, opcode: Opcode, payload: &[u8], cuts: &[prop::sample::Index]) -> Vec<u8> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
    cuts.sort_unstable();
    let mut bytes = Vec::new();
    let (mut start, mut opcode) = (0, opcode);
    for cut in cuts {
        bytes.extend(frame::fragment(role, opcode, false, &payload[start..cut]));
        bytes.extend(frame::ping(role, b"between").expect("short"));
        (start, opcode) = (cut, Opcode::Continuation);
    }
    bytes.extend(frame::fragment(role, opcode, true, &payload[start..]));
    bytes
}

fn stream(role: Role) -> impl Strategy<Value = Vec<u8>> {
    let close = prop_oneof![
        Just(Vec::new()),
        Just(frame::close_empty(role).to_vec()),
        (3000u16..5000, "\\PC{0,40}").prop_map(move |(code, reason)| {
            let code = CloseCode::new(code).expect("a code for applications");
            frame::close(role, code, &reason).to_vec()
        }),
    ];
    (vec(frames(role), 0..6), close).prop_map(|(frames, close)| [frames.concat(), close].concat())
}

/// A receiver's role, and a stream from the other end.
fn conversation() -> impl Strategy<Value = (Role, Vec<u8>)> {
    prop_oneof![
        stream(Role::Client).prop_map(|bytes| (Role::Server, bytes)),
        stream(Role::Server).prop_map(|bytes| (Role::Client, bytes)),
    ]
}

fn decoder(role: Role) -> Decoder {
    Decoder::new(role, LIMITS)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn valid_streams_give_the_same_messages((role, bytes) in conversation()) {
        let (our_messages, our_end) = ours(decoder(role), &bytes);
        let (their_messages, their_end) = theirs(role, LIMITS, &bytes);
        prop_assert_eq!(our_messages, their_messages);
        prop_assert_eq!(our_end, their_end);
    }

    #[test]
    fn changed_streams_give_the_same_messages_or_both_fail(
        (role, mut bytes) in conversation(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        if !bytes.is_empty() {
            for (place, byte) in changes {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        support::oracle::compare(role, LIMITS, &bytes).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn any_split_of_the_stream_gives_the_same_events(
        (role, mut bytes) in conversation(),
        change in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
        pieces in vec(0usize..40, 1..20),
    ) {
        if let Some((place, byte)) = change.filter(|_| !bytes.is_empty()) {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let whole = ours(decoder(role), &bytes);
        let mut split = decoder(role);
        let mut messages = Vec::new();
        let mut end = End::Open;
        let mut sizes = pieces.iter().cycle();
        let mut rest = &mut bytes[..];
        while !rest.is_empty() && end == End::Open {
            let size = (*sizes.next().expect("endless")).min(rest.len());
            // Empty input must change nothing; a run of it must not stop the test.
            let size = size.max(usize::from(pieces.iter().all(|size| *size == 0)));
            let (mut piece, after) = std::mem::take(&mut rest).split_at_mut(size);
            rest = after;
            end = support::oracle::feed(&mut split, &mut piece, &mut messages);
        }
        prop_assert_eq!(&whole.0, &messages);
        prop_assert_eq!(whole.1, end);
        if split.is_between_messages() {
            prop_assert_eq!(split.held_bytes(), 0);
        }
    }

    #[test]
    fn what_is_encoded_is_decoded(text in "\\PC{0,3000}", payload in vec(any::<u8>(), 0..5000)) {
        for (sender, receiver) in [(Role::Client, Role::Server), (Role::Server, Role::Client)] {
            let bytes = [frame::text(sender, &text), frame::binary(sender, &payload)].concat();
            let decoder = Decoder::new(receiver, Limits::default());
            let (messages, end) = ours(decoder, &bytes);
            prop_assert_eq!(
                messages,
                vec![text.clone().into(), bytes::Bytes::from(payload.clone()).into()]
            );
            prop_assert_eq!(end, End::Open);
        }
    }
}

#[test]
fn differences_that_are_meant() {
    // RFC 6455 §5.2 asks for the shortest length; tungstenite takes any.
    let long_length = [0x82, 126, 0, 1, 7];
    let (messages, end) = ours(decoder(Role::Client), &long_length);
    assert_eq!((messages.len(), end), (0, End::Failed(Some(ProtocolError::NonMinimalLength))));
    assert_eq!(theirs(Role::Client, LIMITS, &long_length).0.len(), 1);
    // A code that must not be sent fails the connection; tungstenite reports a close with 1002.
    let (messages, end) = ours(decoder(Role::Client), &[0x88, 2, 0x03, 0xed]);
    assert_eq!((messages.len(), end), (0, End::Failed(Some(ProtocolError::InvalidCloseCode(1005)))));
}
