//! The C ABI of NPAPI, under its public names: what a browser and a plugin hand to each other.
//!
//! Nothing here is safe to use by itself; [`crate::Plugin`] and [`crate::Scriptable`] are. The layouts are those of the
//! public headers `npapi.h`, `npfunctions.h` and `npruntime.h`, version 0.27, and `tests/layout.rs` compares them with
//! values that a C compiler took from an engine's own copy of these headers.
//!
//! Functions in tables are `extern "C"`, exported entry points `extern "system"`; the two differ on 32-bit Windows.
//! Every slot of a table is an `Option`, since engines leave some of them null.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`types`] | instances, windows, streams, printing |
//! | [`runtime`] | script objects and their values |
//! | [`browser`] | the table of the browser's functions |
//! | [`plugin`] | the table of the plugin's functions |
//! | [`constants`] | errors, reasons, variables |
//! | [`x11`], [`windows`], [`cocoa`] | events of each platform |

#![allow(non_camel_case_types, non_snake_case, reason = "the names are those of the C headers")]

pub mod browser;
pub mod cocoa;
pub mod constants;
pub mod plugin;
pub mod runtime;
pub mod types;
pub mod windows;
pub mod x11;

pub use browser::NPNetscapeFuncs;
pub use plugin::NPPluginFuncs;
pub use runtime::{NPClass, NPIdentifier, NPObject, NPString, NPVariant};
pub use types::{NPP, NPP_t, NPStream, NPWindow};
