//! Errors, reasons and variables, of `npapi.h`.

use std::ffi::c_int;

use super::types::{NPError, NPReason};

// Errors that a plugin and a browser answer with.

/// All is well.
pub const NPERR_NO_ERROR: NPError = 0;
/// Something went wrong.
pub const NPERR_GENERIC_ERROR: NPError = 1;
/// The instance is not one.
pub const NPERR_INVALID_INSTANCE_ERROR: NPError = 2;
/// A table is missing or too short.
pub const NPERR_INVALID_FUNCTABLE_ERROR: NPError = 3;
/// The plugin could not be loaded.
pub const NPERR_MODULE_LOAD_FAILED_ERROR: NPError = 4;
/// There is no memory.
pub const NPERR_OUT_OF_MEMORY_ERROR: NPError = 5;
/// The plugin is not one.
pub const NPERR_INVALID_PLUGIN_ERROR: NPError = 6;
/// The plugin's folder is wrong.
pub const NPERR_INVALID_PLUGIN_DIR_ERROR: NPError = 7;
/// The versions do not fit.
pub const NPERR_INCOMPATIBLE_VERSION_ERROR: NPError = 8;
/// An argument is wrong.
pub const NPERR_INVALID_PARAM: NPError = 9;
/// An address is wrong.
pub const NPERR_INVALID_URL: NPError = 10;
/// A file is not there.
pub const NPERR_FILE_NOT_FOUND: NPError = 11;
/// There is nothing to read.
pub const NPERR_NO_DATA: NPError = 12;
/// The stream cannot be read out of order.
pub const NPERR_STREAM_NOT_SEEKABLE: NPError = 13;

// Why a stream or a request ended.

/// It is complete.
pub const NPRES_DONE: NPReason = 0;
/// The network failed, or the disk.
pub const NPRES_NETWORK_ERR: NPReason = 1;
/// It was stopped.
pub const NPRES_USER_BREAK: NPReason = 2;

// What the browser asks of a plugin.

/// `char*`: the name.
pub const NPPVpluginNameString: c_int = 1;
/// `char*`: the description.
pub const NPPVpluginDescriptionString: c_int = 2;
/// Whether it wants a window of its own; set with `NPN_SetValue`.
pub const NPPVpluginWindowBool: c_int = 3;
/// Whether the page shows through; set with `NPN_SetValue`.
pub const NPPVpluginTransparentBool: c_int = 4;
/// Whether a windowed plugin speaks XEmbed.
pub const NPPVpluginNeedsXEmbed: c_int = 14;
/// `NPObject*`: what JavaScript sees of the instance.
pub const NPPVpluginScriptableNPObject: c_int = 15;
/// `char*`: the value that a form sends.
pub const NPPVformValue: c_int = 16;
/// OS X: the drawing model, set with `NPN_SetValue`.
pub const NPPVpluginDrawingModel: c_int = 1000;
/// OS X: the event model, set with `NPN_SetValue`.
pub const NPPVpluginEventModel: c_int = 1001;

// What a plugin asks of the browser.

/// `Display*`
pub const NPNVxDisplay: c_int = 1;
/// Whether scripts run.
pub const NPNVjavascriptEnabledBool: c_int = 4;
/// Whether the browser is offline.
pub const NPNVisOfflineBool: c_int = 6;
/// Whether the browser speaks XEmbed.
pub const NPNVSupportsXEmbedBool: c_int = 14;
/// The page's `window`, retained.
pub const NPNVWindowNPObject: c_int = 15;
/// The element of the instance, retained.
pub const NPNVPluginElementNPObject: c_int = 16;
/// Whether an instance can be painted into the page.
pub const NPNVSupportsWindowless: c_int = 17;
/// Whether nothing is to be kept.
pub const NPNVprivateModeBool: c_int = 18;
/// OS X.
pub const NPNVsupportsCoreGraphicsBool: c_int = 2001;
/// OS X.
pub const NPNVsupportsCocoaBool: c_int = 3001;

// What is known of an address.

/// Its cookies.
pub const NPNURLVCookie: c_int = 501;
/// The proxy for it.
pub const NPNURLVProxy: c_int = 502;

// Kinds of windows.

/// A window of its own.
pub const NPWindowTypeWindow: c_int = 1;
/// A part of the page.
pub const NPWindowTypeDrawable: c_int = 2;

// How an instance is shown.

/// Within a page.
pub const NP_EMBED: u16 = 1;
/// As the whole page.
pub const NP_FULL: u16 = 2;

// How a stream is delivered.

/// As it comes.
pub const NP_NORMAL: u16 = 1;
/// In the parts that are asked for.
pub const NP_SEEK: u16 = 2;
/// As it comes, and as a file at the end.
pub const NP_ASFILE: u16 = 3;
/// As a file at the end.
pub const NP_ASFILEONLY: u16 = 4;

// Drawing and event models of OS X.

/// Core Graphics.
pub const NPDrawingModelCoreGraphics: c_int = 1;
/// Cocoa.
pub const NPEventModelCocoa: c_int = 1;

// Minor versions.

/// What this crate is written for.
pub const NP_VERSION_MINOR: u16 = 27;
/// From here on a stream has headers.
pub const NPVERS_HAS_RESPONSE_HEADERS: u16 = 17;
