//! What a message carries: whose it is, its place in the sequence, and when it was sent.

use std::fmt::Write as _;
use std::time::Instant;

use serde::Deserialize;

/// A message is padded to its size, and takes at least this much.
pub(crate) const MIN_BYTES: usize = 96;

/// The numbers in a message. The short names leave room in small messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Payload {
    /// Tells this bench's messages from those of others on the same channel.
    #[serde(rename = "r")]
    pub(crate) run: u32,
    /// Number of the channel it was published to.
    #[serde(rename = "c")]
    pub(crate) channel: u16,
    /// Place in the channel's sequence, from 0.
    #[serde(rename = "n")]
    pub(crate) sequence: u64,
    /// Nanoseconds since the start of the bench.
    #[serde(rename = "t")]
    pub(crate) sent: u64,
}

impl Payload {
    /// As JSON of `size` bytes.
    pub(crate) fn write(&self, size: usize) -> String {
        let Self { run, channel, sequence, sent } = self;
        let mut json = format!("{{\"r\":{run},\"c\":{channel},\"n\":{sequence},\"t\":{sent},\"p\":\"");
        let padding = size.saturating_sub(json.len() + 2);
        // Writing to a string does not fail.
        let _ = write!(json, "{:x<padding$}\"}}", "");
        json
    }

    /// The numbers of a message, if it is a bench's.
    pub(crate) fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }
}

/// The clock of a bench.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Nanoseconds since the start; a bench does not last 500 years.
    pub(crate) fn now(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_its_size_and_is_read_back() {
        let payload = Payload { run: 7, channel: 3, sequence: 41, sent: 123_456_789 };
        let json = payload.write(128);
        assert_eq!(json.len(), 128);
        assert_eq!(Payload::read(json.as_bytes()), Some(payload));
    }

    #[test]
    fn the_largest_numbers_fit_the_smallest_message() {
        let payload = Payload { run: u32::MAX, channel: u16::MAX, sequence: u64::MAX, sent: u64::MAX };
        assert_eq!(payload.write(MIN_BYTES).len(), MIN_BYTES);
    }

    #[test]
    fn other_peoples_messages_are_none() {
        assert_eq!(Payload::read(b"{\"text\":\"hi\"}"), None);
        assert_eq!(Payload::read(b"\"hi\""), None);
    }
}
