//! `planet serve`: the crates put together.

use std::{convert::Infallible, fmt, io};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::service::service_fn;
use planet_net::{BindError, Certificates, Drained, Listener, Server, Shutdown, TlsError};

use crate::{config::Settings, signals};

/// Why the server did not start.
#[derive(Debug)]
pub enum ServeError {
    /// An address could not be listened on.
    Bind(BindError),
    /// The certificate or its key cannot be used.
    Tls(TlsError),
    /// The system refuses to report signals.
    Signals(io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::Signals(error) => write!(f, "cannot wait for signals: {error}"),
        }
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind(error) => Some(error),
            Self::Tls(error) => Some(error),
            Self::Signals(error) => Some(error),
        }
    }
}

/// Serves until a signal says to stop, and then until all is drained or `shutdown_timeout` is over.
///
/// # Errors
///
/// When the server cannot start.
pub async fn serve(settings: Settings) -> Result<(), ServeError> {
    let server = &settings.server;
    let shutdown = Shutdown::new();
    let certificates = match (&server.tls_cert, &server.tls_key) {
        (Some(certificate), Some(key)) => Some(Certificates::load(certificate, key).map_err(ServeError::Tls)?),
        _ => None,
    };
    let listener = Listener::bind(&server.listen, server.limits(), shutdown.clone()).map_err(ServeError::Bind)?;
    signals::watch(shutdown, server.shutdown_timeout.duration()).map_err(ServeError::Signals)?;
    let scheme = if certificates.is_some() { "https" } else { "http" };
    for address in listener.addresses() {
        println!("Planet is at {scheme}://{address}");
    }
    let mut http = Server::new(listener);
    if let Some(certificates) = certificates {
        http = http.with_tls(certificates);
    }
    match http.run(service_fn(answer)).await {
        Drained::Completely => tracing::info!("stopped; every connection was ended in order"),
        Drained::DeadlinePassed { left } => {
            tracing::warn!(left, "stopped; the time was over before all connections had ended");
        }
    }
    Ok(())
}

/// Liveness, for whoever supervises the process.
async fn answer<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/healthz") => (StatusCode::OK, "ok\n"),
        (_, "/healthz") => (StatusCode::METHOD_NOT_ALLOWED, "use GET\n"),
        _ => (StatusCode::NOT_FOUND, "there is nothing at this address\n"),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    Ok(response)
}
