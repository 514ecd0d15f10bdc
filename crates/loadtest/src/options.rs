//! What can be asked for on the command line.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::error::BenchError;
use crate::payload;

/// The way in that the clients take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[value(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// WebSocket
    #[value(name = "websocket")]
    #[serde(rename = "websocket")]
    WebSocket,
    /// HTTP streaming, a line for each frame
    HttpStream,
    /// Server-sent events that carry the client protocol
    Sse,
    /// Long polling
    LongPoll,
    /// Plain server-sent events, as an EventSource gets them
    EventSource,
    /// The bare writer that Planet is compared with: frames on a socket without any protocol in front.
    #[value(hide = true)]
    Bare,
}

const EXAMPLES: &str = "\
Examples:
  planet serve --open &
  planet bench --clients 1000 --rate 10
      A thousand WebSocket subscribers of one channel, ten messages a second.
  planet bench --clients 1000 --rate 50 --burst 10 --transport sse
      Five bursts of ten a second, to server-sent events.
  planet bench --clients 10000 --users --duration 0s
      What an idle connection with a user and a subscription takes. The server has to be --open.
  PLANET_SECRET_KEY=… planet bench --api-key K --rate 200 --json
      Publish by REST, and print the figures as JSON.

The exit code is 1 when anything was lost, repeated or out of order. Without a secret key one WebSocket client
publishes; the server then has to let anyone publish (--open), at up to app.limits.publish_rate.";

/// `planet bench`: connects clients, publishes, and prints what it came to.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct BenchArgs {
    /// The server
    #[arg(long, default_value = "http://127.0.0.1:8000")]
    pub url: String,
    /// Clients to connect
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub clients: usize,
    /// How they connect
    #[arg(long, value_enum, default_value_t = Transport::WebSocket)]
    pub transport: Transport,
    /// Channel to publish to; with several channels, the start of their names
    #[arg(long, default_value = "bench", value_name = "NAME")]
    pub channel: String,
    /// Channels to publish to, in turn
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub channels: usize,
    /// Channels that each client subscribes to; the clients are spread over all channels
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub subscriptions: usize,
    /// Messages published in a second
    #[arg(long, default_value_t = 10.0, value_name = "N")]
    pub rate: f64,
    /// Messages published at once: they are sent together, and bursts are that much rarer
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub burst: usize,
    /// How long to publish, as in 10s or 500ms; 0s only connects and measures memory
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub duration: Duration,
    /// Bytes of each message
    #[arg(long, default_value_t = 128, value_name = "BYTES")]
    pub size: usize,
    /// Connect each client as a user of its own; the server has to be --open
    #[arg(long)]
    pub users: bool,
    /// API key of the app; without one, the server's default app
    #[arg(long, value_name = "KEY", env = "PLANET_API_KEY")]
    pub api_key: Option<String>,
    /// Secret key of the app: publish by REST, which needs the API key too. Others on this machine can see flags, so
    /// rather use the variable
    #[arg(long, value_name = "KEY", env = "PLANET_SECRET_KEY", hide_env_values = true)]
    pub secret_key: Option<String>,
    /// Clients that may be connecting at the same time
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub connecting: usize,
    /// How long to wait before memory is read and before publishing
    #[arg(long, default_value = "2s", value_parser = duration)]
    pub settle: Duration,
    /// How long subscribers may take to get the rest after the last message was published
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub drain_timeout: Duration,
    /// The server's process; by default the one that listens at the URL's port, when that is on this machine
    #[arg(long)]
    pub pid: Option<u32>,
    /// Print the figures as one JSON object
    #[arg(long)]
    pub json: bool,
}

impl BenchArgs {
    /// Whether the numbers can be worked with.
    pub(crate) fn check(&self) -> Result<(), BenchError> {
        let wrong = |option: &'static str, problem: String| Err(BenchError::Option { option, problem });
        if self.clients == 0 {
            return wrong("--clients", "there has to be at least one".to_owned());
        }
        if self.channels == 0 || self.channels > usize::from(u16::MAX) {
            return wrong("--channels", format!("1 to {} are possible", u16::MAX));
        }
        if self.subscriptions == 0 || self.subscriptions > self.channels {
            return wrong("--subscriptions", format!("1 to {} are possible, the number of --channels", self.channels));
        }
        if !(self.rate.is_finite() && self.rate > 0.0 && self.rate <= 1e6) {
            return wrong("--rate", "it has to be above 0 and at most 1000000".to_owned());
        }
        if self.burst == 0 || self.burst > 256 {
            return wrong("--burst", "1 to 256 are possible".to_owned());
        }
        if self.connecting == 0 {
            return wrong("--connecting", "there has to be at least one".to_owned());
        }
        if self.size < payload::MIN_BYTES {
            return wrong("--size", format!("a message takes at least {} bytes", payload::MIN_BYTES));
        }
        if self.secret_key.is_some() && self.api_key.is_none() {
            return wrong("--secret-key", "publishing by REST needs --api-key too".to_owned());
        }
        Ok(())
    }

    /// The name of one of the channels.
    pub(crate) fn channel_name(&self, channel: usize) -> String {
        if self.channels == 1 { self.channel.clone() } else { format!("{}-{channel}", self.channel) }
    }

    /// The channels that a client subscribes to: as many as asked for, beginning further on with each client.
    pub(crate) fn channels_of(&self, client: usize) -> impl Iterator<Item = usize> {
        let (channels, start) = (self.channels, client * self.subscriptions);
        (0..self.subscriptions).map(move |step| (start + step) % channels)
    }

    /// How many clients are subscribed to each channel.
    pub(crate) fn subscribers(&self) -> Vec<u64> {
        let mut subscribers = vec![0; self.channels];
        for client in 0..self.clients {
            self.channels_of(client).for_each(|channel| subscribers[channel] += 1);
        }
        subscribers
    }
}

/// A duration in the way people write it: a number and `ms`, `s`, `m` or `h`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration; write it as 500ms, 10s, 2m or 1h");
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
    let number: f64 = text[..digits].parse().map_err(|_| wrong())?;
    let seconds = match &text[digits..] {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        bench: BenchArgs,
    }

    fn parse(line: &str) -> BenchArgs {
        Line::parse_from(std::iter::once("bench").chain(line.split_whitespace())).bench
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "10", "s", "1d", "1..s", "-1s"] {
            assert!(duration(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn subscriptions_are_spread_over_the_channels() {
        let args = parse("--clients 3 --channels 4 --subscriptions 2");
        assert_eq!(args.channels_of(1).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(args.channels_of(2).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(args.subscribers(), [2, 2, 1, 1]);
        assert_eq!(args.channel_name(3), "bench-3");
        assert_eq!(parse("").channel_name(0), "bench");
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_the_option_that_asks_for_it() {
        for (line, name) in [
            ("--clients 0", "--clients"),
            ("--subscriptions 2", "--subscriptions"),
            ("--channels 0", "--channels"),
            ("--rate 0", "--rate"),
            ("--rate nan", "--rate"),
            ("--burst 257", "--burst"),
            ("--size 10", "--size"),
            ("--connecting 0", "--connecting"),
            ("--secret-key x", "--secret-key"),
        ] {
            let problem = parse(line).check().expect_err(line);
            assert!(matches!(problem, BenchError::Option { option, .. } if option == name), "{line}: {problem}");
        }
        assert!(parse("").check().is_ok());
    }
}
