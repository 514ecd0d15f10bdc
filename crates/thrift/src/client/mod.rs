//! Making calls.

mod connection;
mod error;
mod http;
mod pool;

use std::sync::Arc;

use bytes::Bytes;
use hyper::Uri;
use thrift::TransportErrorKind;

pub use error::ClientError;

use crate::{ClientSettings, Input, Output};

/// Makes calls, over a bounded pool of connections that are opened when they are needed. Clones share the pool.
///
/// A connection that the server closes while it waits in the pool is noticed and thrown away. When the server closes it
/// just as a call goes out, the call is made once more, on a new connection.
#[derive(Clone, Debug)]
pub struct Client(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: ClientSettings,
    transport: Transport,
}

#[derive(Debug)]
enum Transport {
    Framed(pool::Pool),
    Http(Box<http::Requests>),
}

impl Client {
    /// Calls the server at `address`, a host and a port, over framed TCP. Nothing is opened yet.
    pub fn framed(address: impl Into<String>, settings: ClientSettings) -> Self {
        let transport = Transport::Framed(pool::Pool::new(address.into(), &settings));
        Self(Arc::new(Shared { settings, transport }))
    }

    /// Calls the server at an `http` URL by `POST` requests. Nothing is opened yet.
    pub fn http(url: Uri, settings: ClientSettings) -> Self {
        let transport = Transport::Http(Box::new(http::Requests::new(url, &settings)));
        Self(Arc::new(Shared { settings, transport }))
    }

    /// Makes one call through the client that the Thrift compiler generated.
    ///
    /// `method` makes a generated client of an input and an output, and calls one method of it. It runs twice: to write
    /// the call, for which it is given nothing to read; and, unless the method is oneway, to read the answer, when what
    /// it writes is thrown away. So it must do the same each time.
    ///
    /// ```
    /// # use planet_thrift::thrift::{self, TThriftClient, protocol::{TInputProtocol, TOutputProtocol}};
    /// # struct CalculatorSyncClient<I, O>(I, O);
    /// # impl<I: TInputProtocol, O: TOutputProtocol> CalculatorSyncClient<I, O> {
    /// #     fn new(input: I, output: O) -> Self { Self(input, output) }
    /// #     fn add(&mut self, _: i32, _: i32) -> thrift::Result<i32> { Ok(3) }
    /// # }
    /// # async fn example() -> Result<(), planet_thrift::ClientError> {
    /// use planet_thrift::{Client, ClientSettings};
    ///
    /// let client = Client::framed("127.0.0.1:9090", ClientSettings::default());
    /// let sum = client.call(|input, output| CalculatorSyncClient::new(input, output).add(1, 2)).await?;
    /// assert_eq!(sum, 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`ClientError`]. Exceptions of the method come as [`ClientError::Thrift`].
    pub async fn call<T>(&self, method: impl Fn(Input<'_>, Output<'_>) -> thrift::Result<T>) -> Result<T, ClientError> {
        let ClientSettings { encoding, message: limits, .. } = &self.0.settings;
        let mut message = Vec::new();
        match method(Input::new(&[], *encoding, limits), Output::new(&mut message, *encoding)) {
            Ok(value) => {
                self.exchange(message.into(), false).await?;
                return Ok(value);
            }
            Err(error) if is_end_of_input(&error) && !message.is_empty() => {}
            Err(error) => return Err(ClientError::Thrift(error)),
        }
        let answer = self.exchange(message.into(), true).await?;
        method(Input::new(&answer, *encoding, limits), Output::new(&mut Vec::new(), *encoding))
            .map_err(ClientError::Thrift)
    }

    /// Sends a message that is written already, and gives the answer to it: nothing for a oneway call, for which
    /// `expects_answer` is false.
    ///
    /// # Errors
    ///
    /// See [`ClientError`]. Exceptions are in the answer.
    pub async fn exchange(&self, message: Bytes, expects_answer: bool) -> Result<Bytes, ClientError> {
        let limit = self.0.settings.call_timeout;
        let exchange = async {
            match &self.0.transport {
                Transport::Framed(pool) => pool.exchange(message, expects_answer).await,
                Transport::Http(requests) => requests.exchange(message).await,
            }
        };
        tokio::time::timeout(limit, exchange).await.unwrap_or(Err(ClientError::TooSlow { limit }))
    }
}

fn is_end_of_input(error: &thrift::Error) -> bool {
    matches!(error, thrift::Error::Transport(error) if error.kind == TransportErrorKind::EndOfFile)
}
