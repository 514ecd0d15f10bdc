//! Recordings: samples in a file, one JSON object a line, below a first line that says what the file is.
//!
//! ```text
//! {"planet_memory_recording":1}
//! {"at":1700000000000,"processes":[{"pid":4711,"command":"python3 app.py","live":…,"classes":[{"size":64,"blocks":9},…]}]}
//! ```

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::MemoryError;
use super::sample::{Sample, printable};

const VERSION: u32 = 1;

/// How large a recording gets, in bytes.
const LARGEST: u64 = 1_000_000_000;

/// How long a line may be, in bytes: what the most processes that are looked at can need, and some.
const LONGEST_LINE: u64 = 8 << 20;

#[derive(Serialize, Deserialize)]
struct Heading {
    planet_memory_recording: u32,
}

/// A recording that is being made.
pub(crate) struct Recorder {
    path: PathBuf,
    file: BufWriter<File>,
    written: u64,
    largest: u64,
}

impl Recorder {
    /// Begins one, in place of whatever the file had.
    pub(crate) fn create(path: &Path) -> Result<Self, MemoryError> {
        let file = BufWriter::new(File::create(path).map_err(MemoryError::file(path))?);
        let mut recorder = Self { path: path.to_owned(), file, written: 0, largest: LARGEST };
        recorder.line(&Heading { planet_memory_recording: VERSION })?;
        Ok(recorder)
    }

    /// Adds a sample; `false` when there is no room for it any more.
    pub(crate) fn add(&mut self, sample: &Sample) -> Result<bool, MemoryError> {
        self.line(sample)
    }

    /// How large the recording is, in bytes.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    fn line(&mut self, of: &impl Serialize) -> Result<bool, MemoryError> {
        let failed = |error| MemoryError::File { path: self.path.clone(), error };
        let mut line = serde_json::to_vec(of).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        if self.written + line.len() as u64 > self.largest {
            return Ok(false);
        }
        // Whole lines reach the file at once, so that whoever reads along, or after a crash, finds no half ones.
        self.file.write_all(&line).and_then(|()| self.file.flush()).map_err(failed)?;
        self.written += line.len() as u64;
        Ok(true)
    }
}

/// A recording that is being read.
pub(crate) struct Recording {
    path: PathBuf,
    file: BufReader<File>,
    line: u64,
    at: u64,
}

impl Recording {
    /// Opens one.
    pub(crate) fn open(path: &Path) -> Result<Self, MemoryError> {
        let file = BufReader::new(File::open(path).map_err(MemoryError::file(path))?);
        let mut recording = Self { path: path.to_owned(), file, line: 0, at: 0 };
        let heading: Option<Heading> = recording.read().map_err(|error| match error {
            MemoryError::Recording { .. } => recording.problem("this is no recording; --record makes one".to_owned()),
            other => other,
        })?;
        match heading {
            Some(Heading { planet_memory_recording: VERSION }) => Ok(recording),
            Some(Heading { planet_memory_recording: other }) => Err(recording.problem(format!(
                "this is a recording of version {other}, and this planet reads version {VERSION}; use the planet that \
                 made it"
            ))),
            None => {
                recording.line = 1;
                Err(recording.problem("the file is empty; --record makes a recording".to_owned()))
            }
        }
    }

    /// The next sample; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Sample>, MemoryError> {
        let Some(mut sample) = self.read::<Sample>()? else { return Ok(None) };
        if sample.at < self.at {
            return Err(self.problem("the time goes backwards".to_owned()));
        }
        self.at = sample.at;
        for process in &mut sample.processes {
            process.name = printable(&process.name);
            process.command = printable(&process.command);
        }
        Ok(Some(sample))
    }

    /// Where the recording is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn read<T: for<'de> Deserialize<'de>>(&mut self) -> Result<Option<T>, MemoryError> {
        let mut line = Vec::new();
        let mut limited = (&mut self.file).take(LONGEST_LINE + 1);
        limited.read_until(b'\n', &mut line).map_err(MemoryError::file(&self.path))?;
        if line.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        if line.len() as u64 > LONGEST_LINE {
            return Err(self.problem(format!("it is longer than {LONGEST_LINE} bytes")));
        }
        if line.pop() != Some(b'\n') {
            return Err(self.problem("it is cut off; the lines before it are good".to_owned()));
        }
        let parsed = serde_json::from_slice(&line);
        // serde counts lines too, and would name another one.
        parsed.map(Some).map_err(|error| {
            let text = error.to_string();
            let problem = text.rsplit_once(" at line ").map_or(text.as_str(), |(problem, _)| problem);
            self.problem(format!("{problem} at column {}", error.column()))
        })
    }

    fn problem(&self, problem: String) -> MemoryError {
        MemoryError::Recording { path: self.path.clone(), line: self.line, problem }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::memory::sample::{Process, SizeClass};

    const HEADING: &str = "{\"planet_memory_recording\":1}\n";
    const EMPTY: &str = "{\"at\":5,\"processes\":[]}\n";

    fn sample(at: u64) -> Sample {
        let process = Process {
            pid: 7,
            command: "python3 \"a\" é".to_owned(),
            live: u64::MAX,
            classes: vec![SizeClass { size: 16, blocks: 3 }],
            ..Process::default()
        };
        Sample { at, processes: vec![process] }
    }

    /// What is read from a file of that content, up to the first problem.
    fn read(content: &[u8]) -> (Vec<Sample>, Option<(u64, String)>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        fs::write(&path, content).unwrap();
        let mut samples = Vec::new();
        let mut all = || {
            let mut recording = Recording::open(&path)?;
            while let Some(sample) = recording.next()? {
                samples.push(sample);
            }
            Ok(())
        };
        match all() {
            Ok(()) => (samples, None),
            Err(MemoryError::Recording { line, problem, .. }) => (samples, Some((line, problem))),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_recorded_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        let mut recorder = Recorder::create(&path).unwrap();
        let samples = [sample(1), Sample { at: 1, processes: Vec::new() }, sample(2)];
        for sample in &samples {
            assert!(recorder.add(sample).unwrap());
        }
        let content = fs::read(&path).unwrap();
        assert_eq!(recorder.written(), content.len() as u64);
        assert_eq!(read(&content), (samples.to_vec(), None));
    }

    #[test]
    fn a_full_recording_takes_no_more_and_stays_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        let mut recorder = Recorder::create(&path).unwrap();
        recorder.largest = 600;
        let taken = (0..9).take_while(|at| recorder.add(&sample(*at)).unwrap()).count();
        assert!(taken > 0);
        let content = fs::read(&path).unwrap();
        assert!(content.len() <= 600);
        let (samples, problem) = read(&content);
        assert_eq!((samples.len(), problem), (taken, None));
    }

    #[test]
    fn what_is_no_recording_is_refused_at_its_first_line() {
        for content in ["{}\n", "a,b\n1,2\n", "\n", "\u{0}\u{1}", "{\"planet_memory_recording\":\"1\"}\n"] {
            let (samples, problem) = read(content.as_bytes());
            assert_eq!((samples.len(), problem), (0, Some((1, "this is no recording; --record makes one".to_owned()))));
        }
        assert_eq!(read(b"").1, Some((1, "the file is empty; --record makes a recording".to_owned())));
        let (line, problem) = read(b"{\"planet_memory_recording\":2}\n").1.unwrap();
        assert!(line == 1 && problem.contains("version 2"), "{problem}");
        assert_eq!(read(HEADING.as_bytes()), (Vec::new(), None));
    }

    #[test]
    fn damage_is_named_by_its_line_and_what_is_before_it_is_read() {
        let earlier = EMPTY.replace('5', "4");
        for (bad, says) in [
            (&EMPTY[..EMPTY.len() - 1], "it is cut off"),
            (&EMPTY[..9], "it is cut off"),
            ("{\"at\":-1,\"processes\":[]}\n", "invalid value"),
            ("{\"at\":5}\n", "missing field `processes` at column"),
            ("{\"at\":1e300,\"processes\":[]}\n", "invalid type"),
            ("{\"at\":6,\"processes\":[{\"pid\":4294967296}]}\n", "invalid value"),
            ("[[[[\n", "at column"),
            ("\n", "at column"),
            (HEADING, "missing field"),
            (earlier.as_str(), "the time goes backwards"),
        ] {
            let (samples, problem) = read([HEADING, EMPTY, bad].concat().as_bytes());
            let (line, problem) = problem.unwrap_or_else(|| panic!("{bad} was taken"));
            assert!(samples.len() == 1 && line == 3 && problem.contains(says), "{bad}: line {line}: {problem}");
            assert!(!problem.contains("at line"), "{problem}");
        }
        let nested = "[".repeat(100_000) + "\n";
        assert_eq!(read([HEADING, &nested].concat().as_bytes()).1.unwrap().0, 2);
        let (_, problem) = read(&[HEADING.as_bytes(), b"\xff\xfe\n"].concat());
        assert_eq!(problem.unwrap().0, 2);
    }

    #[test]
    fn a_line_without_end_is_not_read_to_its_end() {
        let mut content = HEADING.as_bytes().to_vec();
        content.resize(content.len() + LONGEST_LINE as usize + 10, b' ');
        let (line, problem) = read(&content).1.unwrap();
        assert_eq!((line, problem), (2, format!("it is longer than {LONGEST_LINE} bytes")));
    }

    #[test]
    fn a_recorded_command_cannot_speak_to_the_terminal() {
        let mut hostile = sample(1);
        hostile.processes[0].command = "\u{1b}[2J".to_owned();
        let line = serde_json::to_string(&hostile).unwrap() + "\n";
        assert_eq!(read([HEADING, &line].concat().as_bytes()).0[0].processes[0].command, "·[2J");
    }
}
