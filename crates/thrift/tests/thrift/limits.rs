//! Each limit, one past it, and who pays for it.

use std::time::Duration;

use planet_thrift::thrift::protocol::TOutputProtocol;
use planet_thrift::thrift::protocol::{TFieldIdentifier, TListIdentifier, TMapIdentifier, TSetIdentifier, TType};
use planet_thrift::{Encoding, MessageLimits, ServerSettings};

use crate::probe::{TProbeSyncClient, Tree};
use crate::support::{Peer, add, call_of, message, start};

fn with(message: MessageLimits) -> ServerSettings {
    ServerSettings { message, ..ServerSettings::default() }
}

/// Sends messages of which only the last one is too much, and asserts that it costs its connection and no other.
async fn assert_last_is_refused(settings: ServerSettings, messages: &[Vec<u8>]) {
    let server = start(settings);
    let mut other = server.peer().await;
    let mut peer = server.peer().await;
    let (last, good) = messages.split_last().unwrap();
    for message in good {
        peer.send_frame(message).await;
        peer.receive().await;
    }
    assert_eq!(server.server.counters().refused(), 0);
    peer.send_frame(last).await;
    assert!(peer.closed().await.is_empty());
    assert_eq!(server.server.counters().refused(), 1);
    other.assert_served().await;
}

#[tokio::test]
async fn bytes_of_a_message() {
    let limit = add(0, 0).len();
    let limits = MessageLimits { bytes: limit, ..MessageLimits::default() };
    let long = [add(0, 0), vec![0]].concat();
    assert_last_is_refused(with(limits), &[add(0, 0), long]).await;
}

#[tokio::test]
async fn bytes_of_a_string() {
    for encoding in Encoding::ALL {
        let limits = MessageLimits { string_bytes: 100, ..MessageLimits::default() };
        let reverse = |length| message(encoding, |client| client.reverse(vec![1; length]));
        assert_last_is_refused(with(limits), &[reverse(100), reverse(101)]).await;
    }
}

#[tokio::test]
async fn elements_of_a_container() {
    for encoding in Encoding::ALL {
        let limits = MessageLimits { elements: 20, ..MessageLimits::default() };
        let weigh = |count| {
            let branches = vec![Box::new(Tree::new(None, None)); count];
            message(encoding, |client| client.weigh(Tree::new(1, branches.clone())))
        };
        assert_last_is_refused(with(limits), &[weigh(20), weigh(21)]).await;
    }
}

#[tokio::test]
async fn depth_of_structs() {
    for encoding in Encoding::ALL {
        let weigh = |depth| {
            let tree = (1..depth).fold(Tree::new(1, None), |tree, _| Tree::new(1, vec![Box::new(tree)]));
            message(encoding, |client| client.weigh(tree.clone()))
        };
        // The arguments are a struct too.
        let limits = MessageLimits { depth: 11, ..MessageLimits::default() };
        assert_last_is_refused(with(limits), &[weigh(10), weigh(11)]).await;
    }
}

#[tokio::test]
async fn depth_of_fields_that_are_not_known() {
    let nested = |depth: usize| {
        call_of("nothing", Encoding::Binary, |output| {
            output.write_field_begin(&TFieldIdentifier::new("unknown", TType::List, 77))?;
            for _ in 1..depth {
                output.write_list_begin(&TListIdentifier::new(TType::List, 1))?;
            }
            output.write_list_begin(&TListIdentifier::new(TType::I32, 0))?;
            output.write_field_stop()
        })
    };
    assert_last_is_refused(ServerSettings::default(), &[nested(64), nested(65)]).await;
}

#[tokio::test]
async fn containers_that_claim_more_than_the_message_has() {
    let claims =
        |write: &dyn Fn(&mut planet_thrift::Output<'_>) -> planet_thrift::thrift::Result<()>, kind, encoding| {
            call_of("nothing", encoding, |output| {
                output.write_field_begin(&TFieldIdentifier::new("unknown", kind, 77))?;
                write(output)
            })
        };
    // Far below the limit of elements, far above what there are bytes for.
    let settings = with(MessageLimits { elements: usize::MAX, ..MessageLimits::default() });
    for encoding in Encoding::ALL {
        for size in [1000, i32::MAX, -1] {
            let list = |output: &mut planet_thrift::Output<'_>| {
                output.write_list_begin(&TListIdentifier::new(TType::Struct, size))
            };
            let set = |output: &mut planet_thrift::Output<'_>| {
                output.write_set_begin(&TSetIdentifier::new(TType::Bool, size))
            };
            let map = |output: &mut planet_thrift::Output<'_>| {
                output.write_map_begin(&TMapIdentifier::new(TType::Bool, TType::I08, size))
            };
            if size > 0 {
                assert_last_is_refused(settings.clone(), &[claims(&list, TType::List, encoding)]).await;
                assert_last_is_refused(settings.clone(), &[claims(&set, TType::Set, encoding)]).await;
            }
            assert_last_is_refused(settings.clone(), &[claims(&map, TType::Map, encoding)]).await;
        }
    }
}

#[tokio::test]
async fn nested_containers_together_claim_no_more_than_the_message_has() {
    // Each of the lists alone could fit into the message; 40 of them cannot.
    let weigh = call_of("weigh", Encoding::Compact, |output| {
        output.write_field_begin(&TFieldIdentifier::new("tree", TType::Struct, 1))?;
        for _ in 0..40 {
            output.write_byte(0x29)?;
            output.write_byte(0xfc)?;
            output.write_byte(100)?;
        }
        for _ in 0..100 {
            output.write_byte(0)?;
        }
        Ok(())
    });
    assert!(weigh.len() > 100 + 100);
    assert_last_is_refused(ServerSettings::default(), &[weigh]).await;
}

#[tokio::test]
async fn connections_in_all_and_of_an_address() {
    let settings = ServerSettings { connections: 3, connections_per_address: 2, ..ServerSettings::default() };
    let server = start(settings);
    let mut served = Vec::new();
    for _ in 0..2 {
        let mut peer = server.peer_from("127.0.0.5").await;
        peer.assert_served().await;
        served.push(peer);
    }
    assert!(server.peer_from("127.0.0.5").await.closed().await.is_empty());
    let mut third = server.peer_from("127.0.0.6").await;
    third.assert_served().await;
    assert!(server.peer_from("127.0.0.7").await.closed().await.is_empty());
    for peer in &mut served {
        peer.assert_served().await;
    }
}

#[tokio::test]
async fn silence_closes_a_connection_quietly() {
    let settings = ServerSettings { idle_timeout: Duration::from_millis(20), ..ServerSettings::default() };
    let server = start(settings);
    let mut peer = server.peer().await;
    assert!(peer.closed().await.is_empty());
    assert_eq!(server.server.counters().refused(), 0);
}

#[tokio::test]
async fn a_message_that_does_not_end_closes_its_connection() {
    let settings = ServerSettings { message_timeout: Duration::from_millis(50), ..ServerSettings::default() };
    let server = start(settings);
    let mut waiting = server.peer().await;
    let mut peer = server.peer().await;
    let Peer(tcp) = &mut peer;
    // However often another byte comes.
    let dribble = async {
        use tokio::io::AsyncWriteExt;
        for byte in [0, 0, 1, 0].into_iter().chain(std::iter::repeat(7)) {
            if tcp.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    dribble.await;
    assert_eq!(server.server.counters().refused(), 1);
    waiting.assert_served().await;
}

#[tokio::test]
async fn answers_that_nobody_reads_close_the_connection() {
    use tokio::io::AsyncWriteExt;
    let settings = ServerSettings { write_timeout: Duration::from_millis(50), ..ServerSettings::default() };
    let server = start(settings);
    let mut other = server.peer().await;
    let Peer(mut tcp) = server.peer().await;
    let call = message(Encoding::Binary, |client| client.reverse(vec![1; 1 << 19]));
    let frame = [&u32::try_from(call.len()).unwrap().to_be_bytes()[..], &call].concat();
    // Ends when the server gives the connection up.
    while tcp.write_all(&frame).await.is_ok() {}
    other.assert_served().await;
}
