//! The table of the browser's functions, `NPNetscapeFuncs` of `npfunctions.h`.

use std::ffi::{c_char, c_int, c_void};

use super::runtime::{NPClass, NPIdentifier, NPObject, NPString, NPVariant};
use super::types::{NPBool, NPByteRange, NPError, NPMIMEType, NPP, NPReason, NPRect, NPStream};

/// A function that the browser calls on its main thread.
pub type AsyncFunction = unsafe extern "C" fn(*mut c_void);
/// A function that the browser calls when a timer fires.
pub type TimerFunction = unsafe extern "C" fn(NPP, u32);

type Get = unsafe extern "C" fn(NPP, *mut NPObject, NPIdentifier, *mut NPVariant) -> bool;
type Has = unsafe extern "C" fn(NPP, *mut NPObject, NPIdentifier) -> bool;
type Call = unsafe extern "C" fn(NPP, *mut NPObject, *const NPVariant, u32, *mut NPVariant) -> bool;

/// What the browser does for a plugin. Copy it: the browser may free its own after `NP_Initialize`.
///
/// Each slot `name` is the function `NPN_Name` of the public documentation.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "each is the function of that name in npfunctions.h")]
pub struct NPNetscapeFuncs {
    /// Bytes that the browser has filled in.
    pub size: u16,
    /// Major version in the upper byte, which is 0; minor in the lower.
    pub version: u16,
    pub geturl: Option<unsafe extern "C" fn(NPP, *const c_char, *const c_char) -> NPError>,
    pub posturl: Option<unsafe extern "C" fn(NPP, *const c_char, *const c_char, u32, *const c_char, NPBool) -> NPError>,
    pub requestread: Option<unsafe extern "C" fn(*mut NPStream, *mut NPByteRange) -> NPError>,
    pub newstream: Option<unsafe extern "C" fn(NPP, NPMIMEType, *const c_char, *mut *mut NPStream) -> NPError>,
    pub write: Option<unsafe extern "C" fn(NPP, *mut NPStream, i32, *mut c_void) -> i32>,
    pub destroystream: Option<unsafe extern "C" fn(NPP, *mut NPStream, NPReason) -> NPError>,
    pub status: Option<unsafe extern "C" fn(NPP, *const c_char)>,
    pub uagent: Option<unsafe extern "C" fn(NPP) -> *const c_char>,
    pub memalloc: Option<unsafe extern "C" fn(u32) -> *mut c_void>,
    pub memfree: Option<unsafe extern "C" fn(*mut c_void)>,
    pub memflush: Option<unsafe extern "C" fn(u32) -> u32>,
    pub reloadplugins: Option<unsafe extern "C" fn(NPBool)>,
    pub getJavaEnv: Option<unsafe extern "C" fn() -> *mut c_void>,
    pub getJavaPeer: Option<unsafe extern "C" fn(NPP) -> *mut c_void>,
    pub geturlnotify: Option<unsafe extern "C" fn(NPP, *const c_char, *const c_char, *mut c_void) -> NPError>,
    pub posturlnotify: Option<
        unsafe extern "C" fn(NPP, *const c_char, *const c_char, u32, *const c_char, NPBool, *mut c_void) -> NPError,
    >,
    pub getvalue: Option<unsafe extern "C" fn(NPP, c_int, *mut c_void) -> NPError>,
    pub setvalue: Option<unsafe extern "C" fn(NPP, c_int, *mut c_void) -> NPError>,
    pub invalidaterect: Option<unsafe extern "C" fn(NPP, *mut NPRect)>,
    pub invalidateregion: Option<unsafe extern "C" fn(NPP, *mut c_void)>,
    pub forceredraw: Option<unsafe extern "C" fn(NPP)>,
    pub getstringidentifier: Option<unsafe extern "C" fn(*const c_char) -> NPIdentifier>,
    pub getstringidentifiers: Option<unsafe extern "C" fn(*const *const c_char, i32, *mut NPIdentifier)>,
    pub getintidentifier: Option<unsafe extern "C" fn(i32) -> NPIdentifier>,
    pub identifierisstring: Option<unsafe extern "C" fn(NPIdentifier) -> bool>,
    pub utf8fromidentifier: Option<unsafe extern "C" fn(NPIdentifier) -> *mut c_char>,
    pub intfromidentifier: Option<unsafe extern "C" fn(NPIdentifier) -> i32>,
    pub createobject: Option<unsafe extern "C" fn(NPP, *mut NPClass) -> *mut NPObject>,
    pub retainobject: Option<unsafe extern "C" fn(*mut NPObject) -> *mut NPObject>,
    pub releaseobject: Option<unsafe extern "C" fn(*mut NPObject)>,
    pub invoke:
        Option<unsafe extern "C" fn(NPP, *mut NPObject, NPIdentifier, *const NPVariant, u32, *mut NPVariant) -> bool>,
    pub invokeDefault: Option<Call>,
    pub evaluate: Option<unsafe extern "C" fn(NPP, *mut NPObject, *mut NPString, *mut NPVariant) -> bool>,
    pub getproperty: Option<Get>,
    pub setproperty: Option<unsafe extern "C" fn(NPP, *mut NPObject, NPIdentifier, *const NPVariant) -> bool>,
    pub removeproperty: Option<Has>,
    pub hasproperty: Option<Has>,
    pub hasmethod: Option<Has>,
    pub releasevariantvalue: Option<unsafe extern "C" fn(*mut NPVariant)>,
    pub setexception: Option<unsafe extern "C" fn(*mut NPObject, *const c_char)>,
    pub pushpopupsenabledstate: Option<unsafe extern "C" fn(NPP, NPBool)>,
    pub poppopupsenabledstate: Option<unsafe extern "C" fn(NPP)>,
    pub enumerate: Option<unsafe extern "C" fn(NPP, *mut NPObject, *mut *mut NPIdentifier, *mut u32) -> bool>,
    pub pluginthreadasynccall: Option<unsafe extern "C" fn(NPP, Option<AsyncFunction>, *mut c_void)>,
    pub construct: Option<Call>,
    pub getvalueforurl: Option<unsafe extern "C" fn(NPP, c_int, *const c_char, *mut *mut c_char, *mut u32) -> NPError>,
    pub setvalueforurl: Option<unsafe extern "C" fn(NPP, c_int, *const c_char, *const c_char, u32) -> NPError>,
    pub getauthenticationinfo: Option<
        unsafe extern "C" fn(
            NPP,
            *const c_char,
            *const c_char,
            i32,
            *const c_char,
            *const c_char,
            *mut *mut c_char,
            *mut u32,
            *mut *mut c_char,
            *mut u32,
        ) -> NPError,
    >,
    pub scheduletimer: Option<unsafe extern "C" fn(NPP, u32, NPBool, Option<TimerFunction>) -> u32>,
    pub unscheduletimer: Option<unsafe extern "C" fn(NPP, u32)>,
    pub popupcontextmenu: Option<unsafe extern "C" fn(NPP, *mut c_void) -> NPError>,
    pub convertpoint: Option<unsafe extern "C" fn(NPP, f64, f64, c_int, *mut f64, *mut f64, c_int) -> NPBool>,
    pub handleevent: Option<unsafe extern "C" fn(NPP, *mut c_void, NPBool) -> NPBool>,
    pub unfocusinstance: Option<unsafe extern "C" fn(NPP, c_int) -> NPBool>,
    pub urlredirectresponse: Option<unsafe extern "C" fn(NPP, *mut c_void, NPBool)>,
}
