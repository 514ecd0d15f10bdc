//! The `planet` command: command line, settings, and the wiring of the crates that do the work.
//!
//! | module | one idea |
//! | --- | --- |
//! | [`cli`] | what can be written on the command line |
//! | [`config`] | settings from flags, environment and file |
//! | [`memory`] | `planet memory`: what the programs on planet-malloc hold |
//! | [`plugin`] | `planet plugin`: native browser plugins |
//! | [`run`] | `planet run`: a program with planet-malloc under it |
//! | [`serve`] | `planet serve`: the crates put together |
//! | [`signals`] | SIGTERM and SIGINT: stop in order, and at once when asked twice |
//! | [`log`] | lines of text, or JSON |
//! | [`descriptors`] | as many file descriptors as the system allows |

pub mod cli;
pub mod config;
pub mod descriptors;
pub mod log;
pub mod memory;
pub mod plugin;
pub mod run;
pub mod serve;
pub mod signals;
