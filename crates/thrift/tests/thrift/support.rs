//! A server to be tested, and a peer that can send anything.

use std::net::SocketAddr;
use std::time::Duration;

use planet_net::{Drained, Listener, Networks, Shutdown};
use planet_thrift::thrift::protocol::{TInputProtocol, TMessageIdentifier, TOutputProtocol};
use planet_thrift::{Client, ClientSettings, Encoding, Handler, Input, Output, Processor, Server, ServerSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use crate::probe::{ProbeSyncClient, ProbeSyncProcessor, TProbeSyncClient};
use crate::service::Service;

/// Longer than anything takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) struct Running<H> {
    pub(crate) framed: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) server: Server<H>,
    pub(crate) shutdown: Shutdown,
    pub(crate) ended: JoinHandle<Drained>,
}

/// The probe service with these settings; every address is limited.
pub(crate) fn start(settings: ServerSettings) -> Running<Processor<ProbeSyncProcessor<Service>>> {
    start_with(Processor::inline(ProbeSyncProcessor::new(Service::default())), settings)
}

pub(crate) fn start_with<H: Handler>(handler: H, settings: ServerSettings) -> Running<H> {
    let settings = ServerSettings { unlimited_addresses: Networks::none(), ..settings };
    let shutdown = Shutdown::new();
    let listen = || Listener::bind(&["127.0.0.1:0".parse().unwrap()], settings.limits(), shutdown.clone()).unwrap();
    let (framed, http) = (listen(), listen());
    let addresses = (framed.addresses()[0], http.addresses()[0]);
    let server = Server::new(handler, settings);
    let ended = tokio::spawn({
        let server = server.clone();
        async move { server.serve_framed(framed).await }
    });
    tokio::spawn({
        let server = server.clone();
        async move { server.serve_http(http).await }
    });
    Running { framed: addresses.0, http: addresses.1, server, shutdown, ended }
}

impl<H> Running<H> {
    pub(crate) fn client(&self, settings: ClientSettings) -> Client {
        Client::framed(self.framed.to_string(), settings)
    }

    pub(crate) fn http_client(&self, settings: ClientSettings) -> Client {
        Client::http(format!("http://{}/thrift", self.http).parse().unwrap(), settings)
    }

    pub(crate) async fn peer(&self) -> Peer {
        Peer(TcpStream::connect(self.framed).await.unwrap())
    }

    /// A peer at an address of its own.
    pub(crate) async fn peer_from(&self, ip: &str) -> Peer {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(ip.parse().unwrap(), 0)).unwrap();
        Peer(socket.connect(self.framed).await.unwrap())
    }
}

/// The bytes of a call, as the generated client writes it.
pub(crate) fn message<T>(
    encoding: Encoding,
    method: impl Fn(&mut ProbeSyncClient<Input<'_>, Output<'_>>) -> planet_thrift::thrift::Result<T>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let input = Input::new(&[], encoding, &planet_thrift::MessageLimits::default());
    let _ = method(&mut ProbeSyncClient::new(input, Output::new(&mut bytes, encoding)));
    bytes
}

pub(crate) fn add(left: i32, right: i32) -> Vec<u8> {
    message(Encoding::Binary, |client| client.add(left, right))
}

/// A call of any method, with nothing but what `write` writes for arguments.
pub(crate) fn call_of(
    name: &str,
    encoding: Encoding,
    write: impl FnOnce(&mut Output<'_>) -> planet_thrift::thrift::Result<()>,
) -> Vec<u8> {
    use planet_thrift::thrift::protocol::TMessageType;
    let mut bytes = Vec::new();
    let mut output = Output::new(&mut bytes, encoding);
    output.write_message_begin(&TMessageIdentifier::new(name, TMessageType::Call, 9)).unwrap();
    write(&mut output).unwrap();
    output.write_message_end().unwrap();
    drop(output);
    bytes
}

/// The result of `add` in an answer.
pub(crate) fn sum(answer: &[u8]) -> i32 {
    let mut input = Input::new(answer, Encoding::of(answer).unwrap(), &planet_thrift::MessageLimits::default());
    assert_eq!(input.read_message_begin().unwrap().name, "add");
    input.read_struct_begin().unwrap();
    assert_eq!(input.read_field_begin().unwrap().id, Some(0));
    input.read_i32().unwrap()
}

/// The text of the exception in an answer.
pub(crate) fn exception(answer: &[u8]) -> planet_thrift::thrift::ApplicationError {
    let mut input = Input::new(answer, Encoding::of(answer).unwrap(), &planet_thrift::MessageLimits::default());
    let head = input.read_message_begin().unwrap();
    assert_eq!(head.message_type, planet_thrift::thrift::protocol::TMessageType::Exception);
    planet_thrift::thrift::Error::read_application_error_from_in_protocol(&mut input).unwrap()
}

pub(crate) struct Peer(pub(crate) TcpStream);

impl Peer {
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // The server may have closed the connection already; what it says of that is what counts.
        let _ = self.0.write_all(bytes).await;
    }

    pub(crate) async fn send_frame(&mut self, message: &[u8]) {
        self.send(&u32::try_from(message.len()).unwrap().to_be_bytes()).await;
        self.send(message).await;
    }

    pub(crate) async fn receive(&mut self) -> Vec<u8> {
        let length = self.0.read_u32().await.unwrap();
        let mut message = vec![0; length.try_into().unwrap()];
        self.0.read_exact(&mut message).await.unwrap();
        message
    }

    /// Waits until the server has closed the connection, and gives what it sent before that.
    pub(crate) async fn closed(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset, when the server had not read everything, closes it as well.
        let _ = self.0.read_to_end(&mut rest).await;
        rest
    }

    /// Asserts that calls are answered.
    pub(crate) async fn assert_served(&mut self) {
        self.send_frame(&add(2, 3)).await;
        assert_eq!(sum(&self.receive().await), 5);
    }
}
