//! Tokens: how a back end tells this server who a connection is, and what it may subscribe to.
//!
//! There are two kinds, told apart by their form. A JWT (RFC 7519) says who the user is by
//! itself. A Beacon token is a bare signature over a name that the client claims beside it; old
//! client libraries make those. A [`Verifier`] holds the keys of one app and accepts the kinds it
//! has keys for.

pub mod beacon;
mod error;
pub mod jwt;
mod key;

pub use beacon::BeaconKey;
pub use error::TokenError;
pub use jwt::JwtVerifier;
pub use key::{JwtKey, KeyError, MIN_SECRET_BYTES};

use crate::name;

/// The most bytes of a token that are looked at.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Who a connection is, as its token says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user; `None` for a token without one, which makes an anonymous connection.
    pub user: Option<String>,
    /// When the token stops being good, in Unix seconds, any leeway included; `None` for never.
    /// A connection that has not brought a new token by then is to be ended.
    pub expires_at: Option<u64>,
    /// What others see of the user, as JSON on one line.
    pub info: Option<Box<[u8]>>,
    /// The channels to which the server subscribes the connection by itself.
    pub channels: Vec<String>,
}

/// What a subscription token grants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// When the token stops being good, in Unix seconds, any leeway included; `None` for never.
    pub expires_at: Option<u64>,
    /// What others in the channel see of the user, as JSON on one line.
    pub info: Option<Box<[u8]>>,
}

/// Verifies the tokens of one app.
#[derive(Debug, Default)]
pub struct Verifier {
    jwt: Option<JwtVerifier>,
    beacon: Option<BeaconKey>,
}

impl Verifier {
    /// A verifier that accepts JWTs where there is a verifier for them, and Beacon tokens where
    /// there is a key for them.
    #[must_use]
    pub fn new(jwt: Option<JwtVerifier>, beacon: Option<BeaconKey>) -> Self {
        Self { jwt, beacon }
    }

    /// Verifies the token of a connection at `now`, in Unix seconds. `claimed_user` is the user
    /// the client names beside the token; a Beacon token needs it. Beside a JWT it may be left
    /// out, and if it is there it must be the same.
    ///
    /// # Errors
    /// [`TokenError::Expired`] for a token that was good; any other [`TokenError`] for one that
    /// never was.
    pub fn connection(&self, token: &str, claimed_user: Option<&str>, now: u64) -> Result<Identity, TokenError> {
        match Form::of(token)? {
            Form::Jwt => {
                let identity = self.jwt()?.connection(token, now)?;
                if claimed_user.is_some() && claimed_user != identity.user.as_deref() {
                    return Err(TokenError::OtherUser);
                }
                Ok(identity)
            }
            Form::Beacon => {
                let user = claimed_user.ok_or(TokenError::NoUserClaimed)?;
                name::user(user, name::MAX_LENGTH).map_err(TokenError::Name)?;
                let expires_at = self.beacon()?.verify(token, user, now)?;
                Ok(Identity { user: Some(user.to_owned()), expires_at: Some(expires_at), ..Identity::default() })
            }
        }
    }

    /// Verifies the token of a subscription to `channel` by a connection of `user` at `now`, in
    /// Unix seconds.
    ///
    /// A JWT has to name the channel, and the user as its `sub`. A Beacon token is good for
    /// whoever holds it. The same key signs Beacon tokens for users and for channels, so one made
    /// for a user is one for the channel of the same name as well; that is how the format is.
    ///
    /// # Errors
    /// [`TokenError::Expired`] for a token that was good; any other [`TokenError`] for one that
    /// never was.
    pub fn subscription(&self, token: &str, channel: &str, user: Option<&str>, now: u64) -> Result<Grant, TokenError> {
        match Form::of(token)? {
            Form::Jwt => self.jwt()?.subscription(token, channel, user, now),
            Form::Beacon => {
                let expires_at = self.beacon()?.verify(token, channel, now)?;
                Ok(Grant { expires_at: Some(expires_at), info: None })
            }
        }
    }

    fn jwt(&self) -> Result<&JwtVerifier, TokenError> {
        self.jwt.as_ref().ok_or(TokenError::NoKey { kind: "JWT" })
    }

    fn beacon(&self) -> Result<&BeaconKey, TokenError> {
        self.beacon.as_ref().ok_or(TokenError::NoKey { kind: "Beacon" })
    }
}

enum Form {
    Jwt,
    Beacon,
}

impl Form {
    fn of(token: &str) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong { bytes: token.len() });
        }
        // Neither character occurs in tokens of the other kind.
        if token.contains(';') {
            Ok(Self::Beacon)
        } else if token.bytes().filter(|byte| *byte == b'.').count() == 2 {
            Ok(Self::Jwt)
        } else {
            Err(TokenError::Malformed)
        }
    }
}

#[cfg(test)]
mod tests;
