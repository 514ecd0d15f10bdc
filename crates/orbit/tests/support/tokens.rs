//! Tokens as a back end makes them.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header};
use serde_json::Value;

/// The secret of the apps' JWTs.
pub const SECRET: &[u8] = b"a secret that is long enough for HS256 by RFC 7518";

/// The key of the apps' Beacon tokens.
pub const SIGN_KEY: &[u8] = b"sign key";

/// A JWT with these claims.
pub fn token(claims: &Value) -> String {
    jsonwebtoken::encode(&Header::default(), claims, &EncodingKey::from_secret(SECRET)).unwrap()
}

/// So many seconds from now, as a claim has it.
pub fn in_seconds(seconds: i64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    now.saturating_add_signed(seconds)
}
