//! The programs that are measured: small ones in which allocating is most of the work, and real ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::cpu;
use crate::bench::allocators::{Allocator, Missing};
use crate::{process, workspace};

const COMPILE: Duration = Duration::from_secs(120);
/// How long Redis may take to answer.
const START: Duration = Duration::from_secs(20);

/// Where the sources are, from the repository root, at which all commands run.
const SOURCES: &str = "crates/malloc/bench";

/// Something that runs on an allocator and takes CPU time.
pub(super) struct Program {
    pub(super) name: String,
    kind: Kind,
}

enum Kind {
    /// A command that does it all; only its CPU time counts.
    Command { program: PathBuf, arguments: Vec<String> },
    /// redis-server under redis-benchmark: the server's CPU time counts.
    Redis(PathBuf),
}

/// Notes what the programs need.
pub(super) fn need(missing: &mut Missing) {
    for (program, package) in [
        ("/usr/bin/g++", "g++"),
        ("/usr/bin/lua5.4", "lua5.4"),
        ("/usr/bin/sqlite3", "sqlite3"),
        ("/usr/bin/redis-server", "redis-server"),
        ("/usr/bin/redis-benchmark", "redis-tools"),
    ] {
        missing.unless(Some(program), package);
    }
}

/// Compiles what has to be compiled into `folder` and lists all programs.
///
/// # Errors
/// When one does not compile.
pub(super) fn all(folder: &Path) -> Result<Vec<Program>, String> {
    let (speed, words) = (folder.join("speed"), folder.join("words"));
    compile("cc", &["-O2", "-pthread"], "speed.c", &speed)?;
    compile("g++", &["-std=c++17", "-O2"], "words.cpp", &words)?;
    let names = Command::new(&speed).output().map_err(|error| format!("cannot start {}: {error}", speed.display()))?;
    let names = String::from_utf8_lossy(&names.stdout).into_owned();
    let small = names.lines().map(|name| Program::command(name, &speed, &[name]));
    let source = |name: &str| format!("{SOURCES}/{name}");
    let real = [
        Program::command("words", words, &[]),
        Program::command("g++", "g++", &["-std=c++17", "-fsyntax-only", &source("words.cpp")]),
        Program::command("lua", "lua5.4", &[&source("garbage.lua")]),
        Program::command("sqlite", "sqlite3", &[":memory:", &format!(".read {}", source("rows.sql"))]),
        Program { name: "redis".to_owned(), kind: Kind::Redis(folder.join("redis")) },
    ];
    Ok(small.chain(real).collect())
}

fn compile(compiler: &str, flags: &[&str], source: &str, program: &Path) -> Result<(), String> {
    let mut command = workspace::program(compiler);
    command.args(flags).arg(format!("{SOURCES}/{source}")).arg("-o").arg(program);
    process::run(command, COMPILE, |_| {})
}

impl Program {
    fn command(name: &str, program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { name: name.to_owned(), kind: Kind::Command { program: program.into(), arguments } }
    }

    /// Runs it once; the seconds of CPU time it took.
    ///
    /// # Errors
    /// When it does not start or does not succeed.
    pub(super) fn seconds(&self, allocator: &Allocator) -> Result<f64, String> {
        match &self.kind {
            Kind::Command { program, arguments } => {
                let mut command = workspace::program(program);
                command.args(arguments);
                allocator.apply(&mut command);
                seconds(command, allocator)
            }
            Kind::Redis(folder) => redis(folder, allocator),
        }
    }
}

/// Runs a command to its end; the seconds of CPU time that it took with all that it started.
pub(super) fn seconds(mut command: Command, allocator: &Allocator) -> Result<f64, String> {
    let before = cpu::of_children();
    let output = command.stdin(Stdio::null()).output();
    let name = command.get_program().display();
    let output = output.map_err(|error| format!("cannot start {name}: {error}"))?;
    succeeded(output.status, &name.to_string(), allocator, &output.stderr)?;
    Ok((cpu::of_children() - before).as_secs_f64())
}

fn succeeded(status: ExitStatus, name: &str, allocator: &Allocator, errors: &[u8]) -> Result<(), String> {
    if process::interrupted() {
        return Err("interrupted".to_owned());
    }
    if status.success() {
        return Ok(());
    }
    Err(format!("{name} on {} ended with {status}: {}", allocator.name, String::from_utf8_lossy(errors).trim()))
}

fn redis(folder: &Path, allocator: &Allocator) -> Result<f64, String> {
    fs::create_dir_all(folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    let socket = folder.join("socket");
    // What an earlier run may have left would look like a server that answers.
    let _ = fs::remove_file(&socket);
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--save", "", "--appendonly", "no", "--dir"]).arg(folder);
    command.arg("--unixsocket").arg(&socket).stdin(Stdio::null()).stdout(Stdio::null());
    allocator.apply(&mut command);
    let before = cpu::of_children();
    let mut server = Server(command.spawn().map_err(|error| format!("cannot start redis-server: {error}"))?);
    let deadline = Instant::now() + START;
    while !socket.exists() {
        if Instant::now() > deadline {
            return Err(format!("redis-server on {} does not answer", allocator.name));
        }
        thread::sleep(Duration::from_millis(10));
    }
    let mut load = Command::new("redis-benchmark");
    load.arg("-s").arg(&socket).args(["-n", "100000", "-c", "20", "-P", "16", "-r", "50000", "-d", "200", "-q", "-t"]);
    load.arg("set,get,lpush,lpop,sadd,hset,zadd");
    let of_load = seconds(load, allocator)?;
    let mut shutdown = Command::new("redis-cli");
    shutdown.arg("-s").arg(&socket).args(["shutdown", "nosave"]);
    let of_shutdown = seconds(shutdown, allocator)?;
    let status = server.0.wait().map_err(|error| format!("cannot wait for redis-server: {error}"))?;
    succeeded(status, "redis-server", allocator, &[])?;
    Ok((cpu::of_children() - before).as_secs_f64() - of_load - of_shutdown)
}

/// A server that is ended when dropped.
struct Server(std::process::Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
