//! Pings at an interval, and how long their pongs took.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// When a [`WebSocket`](super::WebSocket) pings its peer by itself (RFC 6455 §5.5.2).
///
/// It does so while [`recv`](super::WebSocket::recv) or the stream is waited on. A peer that sends without a pause is
/// not asked whether it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PingOptions {
    /// From a pong, or the start, to the next ping; default 25 s, below the 30 s after which some middleboxes forget a
    /// connection.
    pub interval: Duration,
    /// How long the pong may take before the connection counts as lost; default 10 s.
    pub timeout: Duration,
}

impl Default for PingOptions {
    fn default() -> Self {
        Self { interval: Duration::from_secs(25), timeout: Duration::from_secs(10) }
    }
}

/// What a heartbeat asks for.
pub(super) enum Beat {
    /// A ping with this payload.
    Ping([u8; 8]),
    /// The connection is lost: the pong took longer than this.
    Missed(Duration),
}

pub(super) struct Heartbeat {
    options: PingOptions,
    timer: Pin<Box<Sleep>>,
    /// The number of the last ping, its payload.
    ping: u64,
    /// When that ping was asked for, until its pong is there.
    waiting_since: Option<Instant>,
    round_trip: Option<Duration>,
}

impl Heartbeat {
    pub(super) fn new(options: PingOptions) -> Self {
        let timer = Box::pin(sleep(options.interval));
        Self { options, timer, ping: 0, waiting_since: None, round_trip: None }
    }

    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Beat> {
        self.timer.as_mut().poll(context).map(|()| {
            if self.waiting_since.is_some() {
                return Beat::Missed(self.options.timeout);
            }
            let now = Instant::now();
            self.waiting_since = Some(now);
            self.timer.as_mut().reset(now + self.options.timeout);
            self.ping += 1;
            Beat::Ping(self.ping.to_be_bytes())
        })
    }

    /// Takes a pong. One that answers an earlier ping, or none, says nothing of this one.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        if let Some(since) = self.waiting_since.take_if(|_| payload == self.ping.to_be_bytes()) {
            let now = Instant::now();
            self.round_trip = Some(now - since);
            self.timer.as_mut().reset(now + self.options.interval);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_the_pong_of_the_last_ping_keeps_the_connection() {
        let options = PingOptions { interval: Duration::from_secs(25), timeout: Duration::from_secs(10) };
        let mut heartbeat = Heartbeat::new(options);
        let Beat::Ping(first) = poll_fn(|context| heartbeat.poll(context)).await else { panic!("no ping") };
        tokio::time::advance(Duration::from_millis(30)).await;
        heartbeat.pong(&first);
        assert_eq!(heartbeat.round_trip(), Some(Duration::from_millis(30)));
        let start = Instant::now();
        let Beat::Ping(second) = poll_fn(|context| heartbeat.poll(context)).await else { panic!("no ping") };
        assert_ne!(first, second);
        // The clock stands still but for the timers, so that these are exact.
        assert_eq!(start.elapsed(), options.interval);
        heartbeat.pong(&first);
        heartbeat.pong(b"unasked");
        let Beat::Missed(limit) = poll_fn(|context| heartbeat.poll(context)).await else { panic!("not missed") };
        assert_eq!((limit, start.elapsed()), (options.timeout, options.interval + options.timeout));
    }
}
