//! What can go wrong.

use std::fmt;

use crate::abi::constants::{
    NPERR_GENERIC_ERROR, NPERR_INCOMPATIBLE_VERSION_ERROR, NPERR_INVALID_FUNCTABLE_ERROR, NPERR_INVALID_INSTANCE_ERROR,
    NPERR_INVALID_PARAM, NPERR_NO_ERROR,
};
use crate::abi::types::NPError;

/// Why something did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The instance is gone, and its objects with it: the page has removed it or was closed.
    Gone,
    /// The browser has no such function (its slot in the table is null, or the table ends before it).
    Unsupported(&'static str),
    /// The browser answered with one of the errors in [`crate::abi::constants`].
    Browser {
        /// The function that was called.
        function: &'static str,
        /// Its answer.
        code: NPError,
    },
    /// The call into JavaScript did not succeed; the ABI does not say why. Mostly the script threw, or there is no such
    /// method or property.
    Script(&'static str),
    /// A text for the browser has a zero byte in it, which would end it there.
    ZeroByte,
    /// The browser's table is missing, too short, or of a version without scripting.
    Table,
    /// A number of bytes is larger than the browser can be told.
    TooLarge(usize),
    /// As many as this are waiting already.
    Full(usize),
    /// Whatever the plugin says.
    Other(String),
}

impl Error {
    /// The answer for the browser.
    pub(crate) fn code(&self) -> NPError {
        match self {
            Self::Gone => NPERR_INVALID_INSTANCE_ERROR,
            Self::Unsupported(_) => NPERR_INCOMPATIBLE_VERSION_ERROR,
            Self::Browser { code, .. } if *code != NPERR_NO_ERROR => *code,
            Self::Table => NPERR_INVALID_FUNCTABLE_ERROR,
            Self::ZeroByte | Self::TooLarge(_) => NPERR_INVALID_PARAM,
            _ => NPERR_GENERIC_ERROR,
        }
    }

    /// An error of the browser, when `code` is one.
    pub(crate) fn check(function: &'static str, code: NPError) -> Result<(), Self> {
        if code == NPERR_NO_ERROR { Ok(()) } else { Err(Self::Browser { function, code }) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => write!(formatter, "the plugin's instance is gone"),
            Self::Unsupported(function) => write!(formatter, "this browser has no {function}"),
            Self::Browser { function, code } => write!(formatter, "{function} answered with error {code}"),
            Self::Script(function) => {
                write!(formatter, "{function} did not succeed: the script threw, or has no such name")
            }
            Self::ZeroByte => write!(formatter, "a text for the browser has a zero byte in it"),
            Self::Table => write!(formatter, "the browser's table of functions is missing, too short or too old"),
            Self::TooLarge(bytes) => write!(formatter, "{bytes} bytes are more than the browser can be told"),
            Self::Full(count) => write!(formatter, "{count} are waiting already"),
            Self::Other(text) => write!(formatter, "{text}"),
        }
    }
}

impl std::error::Error for Error {}
