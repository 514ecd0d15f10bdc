//! The accept loop.

use std::sync::Arc;

use http::{Request, Response};
use http_body::Body;
use hyper::{body::Incoming, service::Service};

use crate::{
    Certificates, Drained, Listener,
    connection::{self, BoxError, Extras},
    meter::Meter,
    policy::PolicyFile,
    tls::RELOAD_INTERVAL,
};

/// Serves HTTP on the connections of a [`Listener`].
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::{convert::Infallible, time::Duration};
///
/// use bytes::Bytes;
/// use http::Response;
/// use http_body_util::Full;
/// use hyper::service::service_fn;
/// use planet_net::{Limits, Listener, Server, Shutdown};
///
/// let shutdown = Shutdown::new();
/// let address = "127.0.0.1:8000".parse()?;
/// let listener = Listener::bind(&[address], Limits::default(), shutdown.clone())?;
/// let hello = service_fn(async |_request| {
///     Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
/// });
/// let serving = tokio::spawn(Server::new(listener).run(hello));
/// shutdown.begin(Duration::from_secs(10));
/// serving.await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    extras: Extras,
}

impl Server {
    /// Serves plain HTTP/1.1 and HTTP/2 with prior knowledge.
    pub fn new(listener: Listener) -> Self {
        Self { listener, extras: Extras::default() }
    }

    /// Speaks TLS on every address, and reloads the certificate when its files change.
    #[must_use]
    pub fn with_tls(mut self, certificates: Certificates) -> Self {
        self.extras.certificates = Some(certificates);
        self
    }

    /// Has requests counted for whom they are claimed ([`PeerInfo::count_for`](crate::PeerInfo::count_for)), and in
    /// `unclaimed` those that nobody claims, with what comes and goes outside of requests. Both together are all that
    /// the connections carry, inside TLS.
    #[must_use]
    pub fn with_meter(mut self, unclaimed: Arc<Meter>) -> Self {
        self.extras.meter = Some(unclaimed);
        self
    }

    /// Answers Flash players that ask for a [policy file](crate::policy), on connections without TLS.
    #[must_use]
    pub fn with_policy_file(mut self, policy: PolicyFile) -> Self {
        self.extras.policy = Some(policy);
        self
    }

    /// Accepts and serves until the listener's [`Shutdown`](crate::Shutdown) begins, then takes
    /// no more connections and waits until those that are open have ended or the time is up.
    ///
    /// Each connection gets its own clone of `service`. A tower service fits through
    /// `hyper_util::service::TowerToHyperService`. A response body is made by [`Default`] for
    /// requests that are refused here.
    pub async fn run<S, B>(self, service: S) -> Drained
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body + Default + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let Self { mut listener, extras } = self;
        let shutdown = listener.admission().shutdown().clone();
        if let Some(certificates) = extras.certificates.clone() {
            tokio::spawn(certificates.watch(RELOAD_INTERVAL, shutdown.clone()));
        }
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.begun() => break,
            };
            tokio::spawn(connection::serve(accepted, extras.clone(), service.clone()));
        }
        // Closes the listening sockets: clients are to connect elsewhere or later.
        drop(listener);
        shutdown.drained().await
    }
}
