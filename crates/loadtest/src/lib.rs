//! A load generator for Planet, and the command `planet bench`.
//!
//! It connects many clients over one transport, subscribes them, publishes at a steady rate, waits until every
//! subscriber has everything, and says what was lost, how late it came, and what it cost the server.
//!
//! # The map
//!
//! | question | module |
//! | --- | --- |
//! | what can be asked for | [`BenchArgs`], [`Transport`] |
//! | in which order things happen | `bench` |
//! | how a client of each transport connects and reads | `client` |
//! | what a client checks: each message once, in order | `subscriber`, `payload` |
//! | how messages are published | `publisher` |
//! | what a process has used of CPU and memory | `process` |
//! | what comes out | [`Report`] |
//!
//! # How the figures are made
//!
//! - **Lost** is what a subscriber should have got and did not get before the drain timeout; **repeated** and
//!   **out of order** come from sequence numbers in the messages and from the channel's offsets.
//! - **Latency** runs from just before a message is handed to the publisher's socket until a subscriber has read it,
//!   by one clock, since publisher and subscribers are one process. Load generator and server share the machine's
//!   CPUs when they run on one machine, and then latency includes waiting for those.
//! - **CPU per delivery** is the run time of all threads of the server's process from just before the first
//!   message until the last subscriber has the last one, less what the process uses while idle, divided by deliveries.
//!   The cost of taking in the messages is part of it.
//! - **Bytes per connection** is the growth of the server's resident memory from before the first client connects until
//!   all have been connected for the settling time, divided by their number. The kernel's socket buffers are not in it.

mod bench;
mod client;
mod context;
mod descriptors;
mod error;
mod options;
mod payload;
mod process;
mod progress;
mod protocol;
mod publisher;
mod report;
mod subscriber;
mod tally;
mod target;

pub use bench::run;
pub use error::BenchError;
pub use options::{BenchArgs, Transport};
pub use report::{CpuUse, Latency, MemoryUse, Report};
