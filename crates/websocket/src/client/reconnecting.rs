//! A client that connects again.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use http::HeaderMap;
use tokio::time::{Instant, Sleep, sleep};

use super::{ConnectError, ConnectOptions, Connected, ReconnectPolicy, WebSocketClient, connect};
use crate::{CloseCode, CloseReason, Message, WebSocketError};

/// What a [`Reconnecting`] client tells.
#[derive(Debug)]
pub enum ReconnectEvent {
    /// A connection is open; the time to subscribe, or to log in.
    Connected {
        /// The subprotocol that the server chose.
        subprotocol: Option<String>,
        /// The headers of its answer.
        headers: HeaderMap,
    },
    /// A message, ping or pong. A close is told by `Disconnected`.
    Message(Message),
    /// The connection is over, or did not come about.
    Disconnected {
        /// What ended it.
        why: Disconnect,
        /// The wait until the next attempt; `None` if there is none, and nothing comes after this.
        next_in: Option<Duration>,
    },
}

/// Why a [`Reconnecting`] client has no connection.
#[derive(Debug)]
pub enum Disconnect {
    /// No connection came about.
    NotConnected(ConnectError),
    /// The connection was closed in good order; with a code if the server gave one.
    Closed(Option<CloseReason<'static>>),
    /// The connection failed.
    Failed(WebSocketError),
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected(error) => error.fmt(f),
            Self::Closed(Some(close)) => write!(f, "closed: {close}"),
            Self::Closed(None) => f.write_str("closed without a code"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

/// A WebSocket client that connects again when its connection is lost, as a [`ReconnectPolicy`] says.
///
/// It does its work in [`next`](Self::next), or as a `Stream` of the same events; it has no task of its own, and between
/// two connections it holds a timer and no more. Nothing is sent twice or kept for later: whether a message arrived
/// before the connection broke is for the two ends to settle.
///
/// ```
/// use planet_websocket::client::{ConnectOptions, ReconnectEvent, ReconnectPolicy, Reconnecting};
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
///
/// async fn follow() {
///     let offset = Arc::new(AtomicU64::new(0));
///     let last_seen = offset.clone();
///     let mut client = Reconnecting::new(ConnectOptions::new("ws://127.0.0.1:8000/feed"), ReconnectPolicy::default())
///         .on_reconnect(move |options| {
///             options.url = format!("ws://127.0.0.1:8000/feed?after={}", last_seen.load(Ordering::Relaxed));
///         });
///     while let Some(event) = client.next().await {
///         match event {
///             ReconnectEvent::Connected { .. } => println!("connected"),
///             ReconnectEvent::Message(_) => { offset.fetch_add(1, Ordering::Relaxed); }
///             ReconnectEvent::Disconnected { why, next_in } => println!("{why}; again in {next_in:?}"),
///         }
///     }
/// }
/// ```
pub struct Reconnecting {
    options: Arc<ConnectOptions>,
    policy: Arc<ReconnectPolicy>,
    resume: Option<ResumeHook>,
    /// In a row.
    failures: u32,
    state: State,
}

type ResumeHook = Box<dyn FnMut(&mut ConnectOptions) + Send>;

enum State {
    Connecting(Pin<Box<dyn Future<Output = Result<Connected, ConnectError>> + Send>>),
    Open(Box<Open>),
    Waiting(Pin<Box<Sleep>>),
    Ended,
}

struct Open {
    socket: WebSocketClient,
    since: Instant,
    /// What the server's close frame said, until the end of the stream.
    close: Option<CloseReason<'static>>,
}

impl Reconnecting {
    /// A client that begins to connect when it is first asked for an event. Many can share options and policy.
    pub fn new(options: impl Into<Arc<ConnectOptions>>, policy: impl Into<Arc<ReconnectPolicy>>) -> Self {
        let options = options.into();
        let state = connecting(&options);
        Self { options, policy: policy.into(), resume: None, failures: 0, state }
    }

    /// Calls `hook` before every attempt but the first. It may change what is asked for, such as the place in a stream
    /// to go on from, or a token that is about to expire.
    #[must_use]
    pub fn on_reconnect(mut self, hook: impl FnMut(&mut ConnectOptions) + Send + 'static) -> Self {
        self.resume = Some(Box::new(hook));
        self
    }

    /// Waits for what happens next; `None` once there is no connection and will be none. Cancel-safe.
    pub async fn next(&mut self) -> Option<ReconnectEvent> {
        poll_fn(|context| self.poll_event(context)).await
    }

    /// Sends a message, as [`WebSocket::send`](crate::WebSocket::send) does.
    ///
    /// # Errors
    /// [`WebSocketError::Closed`] while there is no connection. When the connection fails, [`next`](Self::next) tells
    /// it and connects again.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), WebSocketError> {
        match &mut self.state {
            State::Open(open) => open.socket.send(message).await,
            _ => Err(WebSocketError::Closed),
        }
    }

    /// Closes the connection, if there is one, and connects no more.
    ///
    /// # Errors
    /// As [`WebSocket::close`](crate::WebSocket::close).
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), WebSocketError> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Open(mut open) => open.socket.close(code, reason).await,
            _ => Ok(()),
        }
    }

    /// The open connection, for its address, its compression and its round-trip time.
    pub fn socket(&self) -> Option<&WebSocketClient> {
        match &self.state {
            State::Open(open) => Some(&open.socket),
            _ => None,
        }
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<ReconnectEvent>> {
        loop {
            match &mut self.state {
                State::Connecting(attempt) => {
                    let event = match ready!(attempt.as_mut().poll(context)) {
                        Ok(Connected { socket, subprotocol, headers }) => {
                            self.state = State::Open(Box::new(Open { socket, since: Instant::now(), close: None }));
                            ReconnectEvent::Connected { subprotocol, headers }
                        }
                        Err(error) => self.disconnected(Disconnect::NotConnected(error)),
                    };
                    return Poll::Ready(Some(event));
                }
                State::Open(open) => {
                    let event = match ready!(open.socket.poll_recv(context)) {
                        Ok(Some(Message::Close(close))) => {
                            open.close = close;
                            continue;
                        }
                        Ok(Some(message)) => ReconnectEvent::Message(message),
                        Ok(None) => {
                            let close = open.close.take();
                            self.disconnected(Disconnect::Closed(close))
                        }
                        Err(error) => self.disconnected(Disconnect::Failed(error)),
                    };
                    return Poll::Ready(Some(event));
                }
                State::Waiting(timer) => {
                    ready!(timer.as_mut().poll(context));
                    if let Some(resume) = &mut self.resume {
                        resume(Arc::make_mut(&mut self.options));
                    }
                    self.state = connecting(&self.options);
                }
                State::Ended => return Poll::Ready(None),
            }
        }
    }

    fn disconnected(&mut self, why: Disconnect) -> ReconnectEvent {
        if let State::Open(open) = &self.state
            && open.since.elapsed() >= self.policy.stable_after
        {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        let next_in = self.policy.next_delay(self.failures, &why);
        self.state = next_in.map_or(State::Ended, |delay| State::Waiting(Box::pin(sleep(delay))));
        ReconnectEvent::Disconnected { why, next_in }
    }
}

fn connecting(options: &Arc<ConnectOptions>) -> State {
    let options = options.clone();
    State::Connecting(Box::pin(async move { connect(&options).await }))
}

impl Stream for Reconnecting {
    type Item = ReconnectEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(context)
    }
}

impl fmt::Debug for Reconnecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnecting")
            .field("url", &self.options.url)
            .field("failures", &self.failures)
            .field("socket", &self.socket())
            .finish_non_exhaustive()
    }
}
