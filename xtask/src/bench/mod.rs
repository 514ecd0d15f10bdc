//! `cargo xtask bench`: measures Planet beside what it could be at best.
//!
//! - [`allocators`]: those that our own is compared with, and how a program runs on each.
//! - [`fanout`]: what a delivery costs, and an idle connection.
//! - [`goals`]: what was aimed at, and whether it was reached.
//! - [`load`]: runs `planet bench` against a server and reads its figures.
//! - [`malloc`]: how fast programs are on our allocator and on others.
//! - [`memory`]: how much memory stays after a spike, on our allocator and on others.
//! - [`table`]: the results for people, and for `bench/RESULTS.md`.
//! - [`thrift`]: calls a second of our server and of others.
//! - [`web`]: what a request to our file server and our cache costs.

mod allocators;
mod fanout;
mod goals;
mod load;
mod malloc;
mod memory;
mod table;
mod thrift;
mod web;

use clap::{Args, Subcommand};

#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// CPU per delivery beside a program that only writes, and memory per idle connection.
    Fanout(fanout::Options),
    /// How fast programs are on our allocator, beside other allocators.
    Malloc(malloc::Options),
    /// How much memory stays after a spike with our allocator, beside other allocators.
    Memory(memory::Options),
    /// Thrift calls a second, beside the Apache crate's own server and Python's.
    Thrift(thrift::Options),
    /// Our file server and our cache beside nginx and Varnish.
    Web(web::Options),
}

/// Runs the bench that was asked for; the answer says whether nothing was lost.
///
/// # Errors
/// When something cannot be built, started or measured.
pub(crate) fn run(options: &Options) -> Result<bool, String> {
    match &options.bench {
        Bench::Fanout(options) => fanout::run(options),
        Bench::Malloc(options) => malloc::run(options),
        Bench::Memory(options) => memory::run(options),
        Bench::Thrift(options) => thrift::run(options),
        Bench::Web(options) => web::run(options),
    }
}
