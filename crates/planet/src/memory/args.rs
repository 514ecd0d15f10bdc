//! What can be written after `planet memory`.

use std::path::PathBuf;

use clap::Args;

use super::pace::INTERVALS;
use crate::config::units::Period;

const EXAMPLES: &str = "\
Examples:
  planet memory
      All processes on planet-malloc, again every second. Enter looks at one of them, q quits.
  planet memory 4711
      One process: live, resident and returned over time, and its block sizes.
  planet memory --once --json | jq '.processes[] | {pid, resident}'
      The figures of this moment for a script.
  planet memory --prometheus > /var/lib/node_exporter/memory.prom
      The same for Prometheus, by way of its node exporter's text files.
  planet memory 4711 --png memory.png --for 5m
      Watch for five minutes, then draw what was seen.
  planet memory --record night.jsonl --for 8h
      Record; then play it, or draw a process of it:
  planet memory --replay night.jsonl --interval 50ms
  planet memory 4711 --replay night.jsonl --png night.png

When standard output is no terminal, there is one table as with --once. With --json there is one line for each look, an
object with the time in milliseconds since 1970 and the processes; sizes are in bytes. A recording has the same lines
below a first line that says what it is: about 10 MB an hour for each process at one look a second. It ends at --for, at
Ctrl-C, or at 1 GB.

Exit codes: 0 when all went well, also when the process that was looked at has ended; 1 when something could not be
read, written or shown, as a damaged recording; 2 for a wrong command line, or when there is no such process.";

/// `planet memory`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct MemoryArgs {
    /// Only this process
    #[arg(value_name = "PID")]
    pub pid: Option<u32>,
    /// Time between two looks, from 50ms to 1h; of a recording on a terminal, time between two of its samples
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = interval)]
    pub interval: Period,
    /// One look, then exit
    #[arg(long)]
    pub once: bool,
    /// One JSON object for each look
    #[arg(long, group = "output")]
    pub json: bool,
    /// One look in the text format of Prometheus
    #[arg(long, group = "output", conflicts_with = "replay")]
    pub prometheus: bool,
    /// Watch one process for a while, then draw how its memory went
    #[arg(long, value_name = "FILE", group = "output", conflicts_with = "once")]
    pub png: Option<PathBuf>,
    /// Write every look to a file
    #[arg(long, value_name = "FILE", group = "output", conflicts_with_all = ["replay", "once"])]
    pub record: Option<PathBuf>,
    /// Take the figures from a recording
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
    /// When to stop, as in 90s or 8h [default: 1m for --png, never otherwise]
    #[arg(long = "for", value_name = "DURATION", conflicts_with_all = ["once", "replay"])]
    pub for_: Option<Period>,
}

fn interval(text: &str) -> Result<Period, String> {
    let interval: Period = text.parse()?;
    if INTERVALS.contains(&interval.duration()) { Ok(interval) } else { Err("it may be from 50ms to 1h".to_owned()) }
}
