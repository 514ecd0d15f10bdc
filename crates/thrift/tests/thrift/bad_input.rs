//! What no client sends: each costs its own connection, and no other.

use planet_thrift::{Call, Encoding, Handler, HandlerError, MessageError, MessageLimits, Processor, ServerSettings};
use proptest::prelude::*;

use crate::calls::everything;
use crate::probe::{ProbeSyncProcessor, TProbeSyncClient};
use crate::service::Service;
use crate::support::{message, start};

#[tokio::test]
async fn bytes_that_are_no_frames() {
    let server = start(ServerSettings::default());
    let mut other = server.peer().await;
    let inputs: [&[u8]; 6] = [
        b"POST / HTTP/1.1\r\n\r\n",
        b"\x80\x01\x00\x01\x00\x00\x00\x07nothing",
        b"\x00\x00\x00\x00",
        b"\x00\x00\x00\x01\x80",
        b"\x00\x00\x00\x04\xff\xff\xff\xff",
        b"\x00\x00\x00\x04\x7f\xff\xff\xff",
    ];
    for (count, input) in inputs.into_iter().enumerate() {
        let mut peer = server.peer().await;
        peer.send(input).await;
        assert!(peer.closed().await.is_empty(), "{input:?}");
        assert_eq!(server.server.counters().refused(), count as u64 + 1, "{input:?}");
    }
    other.assert_served().await;
}

#[tokio::test]
async fn a_frame_that_breaks_off() {
    use tokio::io::AsyncWriteExt;
    let server = start(ServerSettings::default());
    let mut peer = server.peer().await;
    peer.send(b"\x00\x00\x00\x20\x80\x01").await;
    peer.0.shutdown().await.unwrap();
    assert!(peer.closed().await.is_empty());
    assert_eq!(server.server.counters().refused(), 1);
}

#[tokio::test]
async fn calls_before_a_bad_one_are_answered() {
    let server = start(ServerSettings::default());
    let mut peer = server.peer().await;
    let good = crate::support::add(1, 2);
    peer.send(&[&[0, 0, 0, good.len() as u8][..], &good, b"\xff\xff\xff\xff"].concat()).await;
    assert_eq!(crate::support::sum(&peer.receive().await), 3);
    assert!(peer.closed().await.is_empty());
}

/// Has generated code read a message, and says whether there is an answer.
async fn handle(bytes: Vec<u8>) -> Result<bool, MessageError> {
    let call = Call::new(bytes.into(), MessageLimits::default(), None)?;
    let handler = Processor::inline(ProbeSyncProcessor::new(Service::default()));
    match handler.call(call).await {
        Ok(answer) => Ok(answer.is_some()),
        Err(HandlerError::Message(error)) => Err(error),
        // Generated code panics at a union that has no field it knows.
        Err(HandlerError::Internal(_)) => Ok(false),
    }
}

fn now<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn a_message_that_is_cut_anywhere_is_refused() {
    for encoding in Encoding::ALL {
        let whole = message(encoding, |client| client.echo(everything()));
        assert_eq!(now(handle(whole.clone())), Ok(true));
        for length in 0..whole.len() {
            let refused = now(handle(whole[..length].to_vec()));
            assert!(refused.is_err(), "{encoding:?} {length}: {refused:?}");
        }
    }
}

#[tokio::test]
async fn a_union_without_a_known_field_costs_its_call_only() {
    use planet_thrift::thrift::ApplicationErrorKind;
    let server = start(ServerSettings::default());
    let mut peer = server.peer().await;
    // echo(Everything { value: Value { 99: true } }) in the compact protocol.
    peer.send_frame(b"\x82\x21\x01\x04echo\x1c\xfc\x01\xc6\x01\x00\x00\x00").await;
    let error = crate::support::exception(&peer.receive().await);
    assert_eq!((error.kind, error.message.as_str()), (ApplicationErrorKind::InternalError, "the call failed"));
    peer.assert_served().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = now(handle(bytes));
    }

    #[test]
    fn any_change_of_a_message_is_survived(
        encoding in proptest::sample::select(&Encoding::ALL[..]),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = message(encoding, |client| client.echo(everything()));
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = now(handle(bytes));
    }
}
