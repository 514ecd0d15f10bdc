//! The `planet` command as a process.

#![allow(dead_code)] // Every test binary uses a part of it.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

pub(crate) fn planet(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_planet"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PLANET_") {
            command.env_remove(name);
        }
    }
    command.args(arguments);
    command
}

/// A server that is ended with the test, whatever comes.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) address: String,
    pub(crate) scheme: String,
    _data: tempfile::TempDir,
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = planet(&["serve", "--listen", "127.0.0.1:0", "--events", "off", "--thrift", "off", "--data"]);
        let mut child =
            command.arg(data.path()).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("Planet is at ").unwrap_or_else(|| panic!("{line:?}"));
        let (scheme, address) = url.split_once("://").unwrap();
        Self { child, scheme: scheme.to_owned(), address: address.to_owned(), _data: data }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The exit code, and what was logged.
    pub(crate) fn wait(&mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only when the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
