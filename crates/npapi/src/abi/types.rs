//! Instances, windows, streams and printing, of `npapi.h`.

use std::ffi::{c_char, c_int, c_void};

/// `NPBool`: zero or not.
pub type NPBool = u8;
/// `NPError`; the values are in [`super::constants`].
pub type NPError = i16;
/// `NPReason`: why a stream or a request ended; the values are in [`super::constants`].
pub type NPReason = i16;
/// `NPMIMEType`: a string that the browser owns.
pub type NPMIMEType = *mut c_char;
/// An instance of a plugin; the browser owns it, from `NPP_New` to `NPP_Destroy`.
pub type NPP = *mut NPP_t;

/// What [`NPP`] points to.
#[repr(C)]
#[derive(Debug)]
pub struct NPP_t {
    /// For the plugin.
    pub pdata: *mut c_void,
    /// For the browser.
    pub ndata: *mut c_void,
}

/// A stream of data to the plugin, or from it.
#[repr(C)]
#[derive(Debug)]
pub struct NPStream {
    /// For the plugin.
    pub pdata: *mut c_void,
    /// For the browser.
    pub ndata: *mut c_void,
    /// Where the data come from.
    pub url: *const c_char,
    /// Length in bytes, 0 when it is not known.
    pub end: u32,
    /// Seconds since 1970, 0 when it is not known.
    pub lastmodified: u32,
    /// What the request was made with, null when it was not made with a notification.
    pub notifyData: *mut c_void,
    /// HTTP response headers; from version 0.17 on.
    pub headers: *const c_char,
}

/// A part of a seekable stream, in a linked list.
#[repr(C)]
#[derive(Debug)]
pub struct NPByteRange {
    /// From the start; when negative, from the end.
    pub offset: i32,
    /// In bytes.
    pub length: u32,
    /// The next part, or null.
    pub next: *mut NPByteRange,
}

/// What an instance leaves for the next one at the same address of a page.
#[repr(C)]
#[derive(Debug)]
pub struct NPSavedData {
    /// In bytes.
    pub len: i32,
    /// Allocated with `NPN_MemAlloc`.
    pub buf: *mut c_void,
}

/// A rectangle, in pixels.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NPRect {
    /// First row.
    pub top: u16,
    /// First column.
    pub left: u16,
    /// One past the last row.
    pub bottom: u16,
    /// One past the last column.
    pub right: u16,
}

/// Where an instance is shown.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NPWindow {
    /// A window's handle; the device context of a windowless instance on Windows.
    pub window: *mut c_void,
    /// Of the left edge.
    pub x: i32,
    /// Of the upper edge.
    pub y: i32,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// The part that is seen.
    pub clipRect: NPRect,
    /// [`super::x11::NPSetWindowCallbackStruct`] on X11.
    #[cfg(unix)]
    pub ws_info: *mut c_void,
    /// [`super::constants::NPWindowTypeWindow`] or [`super::constants::NPWindowTypeDrawable`].
    pub r#type: c_int,
}

/// Printing a whole page by the plugin.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NPFullPrint {
    /// Set by the plugin when it has printed.
    pub pluginPrinted: NPBool,
    /// Whether to print without asking the user.
    pub printOne: NPBool,
    /// The platform's print data.
    pub platformPrint: *mut c_void,
}

/// Printing a plugin within its page.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NPEmbedPrint {
    /// Where on the paper.
    pub window: NPWindow,
    /// The platform's print data.
    pub platformPrint: *mut c_void,
}

/// What is to be printed.
#[repr(C)]
#[derive(Clone, Copy)]
pub union NPPrintUnion {
    /// For mode [`super::constants::NP_FULL`].
    pub fullPrint: NPFullPrint,
    /// For mode [`super::constants::NP_EMBED`].
    pub embedPrint: NPEmbedPrint,
}

/// The argument of `NPP_Print`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct NPPrint {
    /// [`super::constants::NP_FULL`] or [`super::constants::NP_EMBED`].
    pub mode: u16,
    /// By mode.
    pub print: NPPrintUnion,
}
