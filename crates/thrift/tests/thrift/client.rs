//! What a client does when things go wrong.

use std::net::SocketAddr;
use std::time::Duration;

use planet_thrift::{Client, ClientError, ClientSettings, MessageError, MessageLimits, ServerSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::probe::{ProbeSyncClient, TProbeSyncClient};
use crate::support::{start, sum};

async fn add(client: &Client, left: i32, right: i32) -> Result<i32, ClientError> {
    client.call(|input, output| ProbeSyncClient::new(input, output).add(left, right)).await
}

/// A server that a test plays.
async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn read_frame(tcp: &mut TcpStream) -> Vec<u8> {
    let length = tcp.read_u32().await.unwrap();
    let mut frame = vec![0; length.try_into().unwrap()];
    tcp.read_exact(&mut frame).await.unwrap();
    frame
}

/// Answers a call of `add` with 5, as a server would.
async fn answer_five(tcp: &mut TcpStream) {
    assert_eq!(&read_frame(tcp).await[8..11], b"add");
    let answer = b"\x80\x01\x00\x02\x00\x00\x00\x03add\x00\x00\x00\x01\x08\x00\x00\x00\x00\x00\x05\x00";
    assert_eq!(sum(answer), 5);
    tcp.write_all(&[0, 0, 0, answer.len() as u8]).await.unwrap();
    tcp.write_all(answer).await.unwrap();
}

#[tokio::test]
async fn a_pool_keeps_to_its_connections_and_uses_them_again() {
    let server = start(ServerSettings::default());
    for calls_in_flight in [1, 16] {
        let settings = ClientSettings { connections: 3, calls_in_flight, ..ClientSettings::default() };
        let client = server.client(settings);
        let calls = (0..500).map(|number| {
            let client = client.clone();
            tokio::spawn(async move { add(&client, number, 1).await.unwrap() })
        });
        for (number, sum) in calls.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(sum.await.unwrap(), i32::try_from(number).unwrap() + 1);
        }
        drop(client);
    }
    server.shutdown.begin(Duration::from_secs(60));
    server.ended.await.unwrap();
    assert_eq!(server.server.counters().answered(), 1000);
}

#[tokio::test]
async fn calls_one_after_the_other_stay_on_one_connection() {
    let (listener, address) = listen().await;
    let client = Client::framed(address.to_string(), ClientSettings::default());
    let serving = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        for _ in 0..3 {
            answer_five(&mut tcp).await;
        }
    });
    for _ in 0..3 {
        assert_eq!(add(&client, 2, 3).await.unwrap(), 5);
    }
    serving.await.unwrap();
}

#[tokio::test]
async fn one_past_the_connections_waits() {
    let (listener, address) = listen().await;
    let settings = ClientSettings { connections: 2, ..ClientSettings::default() };
    let client = Client::framed(address.to_string(), settings);
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { add(&client, 2, 3).await.unwrap() })
        })
        .collect();
    let (mut first, _) = listener.accept().await.unwrap();
    let (mut second, _) = listener.accept().await.unwrap();
    let third = tokio::time::timeout(Duration::from_millis(50), listener.accept());
    assert!(third.await.is_err());
    answer_five(&mut first).await;
    answer_five(&mut second).await;
    tokio::select! {
        () = answer_five(&mut first) => {}
        () = answer_five(&mut second) => {}
    }
    for call in calls {
        assert_eq!(call.await.unwrap(), 5);
    }
}

#[tokio::test]
async fn a_connection_closed_while_it_waits_is_replaced() {
    let (listener, address) = listen().await;
    let client = Client::framed(address.to_string(), ClientSettings::default());
    let serving = tokio::spawn(async move {
        for _ in 0..3 {
            let (mut tcp, _) = listener.accept().await.unwrap();
            answer_five(&mut tcp).await;
        }
    });
    for _ in 0..3 {
        assert_eq!(add(&client, 2, 3).await.unwrap(), 5);
    }
    serving.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_turns_out_to_be_stale_is_replaced_once() {
    let (listener, address) = listen().await;
    let client = Client::framed(address.to_string(), ClientSettings::default());
    let serving = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        answer_five(&mut tcp).await;
        // The next call comes to a server that closes the connection instead of answering, and so does its repeat.
        read_frame(&mut tcp).await;
        drop(tcp);
        let (mut tcp, _) = listener.accept().await.unwrap();
        read_frame(&mut tcp).await;
        drop(tcp);
        assert!(tokio::time::timeout(Duration::from_millis(50), listener.accept()).await.is_err());
    });
    assert_eq!(add(&client, 2, 3).await.unwrap(), 5);
    let lost = add(&client, 2, 3).await;
    assert!(matches!(lost, Err(ClientError::Lost)), "{lost:?}");
    serving.await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_not_answered_ends_and_gives_its_place_back() {
    let (listener, address) = listen().await;
    let settings =
        ClientSettings { call_timeout: Duration::from_millis(50), connections: 1, ..ClientSettings::default() };
    let client = Client::framed(address.to_string(), settings);
    let serving = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        read_frame(&mut tcp).await;
        assert_eq!(tcp.read(&mut [0]).await.unwrap(), 0);
        let (mut tcp, _) = listener.accept().await.unwrap();
        answer_five(&mut tcp).await;
    });
    let late = add(&client, 2, 3).await;
    assert!(matches!(late, Err(ClientError::TooSlow { .. })), "{late:?}");
    assert_eq!(add(&client, 2, 3).await.unwrap(), 5);
    serving.await.unwrap();
}

#[tokio::test]
async fn where_nobody_listens_is_named() {
    let (listener, address) = listen().await;
    drop(listener);
    let framed = Client::framed(address.to_string(), ClientSettings::default());
    let http = Client::http(format!("http://{address}/").parse().unwrap(), ClientSettings::default());
    for client in [framed, http] {
        let error = add(&client, 1, 2).await.unwrap_err();
        assert!(matches!(error, ClientError::Connect { .. }), "{error:?}");
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
}

#[tokio::test]
async fn answers_that_are_too_long_or_no_answers_are_refused() {
    let (listener, address) = listen().await;
    let message = MessageLimits { bytes: 100, ..MessageLimits::default() };
    let client = Client::framed(address.to_string(), ClientSettings { message, ..ClientSettings::default() });
    let serving = tokio::spawn(async move {
        for answer in [&b"\x00\x00\x00\x65"[..], b"\x00\x00\x00\x04oops"] {
            let (mut tcp, _) = listener.accept().await.unwrap();
            read_frame(&mut tcp).await;
            tcp.write_all(answer).await.unwrap();
            assert_eq!(tcp.read(&mut [0]).await.unwrap_or(0), 0);
        }
    });
    let long = add(&client, 1, 2).await;
    let too_long = MessageError::TooLong { bytes: Some(101), limit: 100 };
    assert!(matches!(&long, Err(ClientError::Message(error)) if *error == too_long), "{long:?}");
    let nonsense = add(&client, 1, 2).await;
    assert!(matches!(nonsense, Err(ClientError::Thrift(_))), "{nonsense:?}");
    drop(client);
    serving.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed() {
    let (listener, address) = listen().await;
    let settings = ClientSettings { idle_timeout: Duration::from_millis(20), ..ClientSettings::default() };
    let client = Client::framed(address.to_string(), settings);
    let serving = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        answer_five(&mut tcp).await;
        assert_eq!(tcp.read(&mut [0]).await.unwrap(), 0);
    });
    assert_eq!(add(&client, 2, 3).await.unwrap(), 5);
    serving.await.unwrap();
}

#[tokio::test]
async fn an_http_server_that_says_no_is_quoted() {
    let server = start(ServerSettings {
        message: MessageLimits { bytes: 10, ..MessageLimits::default() },
        ..ServerSettings::default()
    });
    let client = server.http_client(ClientSettings::default());
    let refused = add(&client, 1, 2).await;
    assert!(matches!(refused, Err(ClientError::Status(status)) if status.as_u16() == 413), "{refused:?}");
}
