//! `cargo xtask bench`: measures Planet beside what it could be at best.
//!
//! - [`fanout`]: what a delivery costs, and an idle connection.
//! - [`load`]: runs `planet bench` against a server and reads its figures.
//! - [`table`]: the results for people, and for `bench/RESULTS.md`.
//! - [`thrift`]: calls a second of our server and of others.
//! - [`web`]: what a request to our file server and our cache costs.

mod fanout;
mod load;
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
        Bench::Thrift(options) => thrift::run(options),
        Bench::Web(options) => web::run(options),
    }
}
