//! `planet memory`: what the processes on planet-malloc hold, now and over time.
//!
//! | module | one idea |
//! | --- | --- |
//! | [`args`] | what can be written on the command line |
//! | `command` | what is done with it |
//! | `sample` | what the processes had at one moment |
//! | `source` | samples from the processes, or from a recording |
//! | `recording` | samples in a file |
//! | `pace` | when to look again, and when to stop |
//! | `history` | what came before, in bounded memory |
//! | `table`, `sparkline`, `units` | the processes in lines of text |
//! | `screen` | the table and single processes on a terminal |
//! | `plot` | how the memory of a process went, as a picture |
//! | `prometheus` | the figures for Prometheus |
//! | `progress` | a bar while it takes long |
//!
//! The processes themselves keep their figures, each in a page that [`planet_malloc::page`] reads: looking at them costs
//! them nothing.

pub mod args;
mod command;
mod error;
mod history;
mod pace;
mod plot;
mod progress;
pub(crate) mod prometheus;
mod recording;
pub(crate) mod sample;
mod screen;
mod source;
mod sparkline;
mod table;
mod units;

pub use args::MemoryArgs;
pub use command::run;
pub use error::MemoryError;
