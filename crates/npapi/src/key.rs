//! Names of properties and methods.

use std::fmt;

use crate::abi::NPIdentifier;
use crate::browser::{self, slot};
use crate::error::Error;
use crate::strings;

/// A property of an object is named by a text or by a number. It compares with both:
///
/// ```
/// use planet_npapi::Key;
///
/// assert_eq!(Key::from("title"), "title");
/// assert_eq!(Key::from(5), 5);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// As in `object.name`.
    Name(String),
    /// As in `object[5]`.
    Index(i32),
}

impl Key {
    /// The text, when it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Index(_) => None,
        }
    }

    /// Reads an identifier of the browser's.
    ///
    /// # Safety
    /// `identifier` comes from the browser.
    pub(crate) unsafe fn read(identifier: NPIdentifier) -> Result<Self, Error> {
        // SAFETY: the browser knows its identifier.
        if !unsafe { slot!(identifierisstring, "NPN_IdentifierIsString")(identifier) } {
            // SAFETY: as above, and it is a number.
            return Ok(Self::Index(unsafe { slot!(intfromidentifier, "NPN_IntFromIdentifier")(identifier) }));
        }
        // SAFETY: as above, and it is a text; the answer is a copy, which is ours to free.
        unsafe {
            let text = slot!(utf8fromidentifier, "NPN_UTF8FromIdentifier")(identifier);
            let name = strings::from_c(text).unwrap_or_default();
            browser::free(text);
            Ok(Self::Name(name))
        }
    }

    /// The browser's identifier for this name.
    pub(crate) fn identifier(&self) -> Result<NPIdentifier, Error> {
        match self {
            Self::Name(name) => {
                let name = strings::to_c(name)?;
                // SAFETY: the browser copies the text.
                Ok(unsafe { slot!(getstringidentifier, "NPN_GetStringIdentifier")(name.as_ptr()) })
            }
            // SAFETY: any number is one.
            Self::Index(index) => Ok(unsafe { slot!(getintidentifier, "NPN_GetIntIdentifier")(*index) }),
        }
    }
}

impl PartialEq<str> for Key {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Key {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(*other)
    }
}

impl PartialEq<i32> for Key {
    fn eq(&self, other: &i32) -> bool {
        matches!(self, Self::Index(index) if index == other)
    }
}

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for Key {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl From<i32> for Key {
    fn from(index: i32) -> Self {
        Self::Index(index)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(formatter, "{name}"),
            Self::Index(index) => write!(formatter, "{index}"),
        }
    }
}
