//! What the hub tells a connection, and the seam through which a transport puts it on the wire.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::log::Position;

/// The name of a connection, unique for ever: 128 random bits, shown as a UUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(u128);

impl ClientId {
    /// A new one.
    pub fn random() -> Self {
        const VERSION_4: u128 = 0x4000 << 64;
        const VARIANT_1: u128 = 0x8000 << 48;
        let clear = !((0xf000 << 64) | (0xc000 << 48));
        Self(rand::random::<u128>() & clear | VERSION_4 | VARIANT_1)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            (bits >> 96) as u32,
            (bits >> 80) as u16,
            (bits >> 64) as u16,
            (bits >> 48) as u16,
            bits & 0xffff_ffff_ffff
        )
    }
}

impl std::str::FromStr for ClientId {
    type Err = InvalidClientId;

    fn from_str(text: &str) -> Result<Self, InvalidClientId> {
        let digits: String = text.split('-').collect();
        let id = Self(u128::from_str_radix(&digits, 16).map_err(|_| InvalidClientId)?);
        if id.to_string() == text { Ok(id) } else { Err(InvalidClientId) }
    }
}

/// Text that is not a [`ClientId`] as one is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidClientId;

impl fmt::Display for InvalidClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a client id is a UUID in lower-case hexadecimal with hyphens")
    }
}

impl std::error::Error for InvalidClientId {}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Who is behind a connection, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// The connection.
    pub client: ClientId,
    /// Its user; `None` for an anonymous one.
    pub user: Option<Arc<str>>,
    /// What the application says of the connection, as JSON text.
    pub info: Option<Bytes>,
}

/// A message of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Its place in the channel's log, from 1; 0 in a channel without history.
    pub offset: u64,
    /// When it was published, in milliseconds since 1970.
    pub published_at: u64,
    /// The message: JSON text without line breaks.
    pub data: Bytes,
    /// Who published it, when a connection did.
    pub info: Option<ClientInfo>,
}

/// Messages that a subscriber was not sent because its queue was full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many.
    pub dropped: u64,
    /// Offset of the first; 0 in a channel without history.
    pub first: u64,
    /// Offset of the last; 0 in a channel without history.
    pub last: u64,
}

/// Why a connection is closed, in the codes of the Centrifuge client protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnect {
    /// 3000 to 3499 and 4000 to 4499 ask the client to reconnect, 3500 to 3999 and 4500 to 4999 not to.
    pub code: u16,
    /// A few words for people.
    pub reason: &'static str,
}

impl Disconnect {
    /// The connection's queue was full, or the connection is gone for another reason of its own slowness.
    pub const SLOW: Self = Self { code: 3008, reason: "slow" };
}

/// Something to tell a connection.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A message of a channel.
    Publication {
        /// The channel.
        channel: &'a str,
        /// The message.
        publication: &'a Publication,
        /// The channel's epoch, under which the offset counts.
        position: Option<Position>,
    },
    /// A connection subscribed.
    Join {
        /// The channel.
        channel: &'a str,
        /// The one that came.
        client: &'a ClientInfo,
    },
    /// A connection is no longer subscribed.
    Leave {
        /// The channel.
        channel: &'a str,
        /// The one that went.
        client: &'a ClientInfo,
    },
    /// A message to a user, or to every connection of an app: JSON text without line breaks.
    Message(&'a [u8]),
    /// Messages were dropped here.
    Gap {
        /// The channel.
        channel: &'a str,
        /// Which ones.
        gap: Gap,
    },
    /// The last word to a connection that is closed.
    Disconnect(Disconnect),
}

/// One way to put events on the wire. The hub encodes an event once for each format in use and shares the bytes.
pub trait Format: Send + Sync {
    /// The bytes of an event, framed and ready to be written; empty for an event that this format leaves out.
    fn encode(&self, event: &Event<'_>) -> Bytes;
}

/// A format's place in the list that the hub was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FormatId(pub u8);

/// Formats that a hub can have.
pub const MAX_FORMATS: usize = 8;

/// One event in all formats, each made when it is first asked for.
pub(crate) struct Encoded<'a> {
    formats: &'a [Box<dyn Format>],
    event: Event<'a>,
    frames: [Option<Bytes>; MAX_FORMATS],
}

impl<'a> Encoded<'a> {
    pub(crate) fn new(formats: &'a [Box<dyn Format>], event: Event<'a>) -> Self {
        Self { formats, event, frames: Default::default() }
    }

    pub(crate) fn frame(&mut self, format: FormatId) -> &Bytes {
        let at = usize::from(format.0);
        self.frames[at].get_or_insert_with(|| self.formats[at].encode(&self.event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ids_are_version_4_uuids() {
        let shown = ClientId::random().to_string();
        assert_eq!(shown.len(), 36);
        assert_eq!(&shown[14..15], "4");
        assert!("89ab".contains(&shown[19..20]), "{shown}");
        assert_ne!(ClientId::random(), ClientId::random());
        assert_eq!(shown.parse::<ClientId>().unwrap().to_string(), shown);
        assert_eq!("x".parse::<ClientId>(), Err(InvalidClientId));
    }
}
