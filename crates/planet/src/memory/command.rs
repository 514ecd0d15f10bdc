//! What `planet memory` does.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use super::history::{Course, History};
use super::pace::Pace;
use super::progress::Progress;
use super::recording::Recorder;
use super::sample::Sample;
use super::source::Source;
use super::{MemoryArgs, MemoryError, plot, prometheus, screen, table, units};

/// How long a process is watched for a picture, unless said otherwise.
const WATCHED: Duration = Duration::from_secs(60);

/// Shows, draws or records.
///
/// # Errors
/// See [`MemoryError`].
pub fn run(args: &MemoryArgs) -> Result<(), MemoryError> {
    let limit = args.for_.map(|limit| limit.duration());
    let pace = |limit| Pace::new(args.interval.duration(), limit);
    let source = Source::open(args.replay.as_deref(), args.pid)?;
    if let Some(path) = &args.png {
        let limit = limit.unwrap_or(WATCHED);
        draw(source, pace(Some(limit))?, limit, path)
    } else if let Some(path) = &args.record {
        record(source, pace(limit)?, limit, path)
    } else if args.json {
        json(source, pace(limit)?, args.once)
    } else if args.prometheus {
        print_prometheus(source)
    } else if args.once || !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        print_table(source)
    } else {
        screen::show(source, pace(limit)?, args.pid)
    }
}

/// A table of the last sample: of processes, there is but one.
fn print_table(mut source: Source) -> Result<(), MemoryError> {
    let mut history = History::default();
    let mut last = Sample::default();
    while let Some(sample) = source.next()? {
        history.push(&sample);
        last = sample;
        if !source.is_recording() {
            break;
        }
    }
    if last.processes.is_empty() {
        eprintln!("{}", table::nobody());
        return Ok(());
    }
    let width = match crossterm::terminal::size() {
        Ok((columns, _)) if io::stdout().is_terminal() => usize::from(columns),
        _ => table::WIDTH,
    };
    print(&(table::lines(&last, &history, width).join("\n") + "\n"))
}

fn print_prometheus(mut source: Source) -> Result<(), MemoryError> {
    let sample = source.next()?.unwrap_or_default();
    print(&prometheus::text(&sample))
}

fn json(mut source: Source, mut pace: Pace, once: bool) -> Result<(), MemoryError> {
    while let Some(sample) = source.next()? {
        let line = serde_json::to_string(&sample).map_err(|error| MemoryError::Output(error.into()))?;
        print(&(line + "\n"))?;
        if once || !source.is_recording() && !pace.wait(|| ()) {
            break;
        }
    }
    Ok(())
}

fn record(mut source: Source, mut pace: Pace, limit: Option<Duration>, path: &Path) -> Result<(), MemoryError> {
    let mut recorder = Recorder::create(path)?;
    let progress = Progress::of_time("recording", limit);
    let mut samples = 0;
    while let Some(sample) = source.next()? {
        if !recorder.add(&sample)? {
            eprintln!("{} has reached its largest size, and ends here", path.display());
            break;
        }
        samples += 1;
        progress.says(format!("{samples} samples, {}", units::bytes(recorder.written())));
        if !pace.wait(|| progress.tick()) {
            break;
        }
    }
    drop(progress);
    say_end(&source);
    eprintln!("{}: {samples} samples, {}", path.display(), units::bytes(recorder.written()));
    Ok(())
}

fn draw(mut source: Source, mut pace: Pace, limit: Duration, path: &Path) -> Result<(), MemoryError> {
    // Better said now than after all the watching.
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::metadata(folder).map_err(MemoryError::file(path))?;
    }
    let progress = Progress::of_time("watching", Some(limit));
    let mut course = Course::default();
    let mut about = None;
    while let Some(sample) = source.next()? {
        let process = match sample.processes.as_slice() {
            [] if source.is_recording() => continue,
            [] => return Err(MemoryError::Nobody),
            [process] => process,
            several => {
                return Err(MemoryError::Several { pids: several.iter().map(|process| process.pid).collect() });
            }
        };
        source.follow(process);
        course.push(sample.at, process);
        about.get_or_insert_with(|| format!("{}, process {}", process.command, process.pid));
        if !source.is_recording() && !pace.wait(|| progress.tick()) {
            break;
        }
    }
    drop(progress);
    let about = about.ok_or(MemoryError::Nobody)?;
    let picture = plot::png(&about, course.points()).map_err(MemoryError::file(path))?;
    std::fs::write(path, picture).map_err(MemoryError::file(path))?;
    say_end(&source);
    eprintln!("{}: {about}, {} points", path.display(), course.points().len());
    Ok(())
}

fn say_end(source: &Source) {
    if let Some(obituary) = source.obituary() {
        eprintln!("{obituary}");
    }
}

fn print(text: &str) -> Result<(), MemoryError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(MemoryError::Output)
}
