//! A heap profile: which places in the program hold memory, and which allocate the most, by sampling.
//!
//! It is off unless asked for, and costs the program nothing while it is off. While it is on, an allocation is sampled
//! once in some 512 KiB, at random, so that every byte has the same chance. The profile is a file in pprof's format with
//! the names of functions, source files and lines in it; `pprof`, `go tool pprof`, and whatever else reads that show it.
//!
//! A program asks for it by [`start`] and [`write()`], its user by the environment where the program calls
//! [`start_if_asked`], as `libplanet_malloc.so` does:
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `PLANET_MALLOC_PROFILE` | the file, written when the process exits; `%p` in it stands for the process id, for programs that start others | none: off |
//! | `PLANET_MALLOC_PROFILE_RATE` | how many bytes there are from one sample to the next, on average | 524288 |
//! | `PLANET_MALLOC_PROFILE_SIGNAL` | the number of a signal that has a file written too, if the program leaves that signal alone | 0: none |
//!
//! The second file that a process writes has a 2 in its name, as in `heap.2.pb.gz`, and so on.
//!
//! A program that frees what it holds before it exits, as Python does with most, has to be asked by the signal what it
//! holds while it runs. One that is killed, or becomes another program, writes nothing, and neither does one at its exit
//! of which nothing was sampled.
//!
//! Each sample has four values: the number and the bytes of all blocks that were allocated there so far, and of those
//! that are live. They are estimates of the true numbers: a sample counts for as many blocks as there were for each
//! that was sampled. What the threads of the program did before profiling began is not in it.
//!
//! A sampled block takes at least 4 KiB of memory and 64 KiB of address space, under one part in a hundred at the usual
//! rate. At most 65,536 of them are live at once and 16,384 different stacks are kept, of 64 frames each; samples beyond
//! are left out, and a comment in the profile says how many.
//!
//! ```no_run
//! # fn main() -> Result<(), planet_malloc::profile::ProfileError> {
//! use planet_malloc::profile;
//!
//! profile::start(profile::Options::default())?;
//! let kept: Vec<String> = (0..100_000).map(|n| n.to_string()).collect();
//! profile::write("heap.pb.gz")?;
//! # drop(kept); Ok(()) }
//! ```
//!
//! | module | one idea |
//! | --- | --- |
//! | `sampler` | which allocations are sampled, and how many each stands for |
//! | `recorder` | noting samples as they come and go |
//! | `table` | the samples that are live, and the stacks |
//! | `request` | the environment's say, the exit of the process, and the signal |
//! | `report` | from the table to a file |
//! | `symbols`, `modules` | what stands at an address, and in which file |
//! | `protobuf` | the encoding |

mod error;
mod modules;
mod protobuf;
mod recorder;
mod report;
mod request;
mod sampler;
mod symbols;
mod table;

pub use error::ProfileError;
pub(crate) use recorder::{Due, due, forget, is_on, note_resized};
pub use recorder::{Options, start};
pub use report::write;
pub use request::start_if_asked;
pub(crate) use sampler::Sampler;
