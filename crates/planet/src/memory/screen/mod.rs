//! The table and single processes on a terminal, all of it, until it is left.
//!
//! | module | one idea |
//! | --- | --- |
//! | `show` | the terminal, keys and time |
//! | `state` | what is looked at, and what keys do to it |
//! | `overview` | the table |
//! | `process` | one process: its figures, their course, its block sizes |

mod overview;
mod process;
mod show;
mod state;

pub(crate) use show::show;
