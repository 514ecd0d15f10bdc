//! An allocator that gives memory back while the program is idle.
//!
//! A program that once needed 600 MB and now needs 3 has 3 a second later, without a call from it: pages that hold
//! nothing return to the system one by one, also when their neighbours live, and also when the thread that freed
//! them sleeps.
//!
//! # The way of a block
//!
//! A request up to 32 KiB is rounded to one of 125 size classes and gets a *slot* of a *span*, 64 KiB cut into slots
//! of one size. The record about a span lies elsewhere and has a bit for each slot, set while the slot is free. A
//! thread has some slots of each class at hand, in a *magazine*: allocating pops one, freeing pushes it, and now and
//! then a magazine is filled from the bitmaps or emptied into them. A free by another thread than the one that owns
//! the span goes into a second bitmap, atomically.
//!
//! A thread needs no lock for its heap: it only says that it is at work on it. Whoever wants the heap of a sleeping
//! thread, such as the purge, *borrows* it.
//!
//! Requests up to 4 MiB get a *run* of slices of a chunk, larger ones a mapping of their own.
//!
//! # Modules
//!
//! | module | one idea |
//! | --- | --- |
//! | `classes` | which slot size serves a request |
//! | `span` | the record about 64 KiB |
//! | `chunk` | 32 MiB of slices, their records, and the way from a pointer to its record |
//! | `cells` | where in a chunk the bitmaps of its spans lie |
//! | `arena` | which slices are free |
//! | `heap` | a thread's magazines and spans, and borrowing them |
//! | `section` | how a thread says that it is at work, at the cost of two plain stores |
//! | `window` | which magazine a freed block belongs to, by one look |
//! | `remote` | frees by other threads, without a lock |
//! | `thread`, `tls` | how a thread comes by its heap and leaves it |
//! | `large` | large blocks |
//! | `purge` | which pages go back, and when |
//! | `background` | the thread that does it |
//! | `fork` | what happens around a fork |
//! | `alloc` | the calls, with C's meaning |
//! | `global` | Rust's |
//! | `figures` | how much is live, resident, returned |
//! | [`page`] | the same for other processes to see |
//! | [`profile`] | which places in the program hold memory, by sampling |
//! | [`settings`] | the environment's say |
//! | `debug` | with the feature of that name: patterns and a quarantine |
//! | `lock`, `sys`, `report` | a lock, the system calls, and the last words on misuse |
//!
//! Locks nest in this order: purge, registry, heaps (being at work on one counts, too), orphans, arena, large. The
//! profile's is held alone.
#![cfg(target_os = "linux")]
#![cfg_attr(loom, allow(dead_code))]

#[cfg(not(loom))]
pub mod alloc;
#[cfg(not(loom))]
mod arena;
#[cfg(not(loom))]
mod background;
#[cfg(not(loom))]
mod cells;
#[cfg(not(loom))]
mod chunk;
#[cfg(not(loom))]
mod classes;
#[cfg(all(not(loom), feature = "debug"))]
mod debug;
#[cfg(not(loom))]
mod figures;
#[cfg(not(loom))]
mod fork;
#[cfg(not(loom))]
mod global;
#[cfg(not(loom))]
mod heap;
#[cfg(not(loom))]
mod interrupted;
#[cfg(not(loom))]
mod large;
#[cfg(not(loom))]
mod lock;
#[cfg(not(loom))]
pub mod page;
#[cfg(not(loom))]
pub mod profile;
#[cfg(not(loom))]
mod purge;
mod remote;
#[cfg(not(loom))]
mod report;
mod section;
#[cfg(not(loom))]
pub mod settings;
#[cfg(not(loom))]
mod span;
mod sync;
#[cfg(not(loom))]
mod sys;
#[cfg(not(loom))]
mod thread;
#[cfg(not(loom))]
mod tls;
#[cfg(not(loom))]
mod window;

#[cfg(not(loom))]
pub use figures::{Figures, figures};
#[cfg(not(loom))]
pub use global::PlanetMalloc;
#[cfg(not(loom))]
pub use purge::release;
