//! Texts from and to the browser.

use std::ffi::{CStr, CString, c_char};

use crate::error::Error;

/// A text for the browser.
pub(crate) fn to_c(text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::ZeroByte)
}

/// A text of the browser's, with whatever is not UTF-8 replaced; `None` for null.
///
/// # Safety
/// `text` is null or a string with a zero at its end that stays during the call.
pub(crate) unsafe fn from_c(text: *const c_char) -> Option<String> {
    // SAFETY: the caller's word.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}
