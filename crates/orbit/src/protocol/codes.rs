//! The numbers of the protocol, and what a client does when it meets each.
//!
//! Three families that must not be mixed up: an [`ErrorCode`] answers one command and leaves the
//! connection open, an [`Unsubscribe`] ends one subscription, a [`Disconnect`] ends the
//! connection. Codes and reasons are those of the protocol's documentation; clients compare the
//! numbers, the texts are for people.

use std::fmt;

/// The answer to a command that could not be done. The connection stays open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode {
    /// The number on the wire, 100 and above for errors of the server.
    pub code: u32,
    /// The text on the wire, for people.
    pub message: &'static str,
    /// True when the same command may succeed a little later: a client tries a subscription
    /// again by itself, with a growing delay.
    pub temporary: bool,
}

impl ErrorCode {
    /// Something went wrong inside the server. Temporary.
    pub const INTERNAL: Self = Self::temporary(100, "internal server error");
    /// The command needs a user, or a token, and there is none.
    pub const UNAUTHORIZED: Self = Self::permanent(101, "unauthorized");
    /// No such channel can exist: its name has no rule that allows it.
    pub const UNKNOWN_CHANNEL: Self = Self::permanent(102, "unknown channel");
    /// The caller is known and may not do this.
    pub const PERMISSION_DENIED: Self = Self::permanent(103, "permission denied");
    /// The command names a method that this server does not have.
    pub const METHOD_NOT_FOUND: Self = Self::permanent(104, "method not found");
    /// The connection is subscribed to this channel already.
    pub const ALREADY_SUBSCRIBED: Self = Self::permanent(105, "already subscribed");
    /// A bound was passed: channels of a connection, size of a message, length of a name.
    pub const LIMIT_EXCEEDED: Self = Self::permanent(106, "limit exceeded");
    /// The command is well-formed JSON and makes no sense.
    pub const BAD_REQUEST: Self = Self::permanent(107, "bad request");
    /// The feature is switched off for this channel or app.
    pub const NOT_AVAILABLE: Self = Self::permanent(108, "not available");
    /// The token was good and is too old. A client asks its page for a new one and tries again.
    pub const TOKEN_EXPIRED: Self = Self::permanent(109, "token expired");
    /// What the command refers to has expired meanwhile.
    pub const EXPIRED: Self = Self::permanent(110, "expired");
    /// The connection sends commands faster than it may. Temporary.
    pub const TOO_MANY_REQUESTS: Self = Self::temporary(111, "too many requests");
    /// The history no longer reaches back to the position the client asked to resume from, and
    /// the client asked to be refused then (see
    /// [`REJECT_UNRECOVERED`](crate::protocol::request::SubscribeRequest::REJECT_UNRECOVERED)).
    pub const UNRECOVERABLE_POSITION: Self = Self::permanent(112, "unrecoverable position");

    /// Every error of the protocol, in the order of the codes.
    pub const ALL: [Self; 13] = [
        Self::INTERNAL,
        Self::UNAUTHORIZED,
        Self::UNKNOWN_CHANNEL,
        Self::PERMISSION_DENIED,
        Self::METHOD_NOT_FOUND,
        Self::ALREADY_SUBSCRIBED,
        Self::LIMIT_EXCEEDED,
        Self::BAD_REQUEST,
        Self::NOT_AVAILABLE,
        Self::TOKEN_EXPIRED,
        Self::EXPIRED,
        Self::TOO_MANY_REQUESTS,
        Self::UNRECOVERABLE_POSITION,
    ];

    const fn permanent(code: u32, message: &'static str) -> Self {
        Self { code, message, temporary: false }
    }

    const fn temporary(code: u32, message: &'static str) -> Self {
        Self { code, message, temporary: true }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

/// The end of a connection: the code and reason of a WebSocket close frame, or of a last push
/// on the other transports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Disconnect {
    /// The number on the wire: 3000 to 3999 are the protocol's, 4000 to 4999 an application's.
    pub code: u32,
    /// The text on the wire, for people. At most 123 bytes, what a close frame has room for
    /// (RFC 6455, section 5.5.1).
    pub reason: &'static str,
}

impl Disconnect {
    /// The connection was closed without anything being wrong. The client reconnects.
    pub const CONNECTION_CLOSED: Self = Self::new(3000, "connection closed");
    /// The server is going down. The client reconnects, to another node or to this one after its
    /// restart.
    pub const SHUTDOWN: Self = Self::new(3001, "shutdown");
    /// Something went wrong inside the server. The client reconnects.
    pub const SERVER_ERROR: Self = Self::new(3004, "internal server error");
    /// The connection's token expired and no new one came in time. The client reconnects, and
    /// gets a new token first.
    pub const EXPIRED: Self = Self::new(3005, "connection expired");
    /// A subscription's token expired and no new one came in time. The client reconnects.
    pub const SUBSCRIPTION_EXPIRED: Self = Self::new(3006, "subscription expired");
    /// The client did not read as fast as messages came, and its queue is full. The client
    /// reconnects and resumes from its last position.
    pub const SLOW: Self = Self::new(3008, "slow");
    /// Writing to the connection failed. The client reconnects.
    pub const WRITE_ERROR: Self = Self::new(3009, "write error");
    /// The server lost track of the connection's position in a channel. The client reconnects
    /// and resumes.
    pub const INSUFFICIENT_STATE: Self = Self::new(3010, "insufficient state");
    /// An operator asked the client to connect anew. The client reconnects.
    pub const FORCE_RECONNECT: Self = Self::new(3011, "force reconnect");
    /// The client did not answer a ping in time. The client, if it is there, reconnects.
    pub const NO_PONG: Self = Self::new(3012, "no pong");
    /// The connection sent far more commands than it may. The client reconnects after a delay.
    pub const TOO_MANY_REQUESTS: Self = Self::new(3013, "too many requests");
    /// The token is not valid. The client stops: a new attempt would fail as this one did.
    pub const INVALID_TOKEN: Self = Self::new(3500, "invalid token");
    /// The client sent what is not the protocol. The client stops.
    pub const BAD_REQUEST: Self = Self::new(3501, "bad request");
    /// The connection was opened and did not send its connect command in time. The client stops.
    pub const STALE: Self = Self::new(3502, "stale");
    /// An operator or the back end ended the connection. The client stops.
    pub const FORCE_DISCONNECT: Self = Self::new(3503, "force disconnect");
    /// The user, the address or the app has as many connections as it may. The client stops.
    pub const CONNECTION_LIMIT: Self = Self::new(3504, "connection limit");
    /// The connection has as many channels as it may. The client stops.
    pub const CHANNEL_LIMIT: Self = Self::new(3505, "channel limit");
    /// The client speaks another form of the protocol, binary for one. The client stops.
    pub const INAPPROPRIATE_PROTOCOL: Self = Self::new(3506, "inappropriate protocol");
    /// The connection may not be made. The client stops.
    pub const PERMISSION_DENIED: Self = Self::new(3507, "permission denied");
    /// What the client needs is switched off. The client stops.
    pub const NOT_AVAILABLE: Self = Self::new(3508, "not available");
    /// The connection caused more errors than it may. The client stops.
    pub const TOO_MANY_ERRORS: Self = Self::new(3509, "too many errors");

    /// Every disconnect of the protocol, in the order of the codes.
    pub const ALL: [Self; 21] = [
        Self::CONNECTION_CLOSED,
        Self::SHUTDOWN,
        Self::SERVER_ERROR,
        Self::EXPIRED,
        Self::SUBSCRIPTION_EXPIRED,
        Self::SLOW,
        Self::WRITE_ERROR,
        Self::INSUFFICIENT_STATE,
        Self::FORCE_RECONNECT,
        Self::NO_PONG,
        Self::TOO_MANY_REQUESTS,
        Self::INVALID_TOKEN,
        Self::BAD_REQUEST,
        Self::STALE,
        Self::FORCE_DISCONNECT,
        Self::CONNECTION_LIMIT,
        Self::CHANNEL_LIMIT,
        Self::INAPPROPRIATE_PROTOCOL,
        Self::PERMISSION_DENIED,
        Self::NOT_AVAILABLE,
        Self::TOO_MANY_ERRORS,
    ];

    /// A disconnect with a code and reason of the caller's choice. The reason has to fit a close
    /// frame: 123 bytes.
    #[must_use]
    pub const fn new(code: u32, reason: &'static str) -> Self {
        Self { code, reason }
    }

    /// Whether a client connects again by itself after this: so it does for 3000 to 3499 and for
    /// 4000 to 4499, and for no other code from 3000 up.
    #[must_use]
    pub const fn reconnect(self) -> bool {
        matches!(self.code, 3000..=3499 | 4000..=4499)
    }
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.code)
    }
}

/// The end of one subscription while its connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unsubscribe {
    /// The number on the wire.
    pub code: u32,
    /// The text on the wire, for people.
    pub reason: &'static str,
}

impl Unsubscribe {
    /// The server or the back end ended the subscription for good.
    pub const BY_SERVER: Self = Self { code: 2000, reason: "server unsubscribe" };
    /// The position in the channel was lost. The client subscribes again and resumes.
    pub const INSUFFICIENT_STATE: Self = Self { code: 2500, reason: "insufficient state" };
    /// The subscription's token expired. The client gets a new one and subscribes again.
    pub const EXPIRED: Self = Self { code: 2501, reason: "subscription expired" };

    /// Whether a client subscribes again by itself after this: so it does from 2500 up.
    #[must_use]
    pub const fn resubscribe(self) -> bool {
        self.code >= 2500
    }
}

impl fmt::Display for Unsubscribe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_reconnects_below_the_middle_of_each_thousand() {
        assert!(Disconnect::SHUTDOWN.reconnect());
        assert!(Disconnect::TOO_MANY_REQUESTS.reconnect());
        assert!(!Disconnect::INVALID_TOKEN.reconnect());
        for (code, expected) in [(2999, false), (3000, true), (3499, true), (3500, false), (3999, false)] {
            assert_eq!(Disconnect::new(code, "").reconnect(), expected, "{code}");
        }
        for (code, expected) in [(4000, true), (4499, true), (4500, false), (5000, false)] {
            assert_eq!(Disconnect::new(code, "").reconnect(), expected, "{code}");
        }
    }

    #[test]
    fn codes_are_in_order_and_unlike_each_other() {
        assert!(Disconnect::ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
        assert!(ErrorCode::ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
    }

    #[test]
    fn every_reason_fits_a_close_frame() {
        assert!(Disconnect::ALL.iter().all(|disconnect| disconnect.reason.len() <= 123));
    }

    #[test]
    fn only_two_errors_are_temporary() {
        let temporary: Vec<u32> =
            ErrorCode::ALL.iter().filter(|error| error.temporary).map(|error| error.code).collect();
        assert_eq!(temporary, [100, 111]);
    }

    #[test]
    fn a_client_resubscribes_from_2500_up() {
        assert!(!Unsubscribe::BY_SERVER.resubscribe());
        assert!(Unsubscribe::INSUFFICIENT_STATE.resubscribe());
        assert!(Unsubscribe::EXPIRED.resubscribe());
    }
}
