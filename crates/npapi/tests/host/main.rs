//! Plugins in a host of our own, which does what the engines at hand never do: timers, removal of properties, seekable
//! streams, printing, shutdown, short and long tables, objects freed before and after their instance.
//!
//! `cargo xtask test --only npapi-memory` runs these tests under valgrind, where every object of the host and every
//! text is a piece of memory of its own: what is used after it was freed, or never freed, is seen.

mod browser;
mod hosted;
mod life;
mod objects;
mod plugin;
mod services;
