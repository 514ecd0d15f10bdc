//! The table of the plugin's functions, `NPPluginFuncs` of `npfunctions.h`.

use std::ffi::{c_char, c_int, c_void};

use super::types::{NPBool, NPError, NPMIMEType, NPP, NPPrint, NPReason, NPSavedData, NPStream, NPWindow};

/// What a plugin does for the browser. The browser says in `size` how much room there is.
///
/// Each slot `name` is the function `NPP_Name` of the public documentation.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "each is the function of that name in npfunctions.h")]
pub struct NPPluginFuncs {
    /// Bytes that there is room for.
    pub size: u16,
    /// The version of NPAPI that the plugin was written for.
    pub version: u16,
    pub newp: Option<
        unsafe extern "C" fn(
            NPMIMEType,
            NPP,
            u16,
            i16,
            *mut *mut c_char,
            *mut *mut c_char,
            *mut NPSavedData,
        ) -> NPError,
    >,
    pub destroy: Option<unsafe extern "C" fn(NPP, *mut *mut NPSavedData) -> NPError>,
    pub setwindow: Option<unsafe extern "C" fn(NPP, *mut NPWindow) -> NPError>,
    pub newstream: Option<unsafe extern "C" fn(NPP, NPMIMEType, *mut NPStream, NPBool, *mut u16) -> NPError>,
    pub destroystream: Option<unsafe extern "C" fn(NPP, *mut NPStream, NPReason) -> NPError>,
    pub asfile: Option<unsafe extern "C" fn(NPP, *mut NPStream, *const c_char)>,
    pub writeready: Option<unsafe extern "C" fn(NPP, *mut NPStream) -> i32>,
    pub write: Option<unsafe extern "C" fn(NPP, *mut NPStream, i32, i32, *mut c_void) -> i32>,
    pub print: Option<unsafe extern "C" fn(NPP, *mut NPPrint)>,
    pub event: Option<unsafe extern "C" fn(NPP, *mut c_void) -> i16>,
    pub urlnotify: Option<unsafe extern "C" fn(NPP, *const c_char, NPReason, *mut c_void)>,
    /// Null.
    pub javaClass: *mut c_void,
    pub getvalue: Option<unsafe extern "C" fn(NPP, c_int, *mut c_void) -> NPError>,
    pub setvalue: Option<unsafe extern "C" fn(NPP, c_int, *mut c_void) -> NPError>,
    pub gotfocus: Option<unsafe extern "C" fn(NPP, c_int) -> NPBool>,
    pub lostfocus: Option<unsafe extern "C" fn(NPP)>,
    pub urlredirectnotify: Option<unsafe extern "C" fn(NPP, *const c_char, i32, *mut c_void)>,
    pub clearsitedata: Option<unsafe extern "C" fn(*const c_char, u64, u64) -> NPError>,
    pub getsiteswithdata: Option<unsafe extern "C" fn() -> *mut *mut c_char>,
}
