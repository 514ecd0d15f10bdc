//! Starts plugin projects, and ends the guessing about plugin files: which one a browser will load, and why.
//!
//! The command line is `planet plugin …`; here is what it does. This is a crate of its own so that a plugin, which is
//! linked with `planet-npapi` alone, gets nothing of it.
//!
//! | module | one idea |
//! | --- | --- |
//! | [`project`] | a new plugin project, and its `build` |
//! | [`mod@file`] | what a plugin file is: format, architecture, exports, types |
//! | [`version`], [`bundle`] | what Windows and OS X read of a plugin without running it |
//! | [`probe`] | what X11 engines ask a plugin, in a process of its own |
//! | [`check`] | what an engine would refuse |
//! | [`engine`] | where each engine looks, and which file wins |
//! | [`install`] | into the user's own plugin folder, and out of it |
//! | [`page`], [`debug`], [`viewer`] | test page, debugger, QtWebKit |

pub mod bundle;
pub mod check;
pub mod debug;
pub mod engine;
mod error;
pub mod file;
pub mod install;
pub mod page;
pub mod probe;
pub mod project;
pub mod version;
pub mod viewer;

pub use error::Error;
