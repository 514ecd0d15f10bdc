//! A small server, and clients that speak bytes.

#![allow(dead_code)] // Every test binary uses a part of it.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use planet_net::meter::Registry;
use planet_net::{
    Admission, Certificates, ConnectionGuard, Drained, Limits, Listener, PeerInfo, Server, Shutdown, Stream,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};

/// What a handler that upgrades keeps of the connection.
pub(crate) struct Taken {
    pub(crate) tcp: TcpStream,
    pub(crate) guard: ConnectionGuard,
    pub(crate) read_ahead: Bytes,
}

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) admission: Arc<Admission>,
    pub(crate) shutdown: Shutdown,
    pub(crate) taken: Arc<Mutex<Vec<Taken>>>,
    pub(crate) server: JoinHandle<Drained>,
}

pub(crate) fn start(limits: Limits, certificates: Option<Certificates>) -> Running {
    start_with(limits, None, |server| match certificates {
        Some(certificates) => server.with_tls(certificates),
        None => server,
    })
}

/// A server that counts: requests for `/for/APP` and below for that app, others for the app without a name.
pub(crate) fn start_counted(limits: Limits) -> (Running, Arc<Registry<1>>) {
    let apps = Arc::new(Registry::new(["app"], 10));
    let running = start_with(limits, Some(apps.clone()), |server| server.with_meter(apps.meter([""])));
    (running, apps)
}

pub(crate) fn start_with(
    limits: Limits,
    apps: Option<Arc<Registry<1>>>,
    with: impl FnOnce(Server) -> Server,
) -> Running {
    let shutdown = Shutdown::new();
    let listener = Listener::bind(&["127.0.0.1:0".parse().unwrap()], limits, shutdown.clone()).unwrap();
    let address = listener.addresses()[0];
    let admission = Arc::clone(listener.admission());
    let taken = Arc::<Mutex<Vec<Taken>>>::default();
    let service = {
        let taken = Arc::clone(&taken);
        service_fn(move |request: Request<Incoming>| {
            if let (Some(apps), Some(rest)) = (&apps, request.uri().path().strip_prefix("/for/")) {
                let app = rest.split('/').next().unwrap();
                request.extensions().get::<PeerInfo>().unwrap().count_for(&apps.meter([app]));
            }
            answer(request, Arc::clone(&taken))
        })
    };
    let server = tokio::spawn(with(Server::new(listener)).run(service));
    Running { address, admission, shutdown, taken, server }
}

/// Answers with what it knows of the peer, upgrades when asked to, sends five bytes of a tunnel back, and waits on `/slow`.
/// A path with `/echo` sends what comes back on the upgraded stream.
async fn answer(
    request: Request<Incoming>,
    taken: Arc<Mutex<Vec<Taken>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() == "/slow" {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    if request.method() == http::Method::CONNECT {
        tokio::spawn(async move {
            let mut upgraded = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
            let mut bytes = [0; 5];
            upgraded.read_exact(&mut bytes).await.unwrap();
            upgraded.write_all(&bytes).await.unwrap();
            upgraded.shutdown().await.unwrap();
        });
        return Ok(Response::new(Full::default()));
    }
    if request.headers().contains_key("upgrade") {
        let echoes = request.uri().path().ends_with("/echo");
        tokio::spawn(async move {
            let upgraded = hyper::upgrade::on(request).await.unwrap();
            if echoes {
                let (mut reading, mut writing) = tokio::io::split(TokioIo::new(upgraded));
                return drop(tokio::io::copy(&mut reading, &mut writing).await);
            }
            let parts = upgraded.downcast::<TokioIo<Stream>>().unwrap();
            let (tcp, guard) = parts.io.into_inner().into_tcp().unwrap();
            taken.lock().unwrap().push(Taken { tcp, guard, read_ahead: parts.read_buf });
        });
        let response = Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header("connection", "upgrade")
            .header("upgrade", "raw");
        return Ok(response.body(Full::default()).unwrap());
    }
    let peer = request.extensions().get::<PeerInfo>().unwrap();
    let text = format!("{:?} tls={} {}", request.version(), peer.tls, peer.addr);
    Ok(Response::new(Full::new(Bytes::from(text))))
}

impl Running {
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes on a new connection and reads until the server closes it.
    pub(crate) async fn exchange(&self, request: &str) -> String {
        let mut client = self.connect().await;
        client.write_all(request.as_bytes()).await.unwrap();
        read_to_end(&mut client).await
    }
}

/// Everything up to the end of the connection, which may be abrupt.
pub(crate) async fn read_to_end(client: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut all = Vec::new();
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = client.read(&mut bytes).await {
        all.extend_from_slice(&bytes[..count]);
    }
    String::from_utf8(all).unwrap()
}

/// One response of which only the head and a body without chunks are needed.
pub(crate) async fn read_response(client: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        let mut byte = [0];
        assert_eq!(client.read(&mut byte).await.unwrap(), 1, "closed after {text:?}");
        text.push(char::from(byte[0]));
    }
}

/// Waits for something that will come, without a guess of how long it takes.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
