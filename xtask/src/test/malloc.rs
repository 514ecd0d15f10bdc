//! The steps for the allocator under programs that know nothing of it.
//!
//! - `malloc` runs what takes a few minutes.
//! - `malloc-all`, on demand, runs that and all of CPython's own tests, servers, compilers and browsers.

use super::needs::Need;
use super::steps::{Context, Step};
use crate::workspace;

/// Not in the everyday run: it takes an hour, and half a gigabyte of packages.
pub(crate) const ALL: Step = Step {
    name: "malloc-all",
    about: "all of CPython's tests, servers, compilers and browsers on the allocator",
    needs: &[Need::Programs, Need::MorePrograms, Need::Chromium],
    limit: std::time::Duration::from_secs(4 * 3600),
    run: all,
};

pub(crate) fn everyday(context: &Context) -> Result<(), String> {
    let mut command = workspace::cargo();
    command.args(["build", "--release", "--package", "planet-malloc-preload"]);
    context.run(command)?;
    tests(context, "malloc/everyday")
}

fn all(context: &Context) -> Result<(), String> {
    let everyday = everyday(context);
    let whole = tests(context, "malloc/whole");
    everyday.and(whole)
}

/// By the system's Python, which is also what is tested.
fn tests(context: &Context, folder: &str) -> Result<(), String> {
    let mut command = workspace::program("/usr/bin/python3");
    command.current_dir(workspace::root().join("tests"));
    command.args(["-m", "unittest", "discover", "--verbose", "--top-level-directory", ".", "--start-directory"]);
    command.arg(folder).env("TESTED_MALLOC", workspace::target().join("release/libplanet_malloc.so"));
    context.run(command)
}
