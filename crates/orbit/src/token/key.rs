//! Keys that JWTs are verified with.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey};

/// The least bytes of a secret. Shorter ones are guessed offline from a single token.
pub const MIN_SECRET_BYTES: usize = 15;

/// A key and the one algorithm it is for, so that a token cannot choose how it is verified.
#[derive(Clone)]
pub struct JwtKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// Why a key is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The secret is shorter than [`MIN_SECRET_BYTES`].
    SecretTooShort {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The text is no public key in PEM of the kind that the algorithm needs.
    NotAKey {
        /// The algorithm.
        algorithm: &'static str,
    },
    /// The text is a private key. This server needs the public one, and should never see the other.
    PrivateKey,
    /// The RSA key is smaller than 2048 bits, which RFC 7518, section 3.3 forbids, or larger than
    /// 4096.
    RsaSize,
    /// The elliptic curve is not P-256, the one of ES256 (RFC 7518, section 3.4).
    Curve,
}

impl JwtKey {
    /// A shared secret, for HS256.
    ///
    /// # Errors
    /// [`KeyError::SecretTooShort`].
    pub fn hs256(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(KeyError::SecretTooShort { bytes: secret.len() });
        }
        Ok(Self { algorithm: Algorithm::HS256, key: DecodingKey::from_secret(secret) })
    }

    /// An RSA public key in PEM, for RS256.
    ///
    /// # Errors
    /// Any [`KeyError`] but that of the secret and the curve.
    pub fn rs256(pem: &str) -> Result<Self, KeyError> {
        refuse_private(pem)?;
        let not_a_key = KeyError::NotAKey { algorithm: "RS256" };
        let key = DecodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| not_a_key.clone())?;
        // The two integers of RFC 8017, A.1.1 in DER: with a modulus of 2048 bits at least 268
        // bytes, with one of 4096 and the largest exponent in use at most 532.
        match key.try_get_as_bytes().map_err(|_| not_a_key)?.len() {
            268..=532 => Ok(Self { algorithm: Algorithm::RS256, key }),
            _ => Err(KeyError::RsaSize),
        }
    }

    /// A P-256 public key in PEM, for ES256.
    ///
    /// # Errors
    /// Any [`KeyError`] but that of the secret and the RSA key's size.
    pub fn es256(pem: &str) -> Result<Self, KeyError> {
        refuse_private(pem)?;
        let not_a_key = KeyError::NotAKey { algorithm: "ES256" };
        let key = DecodingKey::from_ec_pem(pem.as_bytes()).map_err(|_| not_a_key.clone())?;
        // A point of P-256, written out in full, is a mark and two numbers of 32 bytes.
        match key.try_get_as_bytes().map_err(|_| not_a_key)?.len() {
            65 => Ok(Self { algorithm: Algorithm::ES256, key }),
            _ => Err(KeyError::Curve),
        }
    }
}

fn refuse_private(pem: &str) -> Result<(), KeyError> {
    if pem.contains("PRIVATE KEY-----") { Err(KeyError::PrivateKey) } else { Ok(()) }
}

/// Tells the algorithm, never the key.
impl fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretTooShort { bytes } => {
                write!(f, "the secret has {bytes} bytes; use {MIN_SECRET_BYTES} at least, better 32")
            }
            Self::NotAKey { algorithm } => write!(f, "not a public key in PEM for {algorithm}"),
            Self::PrivateKey => f.write_str("this is a private key; give the public one"),
            Self::RsaSize => f.write_str("the RSA key has to have 2048 to 4096 bits"),
            Self::Curve => f.write_str("the key is not on the curve P-256, which ES256 needs"),
        }
    }
}

impl std::error::Error for KeyError {}
