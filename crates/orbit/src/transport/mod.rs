//! The ways in: WebSocket, HTTP streaming, SSE, long polling, and the plain event stream.

mod body;
mod emulation;
mod event_source;
mod http_stream;
mod long_poll;
mod routes;
mod socket;
mod sse;
mod stream;
mod websocket;

pub(crate) use long_poll::LongPolls;
pub use routes::routes;

/// How a client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// WebSocket (RFC 6455), over HTTP/1.1 or HTTP/2 (RFC 8441).
    WebSocket,
    /// A response that never ends, a line for each frame.
    HttpStream,
    /// Server-sent events that carry the client protocol.
    Sse,
    /// A request answered when there is something to say.
    LongPoll,
    /// Server-sent events for any `EventSource`.
    EventSource,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::WebSocket, Self::HttpStream, Self::Sse, Self::LongPoll, Self::EventSource];

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::HttpStream => "http_stream",
            Self::Sse => "sse",
            Self::LongPoll => "long_poll",
            Self::EventSource => "event_source",
        }
    }

    /// Whether the client is asked to answer pings.
    pub(crate) const fn asks_for_pongs(self) -> bool {
        matches!(self, Self::WebSocket | Self::HttpStream | Self::Sse)
    }

    /// Whether a client that is there shows it: by pongs, or by polling again.
    pub(crate) const fn shows_life(self) -> bool {
        !matches!(self, Self::EventSource)
    }

    /// Whether commands come in requests of their own, which have to find the session.
    pub(crate) const fn takes_requests(self) -> bool {
        matches!(self, Self::HttpStream | Self::Sse | Self::LongPoll)
    }
}
