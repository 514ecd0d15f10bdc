//! The client: `ws://` and `wss://`, straight or through a proxy, once or again and again.
//!
//! [`connect`] opens one [`WebSocketClient`], a `Stream` and a `Sink` of messages. [`Reconnecting`] keeps one open as
//! its [`ReconnectPolicy`] says. Pings at an interval are [`SocketOptions::ping`].

mod error;
mod http1;
mod proxy;
mod reconnect_policy;
mod reconnecting;
mod stream;
mod target;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
#[cfg(feature = "tls")]
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Response};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;

pub use error::ConnectError;
pub use proxy::Proxy;
pub use reconnect_policy::ReconnectPolicy;
pub use reconnecting::{Disconnect, ReconnectEvent, Reconnecting};
pub use stream::ClientStream;
use target::{Target, host_and_port};

use crate::handshake::ClientHandshake;
use crate::{DeflateOptions, Role, SocketOptions, WebSocket};

/// A client's end of a WebSocket.
pub type WebSocketClient = WebSocket<ClientStream>;

/// Where to connect, and how.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// `ws://host[:port]/path?query`, or `wss://…` with the feature `tls`.
    pub url: String,
    /// Further headers, such as `Origin` or `Authorization`. Those of the handshake itself win.
    pub headers: HeaderMap,
    /// Subprotocols to offer, best first.
    pub subprotocols: Vec<String>,
    /// Compression to offer; `None` by default.
    pub deflate: Option<DeflateOptions>,
    /// An HTTP proxy to connect through; `None` by default.
    pub proxy: Option<Proxy>,
    /// The local address to connect from; by default the system chooses.
    pub local_address: Option<IpAddr>,
    /// How long name look-up, TCP, proxy, TLS and handshake may take together; default 10 s.
    pub timeout: Duration,
    /// Limits and the close timeout of the socket.
    pub socket: SocketOptions,
    /// How to do TLS, needed for `wss://`. Its ALPN list should be empty or `http/1.1`.
    #[cfg(feature = "tls")]
    pub tls: Option<Arc<tokio_rustls::rustls::ClientConfig>>,
}

impl ConnectOptions {
    /// Connects to `url` with nothing out of the ordinary.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            headers: HeaderMap::new(),
            subprotocols: Vec::new(),
            deflate: None,
            proxy: None,
            local_address: None,
            timeout: Duration::from_secs(10),
            socket: SocketOptions::default(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

/// An open WebSocket, and what the server said.
#[derive(Debug)]
pub struct Connected {
    /// The socket. What was agreed on compression is [`WebSocket::deflate`].
    pub socket: WebSocketClient,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<String>,
    /// The headers of its answer.
    pub headers: HeaderMap,
}

/// Opens a WebSocket.
///
/// It does not follow redirects (RFC 6455 §4.1 leaves that open) and reads at most 16 KiB of answer.
pub async fn connect(options: &ConnectOptions) -> Result<Connected, ConnectError> {
    let target = Target::parse(&options.url)?;
    timeout(options.timeout, connect_to(&target, options)).await.map_err(|_| ConnectError::Timeout(options.timeout))?
}

async fn connect_to(target: &Target, options: &ConnectOptions) -> Result<Connected, ConnectError> {
    let tcp = match &options.proxy {
        None => connect_tcp(&target.host, target.port, options.local_address).await?,
        Some(proxy) => {
            let mut tcp = connect_tcp(&proxy.host, proxy.port, options.local_address).await?;
            proxy.open_tunnel(&mut tcp, target).await?;
            tcp
        }
    };
    let mut stream = secure(tcp, target, options).await?;
    let handshake = ClientHandshake::new(options.subprotocols.clone(), options.deflate);
    let mut headers = options.headers.clone();
    handshake.write_headers(&target.authority, &mut headers).map_err(|_| ConnectError::InvalidHeader)?;
    http1::write_request(&mut stream, &format!("GET {}", target.path), &headers).await?;
    let (head, rest) = http1::read_response(&mut stream, 1).await?;
    let response = Response::from(head);
    let (subprotocol, deflate) = handshake.verify(&response)?;
    let mut socket = options.socket.clone();
    if let Some(deflate) = options.deflate {
        socket.deflate = deflate;
    }
    Ok(Connected {
        socket: WebSocket::new(stream, Role::Client, deflate, &socket, rest),
        subprotocol,
        headers: response.into_parts().0.headers,
    })
}

/// Tries the addresses of the name in order, and returns the last error if none answers.
async fn connect_tcp(host: &str, port: u16, local: Option<IpAddr>) -> Result<TcpStream, ConnectError> {
    let connecting = async {
        let addresses: Vec<SocketAddr> = match host.parse::<IpAddr>() {
            Ok(address) => vec![(address, port).into()],
            Err(_) => lookup_host((host, port)).await?.collect(),
        };
        first_success(addresses, |address| connect_address(address, local)).await
    };
    connecting.await.map_err(|error| ConnectError::Connect { address: host_and_port(host, port), error })
}

async fn first_success<F: Future<Output = io::Result<TcpStream>>>(
    addresses: Vec<SocketAddr>,
    connect: impl Fn(SocketAddr) -> F,
) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn connect_address(address: SocketAddr, local: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(local) = local {
        socket.bind((local, 0).into())?;
    }
    socket.set_nodelay(true)?;
    socket.connect(address).await
}

#[cfg(feature = "tls")]
async fn secure(tcp: TcpStream, target: &Target, options: &ConnectOptions) -> Result<ClientStream, ConnectError> {
    if !target.secure {
        return Ok(ClientStream::Plain(tcp));
    }
    let config = options.tls.clone().ok_or(ConnectError::NoTls)?;
    let name = tokio_rustls::rustls::pki_types::ServerName::try_from(target.host.clone())
        .map_err(|_| ConnectError::InvalidUrl(options.url.clone()))?;
    let stream = tokio_rustls::TlsConnector::from(config)
        .connect(name, tcp)
        .await
        .map_err(|error| ConnectError::Tls { address: target.authority.clone(), error })?;
    Ok(ClientStream::Tls(Box::new(stream)))
}

#[cfg(not(feature = "tls"))]
async fn secure(tcp: TcpStream, target: &Target, _options: &ConnectOptions) -> Result<ClientStream, ConnectError> {
    if target.secure {
        return Err(ConnectError::NoTls);
    }
    Ok(ClientStream::Plain(tcp))
}
