//! One scenario on one allocator, watched from outside so that looking costs it nothing.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::bench::allocators::{Allocator, PYTHON};
use crate::{process, workspace};

/// How often resident memory is looked at.
const TICK: Duration = Duration::from_millis(50);
/// For how long after the spike: ten seconds.
const TICKS_AFTER: u32 = 200;
/// How long the spike may take, and the end.
const LIMIT: Duration = Duration::from_secs(120);

/// What is run: a function of `scenarios.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// Whether CPython's small objects come from the allocator too (`PYTHONMALLOC=malloc`).
    pub(super) small_objects: bool,
}

/// What one run came to. Memory is in bytes, time in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Run {
    pub(super) start: f64,
    pub(super) peak: f64,
    pub(super) live: f64,
    pub(super) user: f64,
    pub(super) system: f64,
    /// When, since the spike was over, how much was resident.
    pub(super) points: Vec<(f64, f64)>,
}

impl Run {
    /// What was resident so many seconds after the spike.
    pub(super) fn after(&self, seconds: f64) -> f64 {
        self.points.iter().find(|(at, _)| *at >= seconds).map_or(f64::NAN, |(_, resident)| *resident)
    }
}

/// Runs `case` to its end; tells `rests` when the spike is over.
///
/// # Errors
/// When it cannot be started or does not do what it should.
pub(super) fn run(case: Case, allocator: &Allocator, rests: &Sender<()>) -> Result<Run, String> {
    let mut program = Program::start(case, allocator)?;
    let began = Instant::now();
    let mut run = Run::default();
    let mut samples = Vec::new();
    let rest = loop {
        match program.said.recv_timeout(TICK) {
            Ok(line) if line == "start" => {
                // Before that, Python itself is still on its way.
                samples.clear();
                run.start = program.memory("VmRSS")?;
                program.go_on()?;
            }
            Ok(line) => {
                let live = line.strip_prefix("idle ").and_then(|live| live.parse().ok());
                run.live = live.ok_or_else(|| format!("said {line}"))?;
                break Instant::now();
            }
            Err(RecvTimeoutError::Timeout) => samples.push((Instant::now(), program.memory("VmRSS")?)),
            Err(RecvTimeoutError::Disconnected) => return Err("ended early".to_owned()),
        }
        if process::interrupted() {
            return Err("interrupted".to_owned());
        }
        if began.elapsed() > LIMIT {
            return Err(format!("did not come to rest within {} s", LIMIT.as_secs()));
        }
    };
    run.points = samples.iter().map(|(at, resident)| (-(rest - *at).as_secs_f64(), *resident)).collect();
    let _ = rests.send(());
    for tick in 0..=TICKS_AFTER {
        thread::sleep((rest + TICK * tick).saturating_duration_since(Instant::now()));
        if process::interrupted() {
            return Err("interrupted".to_owned());
        }
        run.points.push((rest.elapsed().as_secs_f64(), program.memory("VmRSS")?));
    }
    run.peak = program.memory("VmHWM")?;
    (run.user, run.system) = program.end()?;
    Ok(run)
}

/// A running scenario, ended when dropped.
struct Program {
    child: Child,
    said: Receiver<String>,
}

impl Program {
    fn start(case: Case, allocator: &Allocator) -> Result<Self, String> {
        let mut command = Command::new(PYTHON);
        command.arg(workspace::root().join("crates/malloc/bench/scenarios.py")).arg(case.name);
        if allocator.trim {
            command.arg("trim");
        }
        allocator.apply(&mut command);
        command.env("PYTHONMALLOC", if case.small_objects { "malloc" } else { "pymalloc" }).env("PYTHONHASHSEED", "0");
        command.env("PLANET_MALLOC_PYTHON", "0");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("cannot start {PYTHON}: {error}"))?;
        let output = child.stdout.take().map(BufReader::new);
        let (line, said) = mpsc::channel();
        thread::spawn(move || {
            for text in output.into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
                if line.send(text).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, said })
    }

    /// A figure of `/proc/PID/status`, in bytes.
    fn memory(&self, name: &str) -> Result<f64, String> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(&path).map_err(|error| format!("cannot read {path}: {error}"))?;
        kilobytes(&status, name).map(|kilobytes| kilobytes * 1024.0).ok_or_else(|| format!("{path} has no {name}"))
    }

    /// Lets it begin with its spike.
    fn go_on(&mut self) -> Result<(), String> {
        let input = self.child.stdin.as_mut().ok_or_else(|| "has no input".to_owned())?;
        input.write_all(b"\n").map_err(|error| format!("cannot be told to go on: {error}"))
    }

    /// Lets it end, and reads the user and system time that it took.
    fn end(&mut self) -> Result<(f64, f64), String> {
        drop(self.child.stdin.take());
        let line = self.said.recv_timeout(LIMIT).map_err(|_| "failed at its end".to_owned())?;
        let mut words = line.strip_prefix("end ").into_iter().flat_map(str::split_whitespace).map(str::parse);
        match (words.next(), words.next()) {
            (Some(Ok(user)), Some(Ok(system))) => Ok((user, system)),
            _ => Err(format!("said {line}")),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kilobytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_name() {
        let status = "Name:\tVmRSS\nVmHWM:\t  300 kB\nVmRSS:\t     200 kB\n";
        assert_eq!(kilobytes(status, "VmRSS"), Some(200.0));
        assert_eq!(kilobytes(status, "VmHWM"), Some(300.0));
        assert_eq!(kilobytes(status, "Vm"), None);
        assert_eq!(kilobytes(status, "Name"), None);
    }

    #[test]
    fn memory_is_that_at_the_time_or_the_next_after_it() {
        let run = Run { points: vec![(-1.0, 5.0), (0.0, 4.0), (0.98, 3.0), (1.01, 2.0)], ..Run::default() };
        assert!((run.after(0.0) - 4.0).abs() < 1e-9);
        assert!((run.after(1.0) - 2.0).abs() < 1e-9);
        assert!(run.after(2.0).is_nan());
    }
}
