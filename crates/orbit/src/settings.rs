//! The bounds and times of sessions, with their defaults.

use std::time::Duration;

use crate::protocol::FrameLimits;

/// What a session may do and how long it may take. One for each app.
#[derive(Clone, Copy, Debug)]
pub struct SessionSettings {
    /// Bytes that a client sends at once: a WebSocket message, or the body of a request with commands. Default 128 KiB.
    pub frame_bytes: usize,
    /// Bytes of one published message. Default 64 KiB.
    pub message_bytes: usize,
    /// Commands in one frame, and how deep their JSON may nest.
    pub frame: FrameLimits,
    /// Commands a second that one connection may send, averaged; pongs are free. Default 500.
    pub command_rate: u32,
    /// Commands that it may send at once before that average counts. Default 1000.
    pub command_burst: u32,
    /// Publications a second that one connection may send, averaged; more are answered with error 111. Default 100.
    pub publish_rate: u32,
    /// Publications that it may send at once before that average counts. Default 200.
    pub publish_burst: u32,
    /// Characters of a channel's name, its prefix not counted. Default and most: 128.
    pub channel_name: usize,
    /// Characters of a user's name. Default and most: 128.
    pub user_name: usize,
    /// Sessions at once of one address, where they are not the connections that a [`planet_net::Limits`] bounds: behind
    /// trusted proxies, over HTTP/2, and by long polling. Default 1024.
    pub connections_per_address: usize,
    /// Publications in one answer to a history request, which is also no larger than half of the outbound queue. Default
    /// 1000.
    pub history_page: usize,
    /// Connections in one answer to a presence request; in larger channels it is answered with error 108. Default 10,000.
    pub presence_clients: usize,
    /// From opening the transport to a successful connect command. Default 10 s.
    pub connect_timeout: Duration,
    /// Between two pings of the server. Default 25 s.
    pub ping_interval: Duration,
    /// From a ping to the client's pong. Default 10 s.
    pub pong_timeout: Duration,
    /// How long a connection whose token has expired may take to bring a new one. Default 25 s.
    pub refresh_grace: Duration,
    /// How long a long poll with nothing to answer is held. Default 25 s.
    pub poll_wait: Duration,
    /// How long a long-polling session lives between two polls. Default 30 s.
    pub poll_gap: Duration,
    /// Bytes of answers that a long-polling session keeps until the client has acknowledged them, beside the outbound
    /// queue. Default 1 MiB.
    pub poll_unacknowledged_bytes: usize,
    /// How long a request's body of commands may take to arrive. Default 10 s.
    pub body_timeout: Duration,
    /// Channels in one plain event stream. Default 16.
    pub event_stream_channels: usize,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            frame_bytes: 128 << 10,
            message_bytes: 64 << 10,
            frame: FrameLimits::default(),
            command_rate: 500,
            command_burst: 1000,
            publish_rate: 100,
            publish_burst: 200,
            channel_name: crate::name::MAX_LENGTH,
            user_name: crate::name::MAX_LENGTH,
            connections_per_address: 1024,
            history_page: 1000,
            presence_clients: 10_000,
            connect_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(10),
            refresh_grace: Duration::from_secs(25),
            poll_wait: Duration::from_secs(25),
            poll_gap: Duration::from_secs(30),
            poll_unacknowledged_bytes: 1 << 20,
            body_timeout: Duration::from_secs(10),
            event_stream_channels: 16,
        }
    }
}
