//! What answers calls.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use bytes::Bytes;
use thrift::ApplicationErrorKind;
use thrift::protocol::TMessageType;
use thrift::server::TProcessor;

use crate::{Call, MessageError, Output};

/// Answers calls.
///
/// Generated code comes in through [`Processor`]. Whoever wants to wait in a handler without holding a thread writes one:
///
/// ```
/// use bytes::Bytes;
/// use planet_thrift::{Call, Handler, HandlerError};
/// use planet_thrift::thrift::ApplicationErrorKind;
///
/// /// Answers every call a second later, that it knows no such method.
/// struct Nobody;
///
/// impl Handler for Nobody {
///     async fn call(&self, call: Call) -> Result<Option<Bytes>, HandlerError> {
///         tokio::time::sleep(std::time::Duration::from_secs(1)).await;
///         let name = call.head()?.name;
///         Ok(call.exception(ApplicationErrorKind::UnknownMethod, format!("unknown method {name}"))?)
///     }
/// }
/// ```
pub trait Handler: Send + Sync + 'static {
    /// The answer to a call, in the call's encoding; `None` when none is expected.
    ///
    /// The future is dropped when it takes longer than [`call_timeout`](crate::ServerSettings::call_timeout).
    ///
    /// # Errors
    ///
    /// [`HandlerError::Message`] closes the connection, [`HandlerError::Internal`] is told to the caller.
    fn call(&self, call: Call) -> impl Future<Output = Result<Option<Bytes>, HandlerError>> + Send;
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandlerError {
    /// The message cannot be read: the connection is closed.
    Message(MessageError),
    /// Something failed here: the caller gets this text in a `TApplicationException` (INTERNAL_ERROR).
    Internal(String),
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(error) => error.fmt(f),
            Self::Internal(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for HandlerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Message(error) => Some(error),
            Self::Internal(_) => None,
        }
    }
}

impl From<MessageError> for HandlerError {
    fn from(error: MessageError) -> Self {
        Self::Message(error)
    }
}

/// Has generated code answer calls. One that panics is told to its caller as a failure, and costs nothing else.
///
/// What the Thrift compiler generates is synchronous: bytes in, bytes out. A processor whose handlers only compute runs
/// [`inline`](Self::inline), at the price of a function call. One whose handlers wait for a disk, a lock or another
/// service runs on Tokio's [`blocking`](Self::blocking) threads; there a handler may also drive async code by
/// `tokio::runtime::Handle::current().block_on(…)`.
#[derive(Debug)]
pub struct Processor<P> {
    processor: Arc<P>,
    is_blocking: bool,
}

impl<P: TProcessor + Send + Sync + 'static> Processor<P> {
    /// Runs it on the thread that reads the connection. For handlers that take microseconds and never wait.
    pub fn inline(processor: P) -> Self {
        Self { processor: Arc::new(processor), is_blocking: false }
    }

    /// Runs it on a thread where waiting is no harm. A call whose time is over goes on there, unheard.
    pub fn blocking(processor: P) -> Self {
        Self { processor: Arc::new(processor), is_blocking: true }
    }
}

impl<P: TProcessor + Send + Sync + 'static> Handler for Processor<P> {
    async fn call(&self, call: Call) -> Result<Option<Bytes>, HandlerError> {
        if !self.is_blocking {
            return process(&*self.processor, &call);
        }
        let processor = self.processor.clone();
        let handling = tokio::task::spawn_blocking(move || process(&*processor, &call));
        handling.await.unwrap_or_else(|_| Err(failed()))
    }
}

fn process(processor: &impl TProcessor, call: &Call) -> Result<Option<Bytes>, HandlerError> {
    let mut answer = Vec::new();
    let mut input = call.input();
    // What the compiler generates for unions, as of 0.17, panics when none of their fields is known.
    let processed = panic::catch_unwind(AssertUnwindSafe(|| {
        processor.process(&mut input, &mut Output::new(&mut answer, call.encoding()))
    }));
    // Generated code makes an exception of a malformed message. But what follows it cannot be trusted either.
    if let Some(error) = input.failure() {
        return Err(error.clone().into());
    }
    match processed {
        Ok(processed) => processed.map_err(|error| HandlerError::Internal(error.to_string()))?,
        Err(_) => return Err(failed()),
    }
    // Generated code answers oneway calls of methods that it does not know.
    let is_unexpected = || call.head().is_ok_and(|head| head.message_type == TMessageType::OneWay);
    if answer.is_empty() || is_unexpected() {
        return Ok(None);
    }
    Ok(Some(answer.into()))
}

/// A panic has been logged where it happened, and says nothing to callers.
fn failed() -> HandlerError {
    HandlerError::Internal("the call failed".to_owned())
}

/// The kind of exception that a failure of ours is.
pub(crate) const INTERNAL: ApplicationErrorKind = ApplicationErrorKind::InternalError;
