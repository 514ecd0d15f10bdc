//! What the server does before and after each request: who asks, how long the URL is, and
//! whether anything is in progress on the connection.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::service::Service;
use pin_project_lite::pin_project;
use tokio::time::Instant;

use crate::{ConnectionGuard, account::Account, meter::Meter};

/// Who is at the other end of the connection. Found in the extensions of every request.
///
/// The address is that of the TCP peer, which may be a proxy: see
/// [`client_address`](crate::client_address).
#[derive(Clone, Debug)]
pub struct PeerInfo {
    /// The other end.
    pub addr: SocketAddr,
    /// Our end.
    pub local: SocketAddr,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// What keeps the connection counted, for those who take it over by an upgrade.
    pub guard: ConnectionGuard,
    pub(crate) account: Option<Arc<Account>>,
}

impl PeerInfo {
    /// Has the bytes of the request and of its response counted in `meter`, if the server
    /// [counts](crate::Server::with_meter) at all.
    ///
    /// On HTTP/1.1 these are all bytes from the first of the request's head to the last of its response, chunk framing
    /// included, and of an upgraded connection all that goes through its [`Stream`](crate::Stream); whoever takes the bare
    /// socket counts what it moves. Requests that a client pipelines to several meters may count in part for a
    /// neighbour. On HTTP/2, where requests share a connection and its frames, bytes count in the meter that was named
    /// last.
    ///
    /// Call it before the request's body is read. With TLS, bytes are those inside, without handshakes and records.
    ///
    /// ```
    /// use http::Request;
    /// use planet_net::{PeerInfo, meter::Registry};
    ///
    /// fn begin<B>(request: &Request<B>, apps: &Registry<1>) {
    ///     let app = request.uri().host().unwrap_or("unknown");
    ///     if let Some(peer) = request.extensions().get::<PeerInfo>() {
    ///         peer.count_for(&apps.meter([app]));
    ///     }
    /// }
    /// ```
    pub fn count_for(&self, meter: &Arc<Meter>) {
        if let Some(account) = &self.account {
            account.claim(meter);
        }
    }
}

/// The requests of one connection.
#[derive(Debug)]
pub(crate) struct Activity {
    since: Instant,
    begun: AtomicU64,
    open: AtomicUsize,
    last_end_ms: AtomicU64,
}

impl Activity {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            since: Instant::now(),
            begun: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            last_end_ms: AtomicU64::new(0),
        })
    }

    /// Whether there has been a request at all.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire) > 0
    }

    /// For how long no request has been in progress; `None` while one is.
    pub(crate) fn idle_for(&self) -> Option<Duration> {
        if self.open.load(Ordering::Acquire) > 0 {
            return None;
        }
        let last_end = Duration::from_millis(self.last_end_ms.load(Ordering::Acquire));
        Some(self.since.elapsed().saturating_sub(last_end))
    }

    fn begin(self: &Arc<Self>, account: Option<Arc<Account>>) -> InProgress {
        self.begun.fetch_add(1, Ordering::AcqRel);
        self.open.fetch_add(1, Ordering::AcqRel);
        if let Some(account) = &account {
            account.begin();
        }
        InProgress { activity: Arc::clone(self), account }
    }
}

/// A request whose response has not been sent to its end.
#[derive(Debug)]
struct InProgress {
    activity: Arc<Activity>,
    account: Option<Arc<Account>>,
}

impl Drop for InProgress {
    fn drop(&mut self) {
        let elapsed = u64::try_from(self.activity.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.activity.last_end_ms.store(elapsed, Ordering::Release);
        self.activity.open.fetch_sub(1, Ordering::AcqRel);
        if let Some(account) = &self.account {
            account.end();
        }
    }
}

/// The application's service as one connection sees it.
#[derive(Clone, Debug)]
pub(crate) struct PerConnection<S> {
    pub(crate) service: S,
    pub(crate) peer: PeerInfo,
    pub(crate) activity: Arc<Activity>,
}

pin_project! {
    /// A response body that keeps its request in progress until it is dropped.
    #[derive(Debug)]
    pub(crate) struct TrackedBody<B> {
        #[pin]
        body: B,
        in_progress: InProgress,
    }
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<S, I, B> Service<Request<I>> for PerConnection<S>
where
    S: Service<Request<I>, Response = Response<B>>,
    S::Future: Send + 'static,
    B: Body + Default + Send + 'static,
{
    type Response = Response<TrackedBody<B>>;
    type Error = S::Error;
    type Future = BoxFuture<Result<Self::Response, Self::Error>>;

    fn call(&self, mut request: Request<I>) -> Self::Future {
        let mut in_progress = self.activity.begin(self.peer.account.clone());
        let answering = if url_bytes(request.uri()) > self.peer.guard.limits().url_bytes {
            None
        } else {
            request.extensions_mut().insert(self.peer.clone());
            Some(self.service.call(request))
        };
        Box::pin(async move {
            let response = match answering {
                Some(answering) => answering.await?,
                None => {
                    let mut response = Response::new(B::default());
                    *response.status_mut() = StatusCode::URI_TOO_LONG;
                    response
                }
            };
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                // What follows still belongs to this request.
                in_progress.account = None;
            }
            Ok(response.map(|body| TrackedBody { body, in_progress }))
        })
    }
}

impl<B: Body> Body for TrackedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The length of a URL as it was sent, without building it again.
fn url_bytes(uri: &Uri) -> usize {
    let scheme = uri.scheme_str().map_or(0, |scheme| scheme.len() + "://".len());
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
    scheme + authority + path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_url_is_that_of_its_text() {
        for text in ["/", "/a/b?c=d", "http://host:80/path?query", "*"] {
            assert_eq!(url_bytes(&text.parse().unwrap()), text.len(), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_runs_while_nothing_is_in_progress() {
        let activity = Activity::new();
        assert!(!activity.has_begun());
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(activity.idle_for(), Some(Duration::from_secs(3)));
        let (first, second) = (activity.begin(None), activity.begin(None));
        assert!(activity.has_begun());
        drop(first);
        assert_eq!(activity.idle_for(), None);
        tokio::time::advance(Duration::from_secs(3)).await;
        drop(second);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(activity.idle_for(), Some(Duration::from_secs(2)));
    }
}
