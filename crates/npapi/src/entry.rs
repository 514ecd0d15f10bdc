//! The functions that a plugin's file exports, and the macro that makes them.
//!
//! | function | where | what a browser does with it |
//! | --- | --- | --- |
//! | `NP_GetMIMEDescription` | X11 | asks for the types, before anything else |
//! | `NP_GetValue` | X11 | asks for name and description, likewise |
//! | `NP_GetPluginVersion` | X11 | Gecko asks for the version |
//! | `NP_Initialize` | everywhere | hands over its table; on X11 it takes the plugin's as well |
//! | `NP_GetEntryPoints` | Windows, OS X | takes the plugin's table; before or after `NP_Initialize` |
//! | `NP_Shutdown` | everywhere | ends; QtWebKit never gets to it |
//!
//! Put a breakpoint on `NP_Initialize` to stop before anything else of the plugin runs. It is never inlined.

use std::any::TypeId;
use std::collections::HashMap;
use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::{Mutex, PoisonError};

use crate::abi::constants::{NPERR_GENERIC_ERROR, NPERR_NO_ERROR};
use crate::abi::types::NPError;
use crate::abi::{NPNetscapeFuncs, NPPluginFuncs};
use crate::plugin::Plugin;
use crate::{browser, calls, guard, origin, trace};

/// Makes the functions that a browser looks for in the file of a plugin.
///
/// Use it once in a crate of type `cdylib`, with the type that implements [`Plugin`].
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        /// A browser has loaded the plugin.
        ///
        /// # Safety
        /// For browsers alone.
        #[cfg(all(unix, not(target_os = "macos")))]
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub unsafe extern "system" fn NP_Initialize(
            browser: *const $crate::abi::NPNetscapeFuncs,
            plugin: *mut $crate::abi::NPPluginFuncs,
        ) -> $crate::abi::types::NPError {
            // SAFETY: the tables are the browser's.
            unsafe { $crate::entry::initialize::<$plugin>(browser, Some(plugin)) }
        }

        /// A browser has loaded the plugin.
        ///
        /// # Safety
        /// For browsers alone.
        #[cfg(any(windows, target_os = "macos"))]
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub unsafe extern "system" fn NP_Initialize(
            browser: *const $crate::abi::NPNetscapeFuncs,
        ) -> $crate::abi::types::NPError {
            // SAFETY: the table is the browser's.
            unsafe { $crate::entry::initialize::<$plugin>(browser, None) }
        }

        /// A browser asks for the plugin's table.
        ///
        /// # Safety
        /// For browsers alone.
        #[cfg(any(windows, target_os = "macos"))]
        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn NP_GetEntryPoints(
            plugin: *mut $crate::abi::NPPluginFuncs,
        ) -> $crate::abi::types::NPError {
            // SAFETY: the table is the browser's.
            unsafe { $crate::entry::entry_points::<$plugin>(plugin) }
        }

        /// A browser unloads the plugin.
        #[unsafe(no_mangle)]
        pub extern "system" fn NP_Shutdown() -> $crate::abi::types::NPError {
            $crate::entry::shutdown::<$plugin>()
        }

        /// A browser asks for the plugin's types.
        #[unsafe(no_mangle)]
        pub extern "system" fn NP_GetMIMEDescription() -> *const ::std::ffi::c_char {
            $crate::entry::mime_description::<$plugin>()
        }

        /// A browser asks for the plugin's version; Gecko prefers the highest of several plugins.
        #[cfg(all(unix, not(target_os = "macos")))]
        #[unsafe(no_mangle)]
        pub extern "system" fn NP_GetPluginVersion() -> *const ::std::ffi::c_char {
            $crate::entry::version::<$plugin>()
        }

        /// A browser asks for the plugin's name or description.
        ///
        /// # Safety
        /// For browsers alone.
        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn NP_GetValue(
            _: *mut ::std::ffi::c_void,
            variable: ::std::ffi::c_int,
            value: *mut ::std::ffi::c_void,
        ) -> $crate::abi::types::NPError {
            // SAFETY: the place is the browser's, of the variable's type.
            unsafe { $crate::entry::value::<$plugin>(variable, value) }
        }
    };
}

/// `NP_Initialize`
///
/// # Safety
/// Both tables are null or as long as their `size` says.
pub unsafe fn initialize<P: Plugin>(browser: *const NPNetscapeFuncs, plugin: Option<*mut NPPluginFuncs>) -> NPError {
    guard::incoming("NP_Initialize", format_args!("{browser:p}"), NPERR_GENERIC_ERROR, || {
        let path = origin::path().unwrap_or_default();
        trace::note(format_args!("from {}, build {:?}", path.display(), origin::build_id()));
        // SAFETY: the caller's word.
        let adopted = unsafe { browser::adopt(browser) };
        if let Ok(table) = browser::table() {
            trace::note(format_args!("the browser's table has {} bytes, version {}", table.size, table.version));
        }
        if let Err(error) = adopted.and_then(|()| P::initialize()) {
            trace::alarm(format_args!("NP_Initialize: {error}"));
            return error.code();
        }
        // SAFETY: the caller's word.
        plugin.map_or(NPERR_NO_ERROR, |table| unsafe { calls::fill::<P>(table) })
    })
}

/// `NP_GetEntryPoints`
///
/// # Safety
/// The table is null or as long as its `size` says.
pub unsafe fn entry_points<P: Plugin>(plugin: *mut NPPluginFuncs) -> NPError {
    guard::incoming("NP_GetEntryPoints", format_args!("{plugin:p}"), NPERR_GENERIC_ERROR, || {
        // SAFETY: the caller's word.
        unsafe { calls::fill::<P>(plugin) }
    })
}

/// `NP_Shutdown`
pub fn shutdown<P: Plugin>() -> NPError {
    guard::incoming("NP_Shutdown", format_args!(""), NPERR_GENERIC_ERROR, || {
        P::shutdown();
        NPERR_NO_ERROR
    })
}

/// `NP_GetMIMEDescription`
pub fn mime_description<P: Plugin>() -> *const c_char {
    let text = &texts::<P>().mime;
    trace::incoming(format_args!("NP_GetMIMEDescription() = {text:?}"));
    text.as_ptr()
}

/// `NP_GetPluginVersion`
pub fn version<P: Plugin>() -> *const c_char {
    texts::<P>().version.as_ptr()
}

/// `NP_GetValue`, which has no instance.
///
/// # Safety
/// `value` is null or a place of the variable's type.
pub unsafe fn value<P: Plugin>(variable: c_int, value: *mut c_void) -> NPError {
    // SAFETY: the caller's word.
    let code = unsafe { calls::get_value::<P>(std::ptr::null_mut(), variable, value) };
    trace::incoming(format_args!("NP_GetValue({variable}) = {code}"));
    code
}

/// What a plugin says of itself, for C.
pub(crate) struct Texts {
    pub(crate) name: CString,
    pub(crate) description: CString,
    pub(crate) version: CString,
    pub(crate) mime: CString,
}

/// The texts of a plugin, made once; the browser may keep what it was given.
pub(crate) fn texts<P: Plugin>() -> &'static Texts {
    static ALL: Mutex<Option<HashMap<TypeId, &'static Texts>>> = Mutex::new(None);
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    all.get_or_insert_default().entry(TypeId::of::<P>()).or_insert_with(|| {
        // What follows a zero byte no browser would see.
        let text = |text: &str| CString::new(text.split('\0').next().unwrap_or_default()).unwrap_or_default();
        Box::leak(Box::new(Texts {
            name: text(P::INFO.name),
            description: text(P::INFO.description),
            version: text(P::INFO.version),
            mime: text(&P::INFO.mime_description()),
        }))
    })
}
