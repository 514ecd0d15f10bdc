//! Runs a command so that nothing of it is left behind.
//!
//! Each command gets a process group of its own. When it ends, fails, runs out of time or the user interrupts, what is
//! left of the group is ended, grandchildren included.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// How often a running command is looked at.
const POLL: Duration = Duration::from_millis(50);

/// How long a command that was asked to end may take before it is made to.
const GRACE: Duration = Duration::from_secs(10);

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Turns SIGINT, SIGTERM and SIGHUP into a flag that running commands are ended by.
pub(crate) fn heed_signals() {
    let flag = INTERRUPTED.get_or_init(Default::default);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        if let Err(error) = signal_hook::flag::register(signal, Arc::clone(flag)) {
            eprintln!("xtask: signal {signal} will not end what is running: {error}");
        }
    }
}

/// Whether the user has asked to stop.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// Runs `command` to its end, at most for `limit`, printing its output as it comes and showing `on_line` each line.
///
/// # Errors
/// Says why the command did not succeed: it could not start, its exit status, out of time, or interrupted.
pub(crate) fn run(
    mut command: Command,
    limit: Duration,
    on_line: impl FnMut(&str) + Send + 'static,
) -> Result<(), String> {
    let name = describe(&command);
    println!("$ {name}");
    let mut group = Group::spawn(&mut command, on_line).map_err(|error| format!("cannot start `{name}`: {error}"))?;
    // The command holds a copy of the pipe's writing end, and the output only ends once all copies are gone.
    drop(command);
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = group.try_wait().map_err(|error| format!("cannot wait for `{name}`: {error}"))? {
            return if status.success() { Ok(()) } else { Err(format!("`{name}` ended with {status}")) };
        }
        if interrupted() {
            return Err("interrupted".to_owned());
        }
        if Instant::now() >= deadline {
            return Err(format!("`{name}` was ended after {} s", limit.as_secs()));
        }
        thread::sleep(POLL);
    }
}

/// The command line, as one would type it.
fn describe(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|argument| argument.to_string_lossy().into_owned()));
    words.join(" ")
}

/// A running command and its children, ended when dropped.
pub(crate) struct Group {
    child: Child,
    id: Pid,
    reader: Option<thread::JoinHandle<()>>,
    ended: bool,
}

impl Group {
    /// Starts `command`; its two outputs are printed line by line, after `on_line` has seen each.
    ///
    /// # Errors
    /// Those of starting a process.
    pub(crate) fn spawn(command: &mut Command, mut on_line: impl FnMut(&str) + Send + 'static) -> io::Result<Self> {
        let (output, writer) = io::pipe()?;
        command.process_group(0).stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        let child = command.spawn()?;
        let id = Pid::from_child(&child);
        let reader = thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while output.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                on_line(String::from_utf8_lossy(&line).trim_end());
                // With standard output closed there is no one left to tell.
                let _ = io::stdout().write_all(&line);
                line.clear();
            }
        });
        Ok(Self { child, id, reader: Some(reader), ended: false })
    }

    /// The process that was started.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The exit status once the command has ended; what it left running is ended then.
    pub(crate) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        // Looking without reaping keeps the group's id from being given to others before the group is ended.
        let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if waitid(WaitId::Pid(self.id), peek)?.is_none() {
            return Ok(None);
        }
        self.signal(Signal::KILL);
        let status = self.child.wait()?;
        self.ended = true;
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        Ok(Some(status))
    }

    fn signal(&self, signal: Signal) {
        // An error means that the group has ended by itself.
        let _ = kill_process_group(self.id, signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.signal(Signal::TERM);
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            match self.try_wait() {
                Ok(None) => thread::sleep(POLL),
                Ok(Some(_)) => return,
                Err(_) => break,
            }
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}
