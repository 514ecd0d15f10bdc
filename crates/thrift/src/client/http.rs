//! Calls as HTTP requests.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, CONTENT_TYPE as CONTENT_TYPE_HEADER};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use planet_net::{BodyError, collect};
use tokio::sync::Semaphore;

use super::ClientError;
use crate::{CONTENT_TYPE, ClientSettings, MessageError};

/// Posts messages to one URL.
#[derive(Debug)]
pub(super) struct Requests {
    url: Uri,
    settings: ClientSettings,
    /// hyper's pool bounds only the connections that wait.
    room: Semaphore,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Requests {
    pub(super) fn new(url: Uri, settings: &ClientSettings) -> Self {
        let connections = settings.connections.max(1);
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(settings.connect_timeout));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.idle_timeout)
            .pool_max_idle_per_host(connections)
            .build(connector);
        Self { url, settings: settings.clone(), room: Semaphore::new(connections), client }
    }

    pub(super) async fn exchange(&self, message: Bytes) -> Result<Bytes, ClientError> {
        let Ok(_room) = self.room.acquire().await else { return Err(ClientError::Lost) };
        let request = Request::post(&self.url)
            .header(CONTENT_TYPE_HEADER, CONTENT_TYPE)
            .header(ACCEPT, CONTENT_TYPE)
            .body(Full::new(message))
            .map_err(|error| self.cannot_connect(error))?;
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| if error.is_connect() { self.cannot_connect(error) } else { ClientError::Lost })?;
        if response.status() != StatusCode::OK {
            return Err(ClientError::Status(response.status()));
        }
        let read = collect(response.into_body(), self.settings.message.bytes, self.settings.call_timeout).await;
        read.map_err(|error| match error {
            BodyError::TooLarge { limit } => ClientError::Message(MessageError::TooLong { bytes: None, limit }),
            BodyError::TooSlow { limit } => ClientError::TooSlow { limit },
            BodyError::Read(_) => ClientError::Lost,
        })
    }

    fn cannot_connect(&self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ClientError {
        ClientError::Connect { address: self.url.to_string(), source: error.into() }
    }
}
