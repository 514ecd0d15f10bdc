//! Answering calls that come over framed TCP or HTTP.

mod connection;
mod http;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use planet_net::{Drained, Listener};

pub use http::{CONTENT_TYPE, HttpService};

use crate::handler::INTERNAL;
use crate::{Call, Counters, Handler, HandlerError, MessageError, ServerSettings};

/// Answers calls. Clones are the same server, which may serve several listeners, of both kinds.
///
/// ```no_run
/// # async fn example(handler: impl planet_thrift::Handler) -> Result<(), Box<dyn std::error::Error>> {
/// use planet_net::{Listener, Shutdown};
/// use planet_thrift::{Server, ServerSettings};
///
/// let settings = ServerSettings::default();
/// let shutdown = Shutdown::new();
/// let listener = Listener::bind(&["127.0.0.1:9090".parse()?], settings.limits(), shutdown.clone())?;
/// let server = Server::new(handler, settings);
/// server.serve_framed(listener).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server<H>(Arc<Shared<H>>);

#[derive(Debug)]
struct Shared<H> {
    handler: H,
    settings: ServerSettings,
    counters: Arc<Counters>,
}

impl<H> Clone for Server<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H: Handler> Server<H> {
    /// Has `handler` answer calls, within `settings`.
    pub fn new(handler: H, settings: ServerSettings) -> Self {
        Self(Arc::new(Shared { handler, settings, counters: Arc::default() }))
    }

    /// What it has done so far.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.0.counters
    }

    /// Serves framed TCP until the shutdown of the listener begins, then answers the calls that have come, and returns
    /// when that is done or the time is up.
    pub async fn serve_framed(&self, mut listener: Listener) -> Drained {
        let shutdown = listener.admission().shutdown().clone();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.begun() => break,
            };
            let server = self.clone();
            tokio::spawn(async move { connection::serve(&server.0, accepted).await });
        }
        drop(listener);
        shutdown.drained().await
    }

    /// Serves HTTP on every path until the shutdown of the listener begins, as [`planet_net::Server`] does.
    pub async fn serve_http(&self, listener: Listener) -> Drained {
        planet_net::Server::new(listener).run(self.http_service()).await
    }

    /// A service to be put under a path of an HTTP server.
    pub fn http_service(&self) -> HttpService<H> {
        HttpService::new(self.0.clone())
    }
}

impl<H: Handler> Shared<H> {
    /// The answer to a message.
    ///
    /// # Errors
    ///
    /// When the message cannot be read.
    async fn answer(&self, message: Bytes, peer: Option<SocketAddr>) -> Result<Option<Bytes>, MessageError> {
        let call = Call::new(message, self.settings.message, peer)?;
        let handling = self.handler.call(call.clone());
        let handled = tokio::time::timeout(self.settings.call_timeout, handling).await;
        let answer = match handled {
            Ok(Ok(answer)) => answer,
            Ok(Err(HandlerError::Message(error))) => return Err(error),
            Ok(Err(HandlerError::Internal(text))) => {
                self.counters.count_failed();
                return call.exception(INTERNAL, text);
            }
            Err(_) => {
                self.counters.count_late();
                let limit = self.settings.call_timeout.as_secs_f32();
                return call.exception(INTERNAL, format!("the call was not handled within {limit} s"));
            }
        };
        if answer.is_some() {
            self.counters.count_answered()
        } else {
            self.counters.count_oneway()
        }
        Ok(answer)
    }

    /// Tells of a message that could not be read, and costs its connection.
    fn refuse(&self, peer: Option<SocketAddr>, error: &MessageError) {
        self.counters.count_refused();
        let peer = peer.map_or_else(|| "an unknown peer".to_owned(), |peer| peer.to_string());
        tracing::warn!(peer, "a Thrift connection is closed: {error}");
    }
}
