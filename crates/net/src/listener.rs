//! Bind several addresses, accept connections, pause when descriptors run out.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    time::Instant,
};

use crate::{Admission, ConnectionGuard, Limits, Shutdown, Traffic};

/// Time between attempts while accepting is not possible.
const PAUSE: Duration = Duration::from_millis(100);

/// A server at its limit of descriptors fails again and again, whenever one connection has gone
/// and the next has come. It is told of once, and again only after it was well for this long.
const QUIET: Duration = Duration::from_secs(60);

/// Accepts connections on any number of addresses, within [`Limits`].
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    /// Which socket to ask first, so that a busy one does not starve the others.
    next: usize,
    last_failure: Option<Instant>,
    admission: Arc<Admission>,
}

/// A connection that was let in.
#[derive(Debug)]
pub struct Accepted {
    /// The connection, with `TCP_NODELAY` set.
    pub tcp: TcpStream,
    /// The other end.
    pub peer: SocketAddr,
    /// Our end.
    pub local: SocketAddr,
    /// Keeps the connection counted.
    pub guard: ConnectionGuard,
}

/// An address could not be listened on.
#[derive(Debug)]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: {}", self.address, self.source)?;
        match self.source.kind() {
            io::ErrorKind::AddrInUse => f.write_str("; another program has that port, choose another one"),
            io::ErrorKind::PermissionDenied => f.write_str("; ports below 1024 need the privilege to bind them"),
            io::ErrorKind::AddrNotAvailable => f.write_str("; this machine has no such address"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl Listener {
    /// Listens on all of the addresses, or on none. Port 0 lets the system choose.
    ///
    /// The connections are counted against `limits`, and `shutdown` waits for them. Must be
    /// called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// Names the first address that could not be bound.
    pub fn bind(addresses: &[SocketAddr], limits: Limits, shutdown: Shutdown) -> Result<Self, BindError> {
        let mut sockets = Vec::with_capacity(addresses.len());
        let mut bound = Vec::with_capacity(addresses.len());
        for &address in addresses {
            let has_ipv4_twin = addresses.iter().any(|other| other.is_ipv4() && other.port() == address.port());
            let (socket, local) =
                bind(address, has_ipv4_twin, limits.backlog).map_err(|source| BindError { address, source })?;
            sockets.push(socket);
            bound.push(local);
        }
        let admission = Admission::new(limits, shutdown);
        Ok(Self { sockets, addresses: bound, next: 0, last_failure: None, admission })
    }

    /// The addresses listened on, with the ports that the system chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The count of open connections.
    pub fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    /// The counters of all connections accepted here.
    pub fn traffic(&self) -> &Arc<Traffic> {
        self.admission.traffic()
    }

    /// The next connection that was let in.
    ///
    /// Never fails: connections over the limits are closed and counted, and when the process or
    /// the system has no descriptor or memory left, accepting pauses and goes on when there is
    /// some again. That is logged once, not once for each attempt. Waiting clients stay in the
    /// kernel's queue meanwhile.
    ///
    /// Cancel safe: no connection is lost when the future is dropped.
    pub async fn accept(&mut self) -> Accepted {
        loop {
            let (socket, accepted) = std::future::poll_fn(|cx| self.poll_accept(cx)).await;
            match accepted {
                Ok((tcp, peer)) => {
                    if let Some(accepted) = self.admit(tcp, peer, self.addresses[socket]) {
                        return accepted;
                    }
                }
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) => self.pause(&error).await,
            }
        }
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<(usize, io::Result<(TcpStream, SocketAddr)>)> {
        let count = self.sockets.len();
        for step in 0..count {
            let socket = (self.next + step) % count;
            if let Poll::Ready(accepted) = self.sockets[socket].poll_accept(cx) {
                self.next = (socket + 1) % count;
                return Poll::Ready((socket, accepted));
            }
        }
        Poll::Pending
    }

    fn admit(&self, tcp: TcpStream, peer: SocketAddr, bound: SocketAddr) -> Option<Accepted> {
        let peer = canonical(peer);
        match self.admission.admit(peer.ip()) {
            Ok(guard) => {
                if let Err(error) = tcp.set_nodelay(true) {
                    tracing::debug!(%peer, %error, "TCP_NODELAY was not set");
                }
                let local = tcp.local_addr().map_or(bound, canonical);
                Some(Accepted { tcp, peer, local, guard })
            }
            Err(refused) => {
                tracing::debug!(%peer, "connection refused: {refused}");
                None
            }
        }
    }

    async fn pause(&mut self, error: &io::Error) {
        self.traffic().count_accept_failure();
        let now = Instant::now();
        if self.last_failure.is_none_or(|last| now.duration_since(last) > QUIET) {
            tracing::warn!(
                %error,
                open = self.admission.connections(),
                "no new connection can be accepted; accepting goes on when that is over"
            );
        }
        self.last_failure = Some(now);
        tokio::time::sleep(PAUSE).await;
    }
}

fn bind(address: SocketAddr, only_v6: bool, backlog: u32) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    // A restarted server may bind while connections of the last one are in TIME_WAIT.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `[::]:80` takes IPv4 clients as well, unless `0.0.0.0:80` is listened on beside it.
        socket.set_only_v6(only_v6)?;
    }
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    let listener = TcpListener::from_std(socket.into())?;
    let local = listener.local_addr()?;
    Ok((listener, local))
}

/// A connection may be gone before it is accepted; the next one is another matter (accept(2)
/// says to treat these as "try again").
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkDown,
        NetworkUnreachable, TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionRefused
            | ConnectionReset
            | HostUnreachable
            | Interrupted
            | NetworkDown
            | NetworkUnreachable
            | TimedOut
    )
}

fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(addresses: &[&str], limits: Limits) -> Listener {
        let addresses: Vec<_> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        Listener::bind(&addresses, limits, Shutdown::new()).unwrap()
    }

    #[tokio::test]
    async fn connections_come_from_every_address() {
        let mut listener = listen(&["127.0.0.1:0", "127.0.0.2:0"], Limits::default());
        let addresses = listener.addresses().to_vec();
        for address in [addresses[1], addresses[0], addresses[1]] {
            let client = TcpStream::connect(address).await.unwrap();
            let accepted = listener.accept().await;
            assert_eq!(accepted.local, address);
            assert_eq!(accepted.peer, client.local_addr().unwrap());
            assert!(accepted.tcp.nodelay().unwrap());
        }
        assert_eq!(listener.traffic().accepted(), 3);
    }

    #[tokio::test]
    async fn one_past_the_limit_of_an_address_is_closed_and_another_address_is_served() {
        let limits =
            Limits { connections_per_address: 1, unlimited_addresses: crate::Networks::none(), ..Limits::default() };
        let mut listener = listen(&["127.0.0.1:0"], limits);
        let address = listener.addresses()[0];
        let from = async |ip: &str| {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::new(ip.parse().unwrap(), 0)).unwrap();
            socket.connect(address).await.unwrap()
        };
        let _first = from("127.0.0.5").await;
        let held = listener.accept().await;
        let refused = from("127.0.0.5").await;
        let _other = from("127.0.0.6").await;
        let accepted = listener.accept().await;
        assert_eq!(accepted.peer.ip().to_string(), "127.0.0.6");
        assert_eq!(listener.traffic().refused_address(), 1);
        refused.readable().await.unwrap();
        assert_eq!(refused.try_read(&mut [0; 1]).unwrap(), 0);
        drop(held);
        let _again = from("127.0.0.5").await;
        assert_eq!(listener.accept().await.peer.ip().to_string(), "127.0.0.5");
    }

    #[tokio::test]
    async fn an_address_in_use_is_named() {
        let first = listen(&["127.0.0.1:0"], Limits::default());
        let address = first.addresses()[0];
        let error = Listener::bind(&[address], Limits::default(), Shutdown::new()).unwrap_err();
        assert_eq!(error.address, address);
        let text = error.to_string();
        assert!(text.starts_with(&format!("cannot listen on {address}: ")), "{text}");
        assert!(text.ends_with("choose another one"), "{text}");
    }
}
