//! What a client checks: that it is subscribed, and that it gets each message once and in order.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::context::Context;
use crate::error::ClientError;
use crate::payload::Payload;
use crate::protocol::{ConnectResult, FIRST_SUBSCRIBE_ID, Frame, PONG, connect_and_subscribe};
use crate::tally::Counts;

/// One client's view of its channels.
pub(crate) struct Subscriber {
    client: usize,
    context: Arc<Context>,
    channels: Box<[Channel]>,
    /// Subscribe commands without an answer.
    unanswered: usize,
    /// What the connect command was answered with.
    connected: ConnectResult,
    /// Held until all subscriptions are there: bounds how many clients connect at once.
    connecting: Option<OwnedSemaphorePermit>,
}

struct Channel {
    name: Box<str>,
    /// The next offset, where the channel has offsets and one is known.
    offset: Option<u64>,
    /// The next place in the bench's own sequence.
    sequence: u64,
}

/// What has to be done about a frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Nothing,
    /// The server asks whether the client is there.
    Ping,
}

impl Subscriber {
    pub(crate) fn new(context: Arc<Context>, client: usize, connecting: OwnedSemaphorePermit) -> Self {
        let args = &context.args;
        let channel = |channel| Channel { name: args.channel_name(channel).into(), offset: None, sequence: 0 };
        let channels: Box<[Channel]> = args.channels_of(client).map(channel).collect();
        let unanswered = channels.len();
        Self {
            client,
            context,
            channels,
            unanswered,
            connected: ConnectResult::default(),
            connecting: Some(connecting),
        }
    }

    pub(crate) fn client(&self) -> usize {
        self.client
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Whom it claims to be.
    pub(crate) fn user(&self) -> Option<String> {
        self.context.args.users.then(|| format!("bench-{}", self.client))
    }

    pub(crate) fn channel_names(&self) -> impl Iterator<Item = &str> {
        self.channels.iter().map(|channel| &*channel.name)
    }

    /// The commands it begins with.
    pub(crate) fn first_commands(&self) -> String {
        connect_and_subscribe(self.user().as_deref(), self.channel_names())
    }

    /// What the server said to the connect command.
    pub(crate) fn connected(&self) -> &ConnectResult {
        &self.connected
    }

    /// It has all its subscriptions.
    pub(crate) fn subscribed(&mut self) {
        if self.connecting.take().is_some() {
            self.context.count_ready();
        }
    }

    /// Takes one frame of the client protocol.
    pub(crate) fn frame(&mut self, json: &[u8]) -> Result<Heard, ClientError> {
        if json == PONG.as_bytes() {
            return Ok(if self.connected.pong { Heard::Ping } else { Heard::Nothing });
        }
        let frame =
            Frame::parse(json).map_err(|error| ClientError::Protocol(format!("a frame that is none: {error}")))?;
        if let Some(error) = frame.error {
            return Err(ClientError::Refused { code: error.code, message: error.message.into_owned() });
        }
        if let Some(connected) = frame.connect {
            self.connected = connected;
        } else if let Some(subscribed) = frame.subscribe {
            let at = frame.id.checked_sub(FIRST_SUBSCRIBE_ID).map(|at| at as usize);
            let Some(channel) = at.and_then(|at| self.channels.get_mut(at)) else {
                return Err(ClientError::Protocol(format!("an answer to a command {} that was not sent", frame.id)));
            };
            channel.offset = subscribed.recoverable.then_some(subscribed.offset + 1);
            self.unanswered = self.unanswered.saturating_sub(1);
            if self.unanswered == 0 {
                self.subscribed();
            }
        } else if let Some(push) = frame.push {
            if let Some(why) = push.disconnect {
                return Err(ClientError::Disconnected { code: Some(why.code), reason: why.reason.into_owned() });
            }
            if let Some(publication) = push.publication {
                let offset = (publication.offset > 0).then_some(publication.offset);
                self.publication(&push.channel, offset, publication.data.get().as_bytes());
            }
        }
        Ok(Heard::Nothing)
    }

    /// Takes a message of which only the offsets of all channels are known.
    pub(crate) fn publication_among(&mut self, offset_of: impl Fn(&str) -> Option<u64>, data: &[u8]) {
        if let Some(payload) = Payload::read(data).filter(|payload| payload.run == self.context.run) {
            let channel = self.context.args.channel_name(payload.channel.into());
            return self.publication(&channel, offset_of(&channel), data);
        }
        // Whichever channel it was of, its offset is no longer known.
        self.channels.iter_mut().for_each(|channel| channel.offset = None);
        self.context.tally.shard(self.client).foreign += 1;
    }

    /// Takes one message of a channel.
    pub(crate) fn publication(&mut self, channel: &str, offset: Option<u64>, data: &[u8]) {
        let now = self.context.clock.now();
        let mut counts = self.context.tally.shard(self.client);
        let Some(channel) = self.channels.iter_mut().find(|known| &*known.name == channel) else {
            counts.foreign += 1;
            return;
        };
        if let Some(offset) = offset {
            counts.out_of_order += u64::from(channel.offset.is_some_and(|next| next != offset));
            channel.offset = Some(offset + 1);
        }
        match Payload::read(data).filter(|payload| payload.run == self.context.run) {
            Some(payload) => channel.take(payload, now, &mut counts),
            None => counts.foreign += 1,
        }
    }
}

impl Channel {
    fn take(&mut self, payload: Payload, now: u64, counts: &mut Counts) {
        if payload.sequence < self.sequence {
            counts.repeated += 1;
            return;
        }
        counts.skipped += payload.sequence - self.sequence;
        self.sequence = payload.sequence + 1;
        counts.delivered += 1;
        counts.last = counts.last.max(now);
        counts.latency.saturating_record(now.saturating_sub(payload.sent));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::options::BenchArgs;
    use crate::target::Target;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        bench: BenchArgs,
    }

    async fn subscriber(line: &str) -> Subscriber {
        let args = Line::parse_from(std::iter::once("bench").chain(line.split_whitespace())).bench;
        let target = Target::find("http://127.0.0.1:1", None).await.expect("a literal address");
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.expect("it is not closed");
        Subscriber::new(Arc::new(Context::new(args, target)), 0, permit)
    }

    fn publication(subscriber: &Subscriber, sequence: u64, offset: u64) -> String {
        let data = Payload { run: subscriber.context.run, channel: 0, sequence, sent: 0 }.write(128);
        format!(r#"{{"push":{{"channel":"bench","pub":{{"data":{data},"offset":{offset}}}}}}}"#)
    }

    #[tokio::test]
    async fn is_ready_once_every_subscription_is_answered() {
        let mut subscriber = subscriber("--channels 2 --subscriptions 2 --users").await;
        assert_eq!(subscriber.first_commands().lines().count(), 3);
        assert!(subscriber.first_commands().contains("bench-0"));
        subscriber.frame(br#"{"id":1,"connect":{"pong":true,"session":"s"}}"#).unwrap();
        subscriber.frame(br#"{"id":3,"subscribe":{}}"#).unwrap();
        assert_eq!(subscriber.context.ready(), 0);
        subscriber.frame(br#"{"id":2,"subscribe":{}}"#).unwrap();
        assert_eq!(subscriber.context.ready(), 1);
        assert_eq!(subscriber.frame(b"{}").unwrap(), Heard::Ping);
        assert_eq!(subscriber.connected().session, "s");
    }

    #[tokio::test]
    async fn notices_what_is_missing_repeated_and_out_of_order() {
        let mut subscriber = subscriber("").await;
        subscriber.frame(br#"{"id":2,"subscribe":{"recoverable":true,"offset":10}}"#).unwrap();
        for (sequence, offset) in [(0, 11), (1, 12), (1, 12), (4, 15), (5, 16)] {
            let frame = publication(&subscriber, sequence, offset);
            subscriber.frame(frame.as_bytes()).unwrap();
        }
        subscriber.frame(br#"{"push":{"channel":"bench","pub":{"data":"hi","offset":17}}}"#).unwrap();
        let counts = subscriber.context.tally.sum();
        assert_eq!((counts.delivered, counts.skipped, counts.repeated), (4, 2, 1));
        assert_eq!((counts.out_of_order, counts.foreign), (2, 1));
    }

    #[tokio::test]
    async fn refusals_and_disconnects_are_errors() {
        let mut subscriber = subscriber("").await;
        let refused = subscriber.frame(br#"{"id":1,"error":{"code":101,"message":"unauthorized"}}"#);
        assert!(matches!(refused, Err(ClientError::Refused { code: 101, .. })));
        let ended = subscriber.frame(br#"{"push":{"disconnect":{"code":3001,"reason":"shutdown"}}}"#);
        assert!(matches!(ended, Err(ClientError::Disconnected { code: Some(3001), .. })));
        assert!(matches!(subscriber.frame(b"nonsense"), Err(ClientError::Protocol(_))));
        assert!(matches!(subscriber.frame(br#"{"id":9,"subscribe":{}}"#), Err(ClientError::Protocol(_))));
    }
}
