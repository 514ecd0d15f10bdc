//! JSON Web Tokens (RFC 7519), signed with HS256, RS256 or ES256 (RFC 7518).
//!
//! Claims that are read: `sub` (the user), `exp`, `nbf`, `iat`, `aud`, `iss`, `info` (what others
//! see of the user), `channels` (subscriptions that the server makes at connect) and `channel`
//! (which makes it a subscription token). Others are passed over.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{Grant, Identity, JwtKey, TokenError};
use crate::name;
use crate::protocol::json::{DEFAULT_MAX_DEPTH, payload};

/// How far clocks may be apart unless the configuration says otherwise, in seconds.
pub const DEFAULT_LEEWAY: u64 = 5;

/// Verifies the JWTs of one app.
#[derive(Debug, Clone)]
pub struct JwtVerifier {
    keys: Vec<JwtKey>,
    leeway: u64,
    audience: Option<String>,
    issuer: Option<String>,
}

impl JwtVerifier {
    /// Accepts tokens signed with any of `keys`: several, so that a key can be replaced while
    /// tokens made with the old one are still about.
    #[must_use]
    pub fn new(keys: Vec<JwtKey>) -> Self {
        Self { keys, leeway: DEFAULT_LEEWAY, audience: None, issuer: None }
    }

    /// Sets by how many seconds the clock of who makes the tokens may differ from ours: a token
    /// is good for so long before its `nbf` and `iat` and after its `exp`.
    #[must_use]
    pub fn with_leeway(mut self, seconds: u64) -> Self {
        self.leeway = seconds;
        self
    }

    /// Accepts only tokens that have this audience among their `aud`. Without it, tokens that
    /// have an `aud` are refused: they are for somebody else (RFC 7519, section 4.1.3).
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Accepts only tokens with this `iss`. Without it, `iss` does not matter.
    #[must_use]
    pub fn with_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Verifies a connection token at `now`, in Unix seconds.
    pub(super) fn connection(&self, token: &str, now: u64) -> Result<Identity, TokenError> {
        let claims = self.verify(token)?;
        if claims.channel.is_some() {
            return Err(TokenError::ForSubscription);
        }
        let expires_at = self.check_times(&claims, now)?;
        let user = user(&claims)?;
        if let Some(user) = &user {
            name::user(user, name::MAX_LENGTH).map_err(TokenError::Name)?;
        }
        let channels: Vec<String> = claim("channels", claims.channels.as_deref())?.unwrap_or_default();
        for channel in &channels {
            name::channel(channel, name::MAX_LENGTH).map_err(TokenError::Name)?;
        }
        Ok(Identity { user, expires_at, info: info(claims.info.as_deref())?, channels })
    }

    /// Verifies a token for a subscription to `channel` by `user` at `now`, in Unix seconds.
    pub(super) fn subscription(
        &self,
        token: &str,
        channel: &str,
        user_of_connection: Option<&str>,
        now: u64,
    ) -> Result<Grant, TokenError> {
        let claims = self.verify(token)?;
        let expires_at = self.check_times(&claims, now)?;
        let granted: String = claim("channel", claims.channel.as_deref())?.ok_or(TokenError::NoClaim("channel"))?;
        if granted != channel {
            return Err(TokenError::OtherChannel);
        }
        if user(&claims)?.as_deref() != user_of_connection {
            return Err(TokenError::OtherUser);
        }
        Ok(Grant { expires_at, info: info(claims.info.as_deref())? })
    }

    /// Checks the signature, and what does not depend on the time.
    fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
            // A header that names no algorithm we know, or is not JSON at all.
            ErrorKind::Json(_) => TokenError::Algorithm,
            _ => TokenError::Malformed,
        })?;
        if header.crit.is_some() {
            return Err(TokenError::Extension);
        }
        let mut outcome = Err(TokenError::Algorithm);
        for key in self.keys.iter().filter(|key| key.algorithm == header.alg) {
            outcome = jsonwebtoken::decode::<Claims>(token, &key.key, &signature_only(key.algorithm))
                .map(|data| data.claims)
                .map_err(|error| match error.kind() {
                    ErrorKind::InvalidSignature => TokenError::Signature,
                    ErrorKind::InvalidAlgorithm => TokenError::Algorithm,
                    _ => TokenError::Malformed,
                });
            if !matches!(outcome, Err(TokenError::Signature)) {
                break;
            }
        }
        let claims = outcome?;
        self.check_audience(claims.aud.as_deref())?;
        if let Some(expected) = &self.issuer {
            let issuer: Option<String> = claim("iss", claims.iss.as_deref())?;
            if issuer.as_ref() != Some(expected) {
                return Err(TokenError::NotForUs("iss"));
            }
        }
        Ok(claims)
    }

    fn check_audience(&self, aud: Option<&RawValue>) -> Result<(), TokenError> {
        let audiences = match claim::<OneOrMany>("aud", aud)? {
            None => Vec::new(),
            Some(OneOrMany::One(audience)) => vec![audience],
            Some(OneOrMany::Many(audiences)) => audiences,
        };
        let accepted = match &self.audience {
            Some(expected) => audiences.contains(expected),
            None => audiences.is_empty(),
        };
        if accepted { Ok(()) } else { Err(TokenError::NotForUs("aud")) }
    }

    /// Checks `exp`, `nbf` and `iat`, and tells when the token ends, leeway included.
    fn check_times(&self, claims: &Claims, now: u64) -> Result<Option<u64>, TokenError> {
        for (name, raw) in [("nbf", &claims.nbf), ("iat", &claims.iat)] {
            if let Some(at) = date(name, raw.as_deref())?
                && at > now.saturating_add(self.leeway)
            {
                return Err(TokenError::NotYetValid { claim: name, at });
            }
        }
        let Some(at) = date("exp", claims.exp.as_deref())? else { return Ok(None) };
        let end = at.saturating_add(self.leeway);
        if now < end { Ok(Some(end)) } else { Err(TokenError::Expired { at }) }
    }
}

/// The claims as they stand in the token; each is read by itself, so that an error can name it.
#[derive(Debug, Deserialize)]
struct Claims {
    sub: Option<Box<RawValue>>,
    exp: Option<Box<RawValue>>,
    nbf: Option<Box<RawValue>>,
    iat: Option<Box<RawValue>>,
    aud: Option<Box<RawValue>>,
    iss: Option<Box<RawValue>>,
    info: Option<Box<RawValue>>,
    channels: Option<Box<RawValue>>,
    channel: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

fn claim<T: DeserializeOwned>(name: &'static str, raw: Option<&RawValue>) -> Result<Option<T>, TokenError> {
    raw.map(|raw| serde_json::from_str(raw.get()).map_err(|_| TokenError::BadClaim(name))).transpose()
}

/// An empty `sub` stands for nobody, as it does in Centrifuge's own tokens.
fn user(claims: &Claims) -> Result<Option<String>, TokenError> {
    let user: Option<String> = claim("sub", claims.sub.as_deref())?;
    Ok(user.filter(|user| !user.is_empty()))
}

/// A date may have a fraction, and may lie before 1970 (RFC 7519, section 2, "NumericDate").
fn date(name: &'static str, raw: Option<&RawValue>) -> Result<Option<u64>, TokenError> {
    let Some(raw) = raw else { return Ok(None) };
    if let Ok(seconds) = serde_json::from_str::<u64>(raw.get()) {
        return Ok(Some(seconds));
    }
    let seconds: f64 = serde_json::from_str(raw.get()).map_err(|_| TokenError::BadClaim(name))?;
    // The conversion saturates: before 1970 is 0, and the far future is the far future.
    Ok(Some(seconds.floor() as u64))
}

fn info(raw: Option<&RawValue>) -> Result<Option<Box<[u8]>>, TokenError> {
    raw.map(|raw| {
        payload(raw.get().as_bytes(), DEFAULT_MAX_DEPTH)
            .map(|text| text.into_owned().into_bytes().into_boxed_slice())
            .map_err(|_| TokenError::BadClaim("info"))
    })
    .transpose()
}

/// Leaves the claims to us: the library would check times against a clock of its own.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

#[cfg(test)]
mod tests;
