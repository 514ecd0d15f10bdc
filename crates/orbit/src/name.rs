//! Which names users and channels may have.
//!
//! Names travel in URLs, in lines of the event stream and in tokens, and old client libraries
//! build them into paths, so the set is small: ASCII letters and digits, `.`, `_` and `-`.
//! Channels may have `:` as well, which Centrifuge clients put between a namespace and a name,
//! and up to two of `#`, `*` and `@` in front. Names are case sensitive.

use std::fmt;

/// The most characters of a user's name, and of a channel's name behind its prefix.
pub const MAX_LENGTH: usize = 128;

/// The most characters of a channel's prefix.
pub const MAX_PREFIX: usize = 2;

/// What the name that was refused was to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A user.
    User,
    /// A channel.
    Channel,
}

/// Why a name was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// The name is empty, or nothing but a prefix.
    Empty(Kind),
    /// The name is longer than allowed, its prefix not counted.
    TooLong {
        /// What it was to name.
        kind: Kind,
        /// Its length in characters.
        length: usize,
        /// The most allowed.
        max: usize,
    },
    /// The name has a character that names of its kind may not have at that place.
    Character {
        /// What it was to name.
        kind: Kind,
        /// The character.
        found: char,
        /// Where it stands, in characters from 1.
        position: usize,
    },
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Channel => "channel",
        })
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty(kind) => write!(f, "the {kind} name is empty"),
            Self::TooLong { kind, length, max } => {
                write!(f, "the {kind} name has {length} characters; {max} are allowed")
            }
            Self::Character { kind, found, position } => {
                let allowed = match kind {
                    Kind::User => "A-Z a-z 0-9 . _ -",
                    Kind::Channel => "A-Z a-z 0-9 . _ - : behind up to two of # * @",
                };
                write!(f, "the {kind} name has {found:?} at character {position}; allowed are {allowed}")
            }
        }
    }
}

impl std::error::Error for NameError {}

/// Checks the name of a user, of `max` characters at most; more than [`MAX_LENGTH`] are never allowed.
///
/// # Errors
/// See [`NameError`].
pub fn user(name: &str, max: usize) -> Result<(), NameError> {
    check(Kind::User, name, 0, max, |byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Checks the name of a channel, of `max` characters behind its prefix at most; more than [`MAX_LENGTH`] are never
/// allowed.
///
/// # Errors
/// See [`NameError`].
pub fn channel(name: &str, max: usize) -> Result<(), NameError> {
    let prefix = name.bytes().take(MAX_PREFIX).take_while(|byte| b"#*@".contains(byte)).count();
    check(Kind::Channel, name, prefix, max, |byte| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte))
}

/// The user whose personal channel `@user` this is, when it is one.
#[must_use]
pub fn personal_channel_of(channel: &str) -> Option<&str> {
    channel.strip_prefix('@').filter(|name| user(name, MAX_LENGTH).is_ok())
}

fn check(kind: Kind, name: &str, prefix: usize, max: usize, allowed: impl Fn(u8) -> bool) -> Result<(), NameError> {
    let body = &name.as_bytes()[prefix..];
    if body.is_empty() {
        return Err(NameError::Empty(kind));
    }
    match body.iter().position(|byte| !allowed(*byte)) {
        None if body.len() > max.min(MAX_LENGTH) => {
            Err(NameError::TooLong { kind, length: body.len(), max: max.min(MAX_LENGTH) })
        }
        None => Ok(()),
        // All bytes before this one are ASCII, so it begins a character, and bytes count characters.
        Some(at) => {
            let found = name[prefix + at..].chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
            Err(NameError::Character { kind, found, position: prefix + at + 1 })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_a_small_set_of_characters() {
        for name in ["j", "julia", "Julia.B_2-x", "-", &"u".repeat(128)] {
            assert_eq!(user(name, MAX_LENGTH), Ok(()), "{name}");
        }
        assert_eq!(user("", MAX_LENGTH), Err(NameError::Empty(Kind::User)));
        assert_eq!(
            user(&"u".repeat(129), MAX_LENGTH),
            Err(NameError::TooLong { kind: Kind::User, length: 129, max: 128 })
        );
        for (name, found, position) in [
            ("@julia", '@', 1),
            ("a b", ' ', 2),
            ("a:b", ':', 2),
            ("ab\n", '\n', 3),
            ("zoë", 'ë', 3),
            ("a\tb", '\t', 2),
        ] {
            assert_eq!(user(name, MAX_LENGTH), Err(NameError::Character { kind: Kind::User, found, position }));
        }
    }

    #[test]
    fn channels_may_have_a_prefix_and_colons() {
        for name in ["chat", "chat:42", "@julia", "#room", "*all", "##x", "*@x", ":", &format!("@@{}", "c".repeat(128))]
        {
            assert_eq!(channel(name, MAX_LENGTH), Ok(()), "{name}");
        }
        for name in ["", "#", "@*"] {
            assert_eq!(channel(name, MAX_LENGTH), Err(NameError::Empty(Kind::Channel)), "{name}");
        }
        assert_eq!(
            channel(&format!("#{}", "c".repeat(129)), MAX_LENGTH),
            Err(NameError::TooLong { kind: Kind::Channel, length: 129, max: 128 })
        );
        for (name, found, position) in
            [("###x", '#', 3), ("a#b", '#', 2), ("a/b", '/', 2), ("@zoë", 'ë', 4), ("€", '€', 1)]
        {
            assert_eq!(channel(name, MAX_LENGTH), Err(NameError::Character { kind: Kind::Channel, found, position }));
        }
    }

    #[test]
    fn a_refusal_says_what_is_allowed() {
        assert_eq!(
            user("a b", MAX_LENGTH).unwrap_err().to_string(),
            "the user name has ' ' at character 2; allowed are A-Z a-z 0-9 . _ -"
        );
        assert_eq!(channel("#", MAX_LENGTH).unwrap_err().to_string(), "the channel name is empty");
        assert_eq!(
            user(&"u".repeat(200), MAX_LENGTH).unwrap_err().to_string(),
            "the user name has 200 characters; 128 are allowed"
        );
    }

    #[test]
    fn a_personal_channel_names_its_user() {
        assert_eq!(personal_channel_of("@julia"), Some("julia"));
        assert_eq!(personal_channel_of("julia"), None);
        assert_eq!(personal_channel_of("@@julia"), None);
        assert_eq!(personal_channel_of("@a:b"), None);
        assert_eq!(personal_channel_of("@"), None);
    }
}
