//! Calls that come as HTTP requests.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body::Body;
use http_body_util::Full;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE as CONTENT_TYPE_HEADER, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use planet_net::{BodyError, PeerInfo, collect};

use super::Shared;
use crate::{Handler, MessageError};

/// The media type of messages (registered with IANA as `application/vnd.apache.thrift.*`, but this is what all clients
/// use).
pub const CONTENT_TYPE: &str = "application/x-thrift";

/// Answers `POST` requests whose bodies are messages, whatever their path: a hyper service, whose
/// [`answer`](Self::answer) also fits into a handler of axum's.
///
/// | what comes | what goes |
/// | --- | --- |
/// | a call | 200 and the answer, exceptions included |
/// | a oneway call | 200 and nothing |
/// | a body that is no message | 400; the connection is closed |
/// | a body that is too long, or too slow | 413, or 408; the connection is closed |
/// | another method | 405 |
#[derive(Debug)]
pub struct HttpService<H>(Arc<Shared<H>>);

impl<H> Clone for HttpService<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H: Handler> HttpService<H> {
    pub(super) fn new(shared: Arc<Shared<H>>) -> Self {
        Self(shared)
    }

    /// Answers one request. The caller's address is that of the request's [`PeerInfo`], if it has one.
    pub async fn answer<B: Body<Data = Bytes>>(&self, request: Request<B>) -> Response<Full<Bytes>> {
        let settings = &self.0.settings;
        let peer = request.extensions().get::<PeerInfo>().map(|peer| peer.addr);
        if request.method() != Method::POST {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "Thrift calls are POST requests\n".to_owned());
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let read = collect(request.into_body(), settings.message.bytes, settings.message_timeout).await;
        let answer = match read {
            Ok(message) => self.0.answer(message, peer).await.map_err(|error| (StatusCode::BAD_REQUEST, error)),
            Err(error) => Err(refusal(&error)),
        };
        match answer {
            Ok(answer) => {
                let mut response = Response::new(Full::new(answer.unwrap_or_default()));
                response.headers_mut().insert(CONTENT_TYPE_HEADER, HeaderValue::from_static(CONTENT_TYPE));
                response
            }
            Err((status, error)) => {
                self.0.refuse(peer, &error);
                let mut response = text(status, format!("{error}\n"));
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                response
            }
        }
    }
}

fn refusal<E>(error: &BodyError<E>) -> (StatusCode, MessageError) {
    match *error {
        BodyError::TooLarge { limit } => (StatusCode::PAYLOAD_TOO_LARGE, MessageError::TooLong { bytes: None, limit }),
        BodyError::TooSlow { limit } => (StatusCode::REQUEST_TIMEOUT, MessageError::TooSlow { limit }),
        BodyError::Read(_) => (StatusCode::BAD_REQUEST, MessageError::BrokenOff),
    }
}

fn text(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE_HEADER, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

impl<H, B> hyper::service::Service<Request<B>> for HttpService<H>
where
    H: Handler,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Send,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request).await) })
    }
}
