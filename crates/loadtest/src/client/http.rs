//! HTTP/1.1 connections, on hyper.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::connect_tcp;
use crate::error::ClientError;
use crate::target::Target;

/// Bytes of a refusal that are shown.
const SHOWN: usize = 300;

/// One connection, on which requests follow each other.
pub(crate) struct Requests {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
}

impl Requests {
    pub(crate) async fn connect(target: &Target, client: usize) -> Result<Self, ClientError> {
        let tcp = connect_tcp(target, client).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(tcp)).await?;
        // An error of the connection is told by the request that meets with it.
        tokio::spawn(connection);
        Ok(Self { sender, authority: target.authority.clone() })
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Response<Incoming>, ClientError> {
        self.send(Method::GET, path, &[], Bytes::new()).await
    }

    /// Posts JSON.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Response<Incoming>, ClientError> {
        self.send(Method::POST, path, headers, body.into()).await
    }

    /// The response, if its status is one of success.
    async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Response<Incoming>, ClientError> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.authority);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let invalid =
            |error: http::Error| ClientError::Protocol(format!("nothing, for the request is invalid: {error}"));
        let request = request.body(Full::new(body)).map_err(invalid)?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refusal(response.status(), response).await)
    }
}

async fn refusal(status: StatusCode, response: Response<Incoming>) -> ClientError {
    // Without its text, the status alone is told.
    let body = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body = String::from_utf8_lossy(&body[..body.len().min(SHOWN)]).trim().to_owned();
    ClientError::Status { status, body }
}

/// All of a response's body.
pub(crate) async fn body(response: Response<Incoming>) -> Result<Bytes, ClientError> {
    Ok(response.into_body().collect().await?.to_bytes())
}
