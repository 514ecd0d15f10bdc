//! One connection from its first byte to its last.

use std::{
    error::Error,
    io,
    pin::{Pin, pin},
    sync::Arc,
};

use http::{Request, Response};
use http_body::Body;
use hyper::{
    body::Incoming,
    rt::{Read, Write},
    server::conn::{http1, http2},
    service::Service,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::{Instant, sleep_until, timeout};

use crate::{
    Accepted, Certificates, ConnectionGuard, Io, PeerInfo, Stream,
    account::Account,
    limits::MIN_HEADER_BYTES,
    meter::Meter,
    policy::PolicyFile,
    request::{Activity, PerConnection},
    sniff::{HttpVersion, Opening, http_version, opening},
};

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// What a server does besides serving requests, each if there is one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extras {
    pub(crate) certificates: Option<Certificates>,
    pub(crate) meter: Option<Arc<Meter>>,
    pub(crate) policy: Option<PolicyFile>,
}

/// Serves a connection until it ends, by itself or through a limit or a shutdown.
pub(crate) async fn serve<S, B>(accepted: Accepted, extras: Extras, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Default + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let mut peer = PeerInfo {
        addr: accepted.peer,
        local: accepted.local,
        tls: extras.certificates.is_some(),
        guard: accepted.guard.clone(),
        account: None,
    };
    let accepted_at = Instant::now();
    let encrypted = peer.tls;
    let meter = extras.meter.clone();
    let opening = open(accepted, extras);
    // What only the opening needs, TLS above all, is freed before requests are served.
    let opened = tokio::select! {
        opened = Box::pin(opening) => opened,
        () = peer.guard.shutdown().begun() => return,
    };
    let (stream, version) = match opened {
        Ok(Some(opened)) => opened,
        Ok(None) => return,
        Err(error) => {
            tracing::debug!(peer = %peer.addr, %error, "connection ended before a request");
            return;
        }
    };
    peer.account = meter.map(|meter| Account::new(meter, version == HttpVersion::Http1));
    let stream = stream.with_account(peer.account.clone());
    let first_due = if encrypted { Instant::now() } else { accepted_at };
    let first_due = first_due + peer.guard.limits().header_timeout;
    let addr = peer.addr;
    let guard = peer.guard.clone();
    let activity = Activity::new();
    let service = PerConnection { service, peer, activity: activity.clone() };
    // Boxed apart, so that neither of the two pays for the size of the other.
    let ended = match version {
        HttpVersion::Http1 => {
            let connection = http1(&guard).serve_connection(TokioIo::new(stream), service).with_upgrades();
            Box::pin(drive(connection, first_due, &activity, &guard)).await
        }
        HttpVersion::Http2 => {
            let connection = http2(&guard).serve_connection(TokioIo::new(stream), service);
            Box::pin(drive(connection, first_due, &activity, &guard)).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(peer = %addr, %error, "connection ended with an error");
    }
}

/// The TLS handshake, and which version of HTTP it is. `None`: the client sent nothing, or has got what it wanted.
async fn open(accepted: Accepted, extras: Extras) -> io::Result<Option<(Stream, HttpVersion)>> {
    let Accepted { tcp, guard, .. } = accepted;
    let limits = guard.limits();
    let traffic = guard.traffic();
    let Some(certificates) = extras.certificates else {
        let looking = async {
            match &extras.policy {
                Some(_) => opening(&tcp).await,
                None => Ok(http_version(&tcp).await?.map(Opening::Http)),
            }
        };
        let opening = timeout(limits.header_timeout, looking).await.map_err(|_| {
            traffic.count_timeout();
            io::Error::new(io::ErrorKind::TimedOut, "nothing was sent")
        })??;
        return match (opening, extras.policy) {
            (Some(Opening::Http(version)), _) => Ok(Some((Stream::new(Io::Tcp(tcp), guard), version))),
            (Some(Opening::PolicyFile), Some(policy)) => policy.serve(tcp, guard, extras.meter).await.map(|()| None),
            (Some(Opening::PolicyFile), None) | (None, _) => Ok(None),
        };
    };
    let handshake = timeout(limits.handshake_timeout, certificates.acceptor().accept(tcp));
    let tls = match handshake.await {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => {
            traffic.count_handshake_failure();
            return Err(error);
        }
        Err(_) => {
            traffic.count_handshake_failure();
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake took too long"));
        }
    };
    let version = HttpVersion::of_alpn(tls.get_ref().1.alpn_protocol());
    Ok(Some((Stream::new(Io::Tls(Box::new(tls)), guard), version)))
}

fn http1(guard: &ConnectionGuard) -> http1::Builder {
    let limits = guard.limits();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // The first head has a shorter time of its own, see `drive`.
        .header_read_timeout(limits.idle_timeout.max(limits.header_timeout))
        .max_buf_size(limits.header_bytes.max(MIN_HEADER_BYTES));
    // Naming even the default number would cost an allocation for each request.
    if limits.headers != 100 {
        builder.max_headers(limits.headers);
    }
    builder
}

fn http2(guard: &ConnectionGuard) -> http2::Builder<TokioExecutor> {
    let limits = guard.limits();
    let header_bytes = limits.header_bytes.max(MIN_HEADER_BYTES);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams)
        .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(256 * 1024)
        .max_send_buf_size(64 * 1024)
        .keep_alive_interval(limits.http2_ping_interval)
        .keep_alive_timeout(limits.http2_ping_timeout)
        // WebSocket over HTTP/2 (RFC 8441).
        .enable_connect_protocol();
    builder
}

/// A connection of hyper's that can be asked to end.
trait Connection: Future<Output = hyper::Result<()>> {
    /// Whether hyper itself ends the connection when no next request comes.
    const ENDS_WHEN_IDLE: bool;

    /// Finish what is in progress and take no more.
    fn finish(self: Pin<&mut Self>);
}

impl<I, B, S> Connection for http1::UpgradeableConnection<I, S>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    I: Read + Write + Unpin + Send + 'static,
    B: Body + 'static,
    B::Error: Into<BoxError>,
{
    const ENDS_WHEN_IDLE: bool = true;

    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, B, S> Connection for http2::Connection<I, S, TokioExecutor>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    I: Read + Write + Unpin,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    const ENDS_WHEN_IDLE: bool = false;

    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Runs a connection whose first request is due at `first_due`.
async fn drive<C: Connection>(
    connection: C,
    first_due: Instant,
    activity: &Activity,
    guard: &ConnectionGuard,
) -> Result<(), BoxError> {
    let idle_timeout = guard.limits().idle_timeout;
    let shutdown = guard.shutdown();
    let mut connection = pin!(connection);
    let mut check = pin!(sleep_until(first_due));
    let mut checking = true;
    let mut finishing = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => return ended.map_err(Into::into),
            () = shutdown.begun(), if !finishing => {
                connection.as_mut().finish();
                finishing = true;
            }
            () = shutdown.deadline_passed(), if finishing => return Ok(()),
            () = check.as_mut(), if checking => {
                if !activity.has_begun() {
                    guard.traffic().count_timeout();
                    return Err("the first request head was late".into());
                }
                let idle = activity.idle_for().unwrap_or_default();
                if C::ENDS_WHEN_IDLE {
                    checking = false;
                } else if idle >= idle_timeout {
                    // Streams that were upgraded (RFC 8441) are not seen here. They go on: the
                    // peer is only told to take new requests to a new connection.
                    connection.as_mut().finish();
                    checking = false;
                } else {
                    check.as_mut().reset(Instant::now() + (idle_timeout - idle));
                }
            }
        }
    }
}
