//! Close codes and reasons (RFC 6455 §7.4).

use std::borrow::Cow;
use std::fmt;

/// Longest reason a close frame can carry: 125 bytes of control payload, less two for the code.
pub const MAX_CLOSE_REASON_BYTES: usize = 123;

/// A close code that may appear on the wire.
///
/// Codes 1004, 1005, 1006 and 1015 name conditions and are never sent (RFC 6455 §7.4.1); 1016 to
/// 2999 are not yet assigned. None of them can be made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the server shuts down, or the page is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a kind of data that the endpoint does not take.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1007: data that contradicts its type, such as text which is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a policy was violated and no other code fits.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message too big to process.
    pub const TOO_BIG: Self = Self(1009);
    /// 1010: a client misses an extension that it needs.
    pub const MISSING_EXTENSION: Self = Self(1010);
    /// 1011: the server met a condition that it did not expect.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service restarts (IANA registry).
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: try again later (IANA registry).
    pub const TRY_AGAIN_LATER: Self = Self(1013);

    /// The code with this number, or `None` if that number must not be sent.
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.0)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

/// What a close frame says: a code and a reason for people to read, which may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseReason<'a> {
    /// Why the connection closes.
    pub code: CloseCode,
    /// The same in words; at most [`MAX_CLOSE_REASON_BYTES`] travel.
    pub reason: Cow<'a, str>,
}

impl CloseReason<'_> {
    /// A copy that borrows nothing.
    pub fn into_owned(self) -> CloseReason<'static> {
        CloseReason { code: self.code, reason: Cow::Owned(self.reason.into_owned()) }
    }
}

impl fmt::Display for CloseReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reason.is_empty() { write!(f, "{}", self.code) } else { write!(f, "{} ({})", self.code, self.reason) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_exactly_the_codes_that_may_travel() {
        let allowed: Vec<u16> = (0..=u16::MAX).filter(|code| CloseCode::new(*code).is_some()).collect();
        let expected: Vec<u16> = (1000..=1003).chain(1007..=1014).chain(3000..=4999).collect();
        assert_eq!(allowed, expected);
    }

    #[test]
    fn prints_code_and_reason() {
        let close = CloseReason { code: CloseCode::GOING_AWAY, reason: "restart".into() };
        assert_eq!(close.to_string(), "1001 (restart)");
        let bare = CloseReason { code: CloseCode::NORMAL, reason: "".into() };
        assert_eq!(bare.to_string(), "1000");
    }
}
