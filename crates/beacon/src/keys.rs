//! The keys of an app: their form, how they are made, and how they are kept out of sight.

use std::fmt;
use std::str::FromStr;

use rand::TryRng;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// The most characters of a key, so that none is long enough to be a burden in URLs and headers.
pub const MAX_KEY_LENGTH: usize = 128;

const MIN_API_KEY_LENGTH: usize = 8;
const MIN_SECRET_LENGTH: usize = 15;

/// 32 letters and digits that are not mistaken for one another: each carries five bits.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The public name of an app, as it stands in URLs: 8 to 128 of `A-Z a-z 0-9 _`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiKey(Box<str>);

/// A key that nobody but the app's back end may know: 15 to 128 of `A-Z a-z 0-9 _`. It does not show in `Debug` output.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Secret(Box<str>);

/// Text that does not have the form of a key. Does not quote it, since it may be a secret with a slip in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// There are too few or too many characters.
    Length {
        /// How many there are.
        found: usize,
        /// The fewest allowed; the most is [`MAX_KEY_LENGTH`].
        least: usize,
    },
    /// There is a character that keys may not have.
    Character {
        /// Where, in characters from 1.
        position: usize,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { found, least } => {
                write!(f, "the key has {found} characters; {least} to {MAX_KEY_LENGTH} are allowed")
            }
            Self::Character { position } => {
                write!(f, "the key's character {position} is not one of A-Z a-z 0-9 _")
            }
        }
    }
}

impl std::error::Error for KeyError {}

/// The system gave no random bytes.
#[derive(Debug)]
pub struct NoRandomness(rand::rngs::SysError);

impl fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no keys can be made, for the system gives no random bytes: {}", self.0)
    }
}

impl std::error::Error for NoRandomness {}

impl ApiKey {
    /// A new one, of 100 random bits.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn random() -> Result<Self, NoRandomness> {
        random_text::<20>().map(Self)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Secret {
    /// A new one, of 200 random bits.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn random() -> Result<Self, NoRandomness> {
        random_text::<40>().map(Self)
    }

    /// Its text. For showing it to its owner once, and for signing.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this is the secret, in a time that does not depend on where the two differ.
    pub fn matches(&self, presented: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(presented).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ApiKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        check(text, MIN_API_KEY_LENGTH).map(|()| Self(text.into()))
    }
}

impl FromStr for Secret {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        check(text, MIN_SECRET_LENGTH).map(|()| Self(text.into()))
    }
}

impl TryFrom<String> for ApiKey {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl TryFrom<String> for Secret {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<ApiKey> for String {
    fn from(key: ApiKey) -> Self {
        key.0.into()
    }
}

impl From<Secret> for String {
    fn from(key: Secret) -> Self {
        key.0.into()
    }
}

fn check(text: &str, least: usize) -> Result<(), KeyError> {
    if let Some(at) = text.chars().position(|c| !(c.is_ascii_alphanumeric() || c == '_')) {
        return Err(KeyError::Character { position: at + 1 });
    }
    if !(least..=MAX_KEY_LENGTH).contains(&text.len()) {
        return Err(KeyError::Length { found: text.len(), least });
    }
    Ok(())
}

fn random_text<const LENGTH: usize>() -> Result<Box<str>, NoRandomness> {
    let mut bytes = [0; LENGTH];
    SysRng.try_fill_bytes(&mut bytes).map_err(NoRandomness)?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_in_the_form_that_is_asked_for() {
        let (key, other) = (ApiKey::random().unwrap(), ApiKey::random().unwrap());
        assert_ne!(key, other);
        assert_eq!(key.as_str().parse(), Ok(key.clone()));
        let (secret, other) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_ne!(secret.expose(), other.expose());
        assert!(secret.expose().parse::<Secret>().is_ok());
    }

    #[test]
    fn the_form_is_checked_at_its_edges() {
        for good in ["abcdefgh", "A_9_____", &"k".repeat(128)] {
            assert!(good.parse::<ApiKey>().is_ok(), "{good}");
        }
        assert_eq!("abcdefg".parse::<ApiKey>(), Err(KeyError::Length { found: 7, least: 8 }));
        assert_eq!("k".repeat(129).parse::<ApiKey>(), Err(KeyError::Length { found: 129, least: 8 }));
        assert_eq!("abcd-fgh".parse::<ApiKey>(), Err(KeyError::Character { position: 5 }));
        assert_eq!("s".repeat(14).parse::<Secret>().unwrap_err(), KeyError::Length { found: 14, least: 15 });
        assert!("s".repeat(15).parse::<Secret>().is_ok());
    }

    #[test]
    fn a_secret_matches_itself_alone_and_does_not_show() {
        let secret: Secret = "correct_horse_battery".parse().unwrap();
        assert!(secret.matches(b"correct_horse_battery"));
        for wrong in ["", "correct_horse_batter", "correct_horse_batterY", "correct_horse_battery2"] {
            assert!(!secret.matches(wrong.as_bytes()), "{wrong}");
        }
        assert_eq!(format!("{secret:?}"), "Secret(hidden)");
    }
}
