//! What a server answers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use planet_net::Drained;
use planet_thrift::thrift::ApplicationErrorKind;
use planet_thrift::thrift::protocol::{TInputProtocol, TMessageType, TOutputProtocol};
use planet_thrift::{
    CONTENT_TYPE, Call, ClientSettings, Encoding, Handler, HandlerError, Input, MessageLimits, Processor,
    ServerSettings,
};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

use crate::calls;
use crate::probe::ProbeSyncProcessor;
use crate::service::Service;
use crate::support::{LONG, add, call_of, exception, message, start, start_with, sum};

#[tokio::test]
async fn every_type_passes_every_way() {
    let server = start(ServerSettings::default());
    for encoding in Encoding::ALL {
        let settings = ClientSettings { encoding, ..ClientSettings::default() };
        calls::check(&server.client(settings.clone())).await.unwrap();
        calls::check(&server.http_client(settings)).await.unwrap();
    }
    assert_eq!(server.server.counters().oneway(), 6);
    assert!(server.server.counters().answered() > 6 * 10);
    assert_eq!(server.server.counters().refused(), 0);
}

#[tokio::test]
async fn blocking_processors_answer_alike() {
    let processor = Processor::blocking(ProbeSyncProcessor::new(Service::default()));
    let server = start_with(processor, ServerSettings::default());
    calls::check(&server.client(ClientSettings::default())).await.unwrap();
}

#[tokio::test]
async fn each_call_of_a_connection_is_answered_as_it_was_asked() {
    let server = start(ServerSettings::default());
    let mut peer = server.peer().await;
    for encoding in [Encoding::OldBinary, Encoding::Compact, Encoding::Binary, Encoding::OldBinary] {
        peer.send_frame(&message(encoding, |client| crate::probe::TProbeSyncClient::add(client, 20, 22))).await;
        let answer = peer.receive().await;
        assert_eq!((Encoding::of(&answer).unwrap(), sum(&answer)), (encoding, 42));
    }
}

#[tokio::test]
async fn unknown_methods_leave_the_connection_usable() {
    let server = start(ServerSettings::default());
    let mut peer = server.peer().await;
    for encoding in Encoding::ALL {
        peer.send_frame(&call_of("juggle", encoding, |output| output.write_field_stop())).await;
        let error = exception(&peer.receive().await);
        assert_eq!(error.kind, ApplicationErrorKind::UnknownMethod);
        peer.assert_served().await;
    }
}

#[tokio::test]
async fn unknown_oneway_methods_get_no_answer() {
    let server = start(ServerSettings::default());
    let mut peer = server.peer().await;
    let mut call = call_of("juggle", Encoding::Binary, |output| output.write_field_stop());
    call[3] = TMessageType::OneWay.into();
    peer.send_frame(&call).await;
    peer.assert_served().await;
    assert_eq!(server.server.counters().oneway(), 1);
}

/// Holds calls until it is told how many may end, and notes how many wait.
struct Gate {
    open: Semaphore,
    waiting: AtomicUsize,
}

impl Gate {
    fn new() -> Self {
        Self { open: Semaphore::new(0), waiting: AtomicUsize::new(0) }
    }
}

struct Held(std::sync::Arc<Gate>);

impl Handler for Held {
    async fn call(&self, call: Call) -> Result<Option<Bytes>, HandlerError> {
        self.0.waiting.fetch_add(1, Ordering::SeqCst);
        self.0.open.acquire().await.unwrap().forget();
        let number = call.head()?.sequence_number;
        Ok(call.exception(ApplicationErrorKind::Unknown, number.to_string())?)
    }
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn numbered(number: u8) -> Vec<u8> {
    let mut call = call_of("any", Encoding::Binary, |output| output.write_field_stop());
    let at = call.len() - 2;
    call[at] = number;
    call
}

fn framed(messages: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let frames = messages.into_iter().map(|message| {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        [&length[..], &message].concat()
    });
    frames.collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn pipelined_calls_are_handled_side_by_side_up_to_the_limit_and_answered_in_order() {
    let gate = std::sync::Arc::new(Gate::new());
    let settings = ServerSettings { calls_in_flight: 3, ..ServerSettings::default() };
    let server = start_with(Held(gate.clone()), settings);
    let mut peer = server.peer().await;
    peer.send(&framed((1..=9).map(numbered))).await;
    until(|| gate.waiting.load(Ordering::SeqCst) == 3).await;
    gate.open.add_permits(1);
    assert_eq!(exception(&peer.receive().await).message, "1");
    until(|| gate.waiting.load(Ordering::SeqCst) == 4).await;
    gate.open.add_permits(8);
    for number in 2..=9 {
        assert_eq!(exception(&peer.receive().await).message, number.to_string());
    }
    assert_eq!(server.server.counters().answered(), 9);
}

#[tokio::test]
async fn many_calls_in_one_write_are_all_answered() {
    let server = start(ServerSettings::default());
    let mut peer = server.peer().await;
    let (mut reading, mut writing) = peer.0.into_split();
    tokio::spawn(async move { writing.write_all(&framed((0..5000).map(|number| add(number, 1)))).await });
    for number in 0..5000 {
        use tokio::io::AsyncReadExt;
        let length = reading.read_u32().await.unwrap();
        let mut answer = vec![0; length.try_into().unwrap()];
        reading.read_exact(&mut answer).await.unwrap();
        assert_eq!(sum(&answer), number + 1);
    }
    peer = server.peer().await;
    peer.assert_served().await;
}

#[tokio::test]
async fn what_was_asked_before_the_peer_closed_its_side_is_answered() {
    let server = start(ServerSettings::default());
    let mut peer = server.peer().await;
    peer.send(&framed([add(1, 1), add(2, 2)])).await;
    peer.0.shutdown().await.unwrap();
    assert_eq!((sum(&peer.receive().await), sum(&peer.receive().await)), (2, 4));
    assert!(peer.closed().await.is_empty());
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_told_of_and_the_connection_goes_on() {
    let gate = std::sync::Arc::new(Gate::new());
    let settings = ServerSettings { call_timeout: Duration::from_millis(20), ..ServerSettings::default() };
    let server = start_with(Held(gate.clone()), settings);
    let mut peer = server.peer().await;
    for _ in 0..2 {
        peer.send_frame(&numbered(1)).await;
        let error = exception(&peer.receive().await);
        assert_eq!(error.kind, ApplicationErrorKind::InternalError);
        assert!(error.message.contains("0.02 s"), "{}", error.message);
    }
    assert_eq!(server.server.counters().late(), 2);
}

struct Failing;

impl Handler for Failing {
    async fn call(&self, _: Call) -> Result<Option<Bytes>, HandlerError> {
        Err(HandlerError::Internal("out of luck".to_owned()))
    }
}

#[tokio::test]
async fn a_handler_that_fails_is_told_of() {
    let server = start_with(Failing, ServerSettings::default());
    let mut peer = server.peer().await;
    peer.send_frame(&numbered(1)).await;
    assert_eq!(exception(&peer.receive().await).message, "out of luck");
    assert_eq!(server.server.counters().failed(), 1);
}

#[tokio::test]
async fn a_shutdown_lets_calls_end_and_takes_no_more() {
    let gate = std::sync::Arc::new(Gate::new());
    let server = start_with(Held(gate.clone()), ServerSettings::default());
    let (mut busy, mut idle) = (server.peer().await, server.peer().await);
    busy.send_frame(&numbered(7)).await;
    until(|| gate.waiting.load(Ordering::SeqCst) == 1).await;
    server.shutdown.begin(LONG);
    assert!(idle.closed().await.is_empty());
    gate.open.add_permits(1);
    assert_eq!(exception(&busy.receive().await).message, "7");
    assert!(busy.closed().await.is_empty());
    assert_eq!(server.ended.await.unwrap(), Drained::Completely);
    assert!(tokio::net::TcpStream::connect(server.framed).await.is_err());
}

#[tokio::test]
async fn a_shutdown_ends_when_its_time_is_over() {
    let gate = std::sync::Arc::new(Gate::new());
    let server = start_with(Held(gate.clone()), ServerSettings::default());
    let mut busy = server.peer().await;
    busy.send_frame(&numbered(7)).await;
    until(|| gate.waiting.load(Ordering::SeqCst) == 1).await;
    server.shutdown.begin(Duration::from_millis(20));
    assert!(busy.closed().await.is_empty());
    server.ended.await.unwrap();
}

#[tokio::test]
async fn http_answers_say_what_was_wrong() {
    use http_body_util::{BodyExt, Full};
    use hyper::{Request, StatusCode};
    let limits = MessageLimits { bytes: 100, ..MessageLimits::default() };
    let server = start(ServerSettings { message: limits, ..ServerSettings::default() });
    let service = server.server.http_service();
    let post = |body: Vec<u8>| Request::post("/any/path").body(Full::new(Bytes::from(body))).unwrap();
    for (request, status, text) in [
        (Request::get("/").body(Full::default()).unwrap(), StatusCode::METHOD_NOT_ALLOWED, "POST"),
        (post(vec![]), StatusCode::BAD_REQUEST, "too short"),
        (post(b"\xff\xff".to_vec()), StatusCode::BAD_REQUEST, "ff ff"),
        (post(add(1, 2)[..20].to_vec()), StatusCode::BAD_REQUEST, "ends too early"),
        (post(vec![0x80; 101]), StatusCode::PAYLOAD_TOO_LARGE, "longer than 100 bytes"),
    ] {
        let response = service.answer(request).await;
        assert_eq!(response.status(), status);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&body).contains(text), "{body:?}");
    }
    let response = service.answer(post(add(1, 2))).await;
    assert_eq!(response.headers()["content-type"], CONTENT_TYPE);
    assert_eq!(sum(&response.into_body().collect().await.unwrap().to_bytes()), 3);
    assert_eq!(server.server.counters().refused(), 4);
}

#[tokio::test]
async fn arguments_and_replies_can_be_structs() {
    use crate::probe::{Place, Refused};
    /// Takes a struct for arguments, and answers with what an exception makes of field 1 and 2.
    struct Direct;
    impl Handler for Direct {
        async fn call(&self, call: Call) -> Result<Option<Bytes>, HandlerError> {
            let place: Place = call.arguments()?;
            Ok(Some(call.reply(&Refused::new(1, place.name))?))
        }
    }
    let server = start_with(Direct, ServerSettings::default());
    let mut peer = server.peer().await;
    let place = Place::new("Ω".to_owned(), None, None);
    let call = call_of("any", Encoding::Compact, |output| {
        planet_thrift::thrift::protocol::TSerializable::write_to_out_protocol(&place, output)
    });
    peer.send_frame(&call).await;
    let answer = peer.receive().await;
    let mut input = Input::new(&answer, Encoding::Compact, &MessageLimits::default());
    let head = input.read_message_begin().unwrap();
    assert_eq!((head.name.as_str(), head.message_type, head.sequence_number), ("any", TMessageType::Reply, 9));
    let refused: Refused = planet_thrift::thrift::protocol::TSerializable::read_from_in_protocol(&mut input).unwrap();
    assert_eq!(refused, Refused::new(1, "Ω".to_owned()));
}
