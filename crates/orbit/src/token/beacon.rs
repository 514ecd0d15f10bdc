//! Beacon tokens: `EXPIRY;SIGNATURE`.
//!
//! EXPIRY is Unix seconds in decimal. SIGNATURE is the lower-case hex HMAC-SHA1 (RFC 2104) of
//! `ID;EXPIRY` under the app's sign key, where ID is the name of a user or a channel. Collisions
//! of SHA-1 do not matter to HMAC, and the format is given by clients that are out there.

use std::fmt::{self, Write as _};

use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::TokenError;

/// How long a token is good unless its maker says otherwise, in seconds.
pub const DEFAULT_LIFE: u64 = 4320;

const SIGNATURE_BYTES: usize = 20;

/// The key that signs and verifies an app's Beacon tokens.
#[derive(Clone)]
pub struct BeaconKey(Hmac<Sha1>);

impl BeaconKey {
    /// Takes the app's sign key.
    #[must_use]
    pub fn new(sign_key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(sign_key).expect("HMAC takes keys of any length"))
    }

    /// Makes a token for `id` that is good until `expires_at`, in Unix seconds.
    #[must_use]
    pub fn sign(&self, id: &str, expires_at: u64) -> String {
        let expiry = expires_at.to_string();
        let signature = self.mac(id, &expiry).finalize().into_bytes();
        let mut token = expiry;
        token.push(';');
        for byte in signature {
            write!(token, "{byte:02x}").expect("writing into memory does not fail");
        }
        token
    }

    /// Makes a token for `id` that is good for [`DEFAULT_LIFE`] from `now` on, in Unix seconds.
    #[must_use]
    pub fn issue(&self, id: &str, now: u64) -> String {
        self.sign(id, now.saturating_add(DEFAULT_LIFE))
    }

    /// Verifies that `token` is for `id` and good at `now`, in Unix seconds, and tells until when.
    /// How long this takes says nothing about the right signature.
    ///
    /// # Errors
    /// [`TokenError::Malformed`], [`TokenError::Signature`], or [`TokenError::Expired`] for a
    /// token that is right and too old.
    pub fn verify(&self, token: &str, id: &str, now: u64) -> Result<u64, TokenError> {
        let (expiry, signature) = token.split_once(';').ok_or(TokenError::Malformed)?;
        if !expiry.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(TokenError::Malformed);
        }
        let expires_at: u64 = expiry.parse().map_err(|_| TokenError::Malformed)?;
        let signature = from_hex(signature).ok_or(TokenError::Malformed)?;
        // The comparison inside takes the same time wherever the first difference is.
        self.mac(id, expiry).verify_slice(&signature).map_err(|_| TokenError::Signature)?;
        if now < expires_at { Ok(expires_at) } else { Err(TokenError::Expired { at: expires_at }) }
    }

    fn mac(&self, id: &str, expiry: &str) -> Hmac<Sha1> {
        let mut mac = self.0.clone();
        mac.update(id.as_bytes());
        mac.update(b";");
        mac.update(expiry.as_bytes());
        mac
    }
}

/// Tells nothing of the key.
impl fmt::Debug for BeaconKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BeaconKey").finish_non_exhaustive()
    }
}

fn from_hex(text: &str) -> Option<[u8; SIGNATURE_BYTES]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; SIGNATURE_BYTES];
    if text.len() != 2 * SIGNATURE_BYTES {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &[u8] = b"a secret sign key";
    /// Computed by another implementation of HMAC-SHA1, over `julia;1893456000`.
    const JULIA: &str = "1893456000;8d768e10c3443dc923cb6d140ff642daf8836984";
    const PERSONAL_CHANNEL: &str = "1893456000;24221996960c99280e07dc4f6faf75d9e76bbeec";

    fn key() -> BeaconKey {
        BeaconKey::new(KEY)
    }

    #[test]
    fn signs_as_other_implementations_do() {
        assert_eq!(key().sign("julia", 1_893_456_000), JULIA);
        assert_eq!(key().sign("@julia", 1_893_456_000), PERSONAL_CHANNEL);
    }

    #[test]
    fn verifies_until_the_end() {
        assert_eq!(key().verify(JULIA, "julia", 0), Ok(1_893_456_000));
        assert_eq!(key().verify(JULIA, "julia", 1_893_455_999), Ok(1_893_456_000));
        assert_eq!(key().verify(JULIA, "julia", 1_893_456_000), Err(TokenError::Expired { at: 1_893_456_000 }));
    }

    #[test]
    fn a_token_is_issued_for_72_minutes() {
        let token = key().issue("julia", 1000);
        assert_eq!(key().verify(&token, "julia", 1000), Ok(5320));
    }

    #[test]
    fn nothing_else_passes() {
        let verify = |token: &str, id| key().verify(token, id, 0);
        assert_eq!(verify(JULIA, "romeo"), Err(TokenError::Signature));
        assert_eq!(verify(JULIA, "Julia"), Err(TokenError::Signature));
        assert_eq!(verify(&JULIA.replace("1893456000", "1893456001"), "julia"), Err(TokenError::Signature));
        assert_eq!(verify(&JULIA.replace("1893456000", "01893456000"), "julia"), Err(TokenError::Signature));
        assert_eq!(BeaconKey::new(b"another key").verify(JULIA, "julia", 0), Err(TokenError::Signature));
        let upper_case = JULIA.to_uppercase();
        for token in [
            "",
            ";",
            "1893456000",
            "1893456000;",
            "1893456000;8d76",
            "-1;8d768e10c3443dc923cb6d140ff642daf8836984",
            "+1;8d768e10c3443dc923cb6d140ff642daf8836984",
            ";8d768e10c3443dc923cb6d140ff642daf8836984",
            "99999999999999999999;8d768e10c3443dc923cb6d140ff642daf8836984",
            &upper_case,
        ] {
            assert_eq!(verify(token, "julia"), Err(TokenError::Malformed), "{token}");
        }
    }

    #[test]
    fn a_forged_token_is_not_called_expired() {
        let forged = JULIA.replace("1893456000", "1000000000");
        assert_eq!(key().verify(&forged, "julia", 2_000_000_000), Err(TokenError::Signature));
    }

    #[test]
    fn the_key_does_not_show() {
        assert_eq!(format!("{:?}", key()), "BeaconKey { .. }");
    }

    proptest! {
        #[test]
        fn what_was_signed_verifies(id in ".*", expires_at in 1..=u64::MAX) {
            let token = key().sign(&id, expires_at);
            prop_assert_eq!(key().verify(&token, &id, expires_at - 1), Ok(expires_at));
        }

        #[test]
        fn no_text_makes_it_panic(token in ".*", id in ".*") {
            prop_assert!(key().verify(&token, &id, 0).is_err());
        }
    }
}
