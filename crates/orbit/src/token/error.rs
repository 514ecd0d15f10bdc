//! What can be wrong with a token.

use std::fmt;

use crate::name::NameError;
use crate::protocol::{Disconnect, ErrorCode};

/// Why a token is refused. No text quotes the token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// The token was good and is too old. The client should get a new one and try again.
    Expired {
        /// When it ended, in Unix seconds.
        at: u64,
    },
    /// The token is longer than [`MAX_TOKEN_BYTES`](super::MAX_TOKEN_BYTES).
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The token has the form of neither kind, or is damaged.
    Malformed,
    /// The app has no key for tokens of this kind.
    NoKey {
        /// The kind.
        kind: &'static str,
    },
    /// The token is signed by an algorithm for which the app has no key, or by none.
    Algorithm,
    /// The token says that it must not be read by who does not know an extension of the format
    /// (`crit`, RFC 7515, section 4.1.11), and this server knows none.
    Extension,
    /// The signature does not fit: another key, or a token that was changed.
    Signature,
    /// The token is not good yet.
    NotYetValid {
        /// The claim that says so: `nbf` or `iat`.
        claim: &'static str,
        /// When it begins, in Unix seconds.
        at: u64,
    },
    /// A claim that is needed is missing.
    NoClaim(&'static str),
    /// A claim is not what it should be: of another type, or out of range.
    BadClaim(&'static str),
    /// The claim `aud` or `iss` is not what the app is set to accept.
    NotForUs(&'static str),
    /// The token names a user or channel that cannot be.
    Name(NameError),
    /// A Beacon token came without the user it is for.
    NoUserClaimed,
    /// The token is for another user than the connection's.
    OtherUser,
    /// The token is for another channel.
    OtherChannel,
    /// A subscription token was shown to open a connection.
    ForSubscription,
}

impl TokenError {
    /// Whether the token was good once, so that a new one will do.
    #[must_use]
    pub const fn is_expired(&self) -> bool {
        matches!(self, Self::Expired { .. })
    }

    /// The answer to the command that brought the token: "token expired" (109), which makes a
    /// client get a new one, or "permission denied" (103).
    #[must_use]
    pub const fn error_code(&self) -> ErrorCode {
        if self.is_expired() { ErrorCode::TOKEN_EXPIRED } else { ErrorCode::PERMISSION_DENIED }
    }

    /// How a connection ends that brought the token to be opened or refreshed: "invalid token"
    /// (3500). `None` for an expired one, which error 109 is for.
    #[must_use]
    pub const fn disconnect(&self) -> Option<Disconnect> {
        if self.is_expired() { None } else { Some(Disconnect::INVALID_TOKEN) }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { at } => write!(f, "the token expired at {at} (Unix seconds)"),
            Self::TooLong { bytes } => {
                write!(f, "the token has {bytes} bytes; {} are allowed", super::MAX_TOKEN_BYTES)
            }
            Self::Malformed => f.write_str("the token is neither a JWT nor of the form EXPIRY;SIGNATURE"),
            Self::NoKey { kind } => write!(f, "the app has no key for {kind} tokens"),
            Self::Algorithm => f.write_str("the token's algorithm is none that the app has a key for"),
            Self::Extension => f.write_str("the token needs an extension (crit) that is not known here"),
            Self::Signature => f.write_str("the token's signature does not fit: is it made with the app's key?"),
            Self::NotYetValid { claim, at } => {
                write!(f, "the token is good only from {at} on ({claim}, Unix seconds): do the clocks agree?")
            }
            Self::NoClaim(claim) => write!(f, "the token has no claim {claim}"),
            Self::BadClaim(claim) => write!(f, "the token's claim {claim} is not of the form it should have"),
            Self::NotForUs(claim) => {
                write!(f, "the token's claim {claim} is not one that the app is set to accept")
            }
            Self::Name(error) => write!(f, "the token is for a name that cannot be: {error}"),
            Self::NoUserClaimed => f.write_str("a token of the form EXPIRY;SIGNATURE needs the user named beside it"),
            Self::OtherUser => f.write_str("the token is for another user"),
            Self::OtherChannel => f.write_str("the token is for another channel"),
            Self::ForSubscription => f.write_str("the token is for a subscription, not for a connection"),
        }
    }
}

impl std::error::Error for TokenError {}
