//! What the processes had at one moment.

use std::fs::File;
use std::io::Read;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use planet_malloc::page::{self, ClassSnapshot, PageError, SecondSnapshot, Snapshot};
use serde::{Deserialize, Serialize};

/// How many processes are looked at; of more, those with the smallest numbers.
pub(crate) const MOST_PROCESSES: usize = 1024;

/// How much of a command line is kept, in bytes.
const LONGEST_COMMAND: u64 = 256;

/// All processes that were looked at, at one moment. Also an object of `--json` and a line of a recording.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Milliseconds since 1970.
    pub(crate) at: u64,
    pub(crate) processes: Vec<Process>,
}

/// One process. Sizes are in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// In clock ticks after boot; tells it from a later process of the same number.
    pub(crate) started: u64,
    /// The name of the program, up to 15 bytes.
    pub(crate) name: String,
    /// The beginning of its command line.
    pub(crate) command: String,
    /// In blocks that the program holds.
    pub(crate) live: u64,
    /// Of the mapped bytes, those in memory.
    pub(crate) resident: u64,
    /// Address space that the allocator has taken.
    pub(crate) mapped: u64,
    /// In freed blocks that are kept for reuse.
    pub(crate) cached: u64,
    /// Given back to the system since the process began.
    pub(crate) returned: u64,
    /// What it is advised to stay below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u64>,
    pub(crate) peak_live: Peaks,
    pub(crate) peak_resident: Peaks,
    /// Blocks handed out since the process began.
    pub(crate) allocations: u64,
    /// Blocks taken back since the process began.
    pub(crate) frees: u64,
    /// The sizes of blocks up to 32 KiB that the program holds, the smallest first.
    pub(crate) classes: Vec<SizeClass>,
    /// What the process itself remembers of its last minute, the earliest first.
    #[serde(skip)]
    pub(crate) past: Vec<Second>,
}

/// The most there was within a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Peaks {
    #[serde(rename = "1s")]
    pub(crate) second: u64,
    #[serde(rename = "10s")]
    pub(crate) ten_seconds: u64,
    #[serde(rename = "60s")]
    pub(crate) minute: u64,
}

/// Blocks of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SizeClass {
    /// The size of a block.
    pub(crate) size: u64,
    /// How many the program holds.
    pub(crate) blocks: u64,
}

/// The most there was within a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Second {
    /// Milliseconds since then.
    pub(crate) ago: u64,
    pub(crate) live: u64,
    pub(crate) resident: u64,
}

impl Sample {
    /// Looks at all processes but this one, which only looks.
    pub(crate) fn of_all() -> Self {
        let others = page::all().filter(|snapshot| snapshot.pid != std::process::id());
        let mut processes: Vec<_> = others.map(Process::from).collect();
        processes.sort_by_key(|process| process.pid);
        processes.truncate(MOST_PROCESSES);
        Self { at: now(), processes }
    }

    /// Looks at one process.
    pub(crate) fn of(pid: u32) -> Result<Self, PageError> {
        Ok(Self { at: now(), processes: vec![page::read(pid)?.into()] })
    }
}

/// Milliseconds since 1970, by a clock that is never set back, so that samples are in order whatever happens.
fn now() -> u64 {
    static BEGIN: OnceLock<(Instant, u64)> = OnceLock::new();
    let (begin, at) = BEGIN.get_or_init(|| {
        // A clock from before 1970 is wrong in a way that no figure here depends on.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (Instant::now(), since.as_millis() as u64)
    });
    at + begin.elapsed().as_millis() as u64
}

impl From<Snapshot> for Process {
    fn from(snapshot: Snapshot) -> Self {
        Self {
            pid: snapshot.pid,
            started: snapshot.started,
            command: command_line(snapshot.pid).unwrap_or_else(|| snapshot.command.clone()),
            name: snapshot.command,
            live: snapshot.live,
            resident: snapshot.resident,
            mapped: snapshot.mapped,
            cached: snapshot.cached,
            returned: snapshot.returned,
            limit: snapshot.limit,
            peak_live: snapshot.peak_live.into(),
            peak_resident: snapshot.peak_resident.into(),
            allocations: snapshot.allocations,
            frees: snapshot.frees,
            classes: snapshot.classes.iter().filter(|class| class.live > 0).map(SizeClass::from).collect(),
            past: snapshot.history.iter().map(Second::from).collect(),
        }
    }
}

/// The arguments with spaces between, the program without its folder; `None` for a process that has ended, or shows none.
fn command_line(pid: u32) -> Option<String> {
    let mut line = Vec::new();
    File::open(format!("/proc/{pid}/cmdline")).ok()?.take(LONGEST_COMMAND).read_to_end(&mut line).ok()?;
    Some(spoken(&line)).filter(|words| !words.is_empty())
}

fn spoken(line: &[u8]) -> String {
    let mut words = line.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let program = words.next().unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    let words = words.fold(program, |line, word| line + " " + &word);
    printable(words.trim_end())
}

impl From<page::Peaks> for Peaks {
    fn from(page::Peaks { second, ten_seconds, minute }: page::Peaks) -> Self {
        Self { second, ten_seconds, minute }
    }
}

impl From<&ClassSnapshot> for SizeClass {
    fn from(class: &ClassSnapshot) -> Self {
        Self { size: class.slot_size, blocks: class.live }
    }
}

impl From<&SecondSnapshot> for Second {
    fn from(second: &SecondSnapshot) -> Self {
        Self { ago: second.ago * 1000, live: second.live, resident: second.resident }
    }
}

impl SizeClass {
    /// In all its blocks.
    pub(crate) fn bytes(&self) -> u64 {
        self.size.saturating_mul(self.blocks)
    }
}

impl Process {
    /// In blocks that are too large for a class.
    pub(crate) fn in_larger_blocks(&self) -> u64 {
        let in_classes = self.classes.iter().map(SizeClass::bytes).fold(0, u64::saturating_add);
        self.live.saturating_sub(in_classes)
    }
}

impl Peaks {
    /// The most there was since a look that was so many milliseconds ago, and not much longer.
    pub(crate) fn since(&self, milliseconds: u64) -> u64 {
        match milliseconds {
            0..=1_000 => self.second,
            1_001..=10_000 => self.ten_seconds,
            _ => self.minute,
        }
    }
}

/// What may be shown on a terminal: a process chooses its own command line, and could choose one that moves the cursor.
pub(crate) fn printable(command: &str) -> String {
    command.chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_that_of_the_shortest_time_that_covers_the_gap() {
        let peaks = Peaks { second: 7, ten_seconds: 8, minute: 9 };
        assert_eq!([0, 1_000, 1_001, 10_000, 10_001, u64::MAX].map(|gap| peaks.since(gap)), [7, 7, 8, 8, 9, 9]);
    }

    #[test]
    fn a_command_cannot_speak_to_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nc\u{9b}é"), "a·[2Jb·c·é");
    }

    #[test]
    fn the_command_line_is_that_of_the_process() {
        let line = command_line(std::process::id()).unwrap();
        let file = std::env::current_exe().unwrap();
        assert!(line.starts_with(file.file_name().unwrap().to_str().unwrap()), "{line}");
        assert_eq!(command_line(u32::MAX), None);
    }

    #[test]
    fn the_folder_of_the_program_is_left_out() {
        assert_eq!(spoken(b"/usr/bin/python3\0/srv/app.py\0a b\0"), "python3 /srv/app.py a b");
        // A program may write there what it likes.
        assert_eq!(spoken(b"postgres: writer\0\0\0"), "postgres: writer");
        assert_eq!(spoken(b""), "");
        assert_eq!(spoken(b"a\0\xff\x1b"), "a \u{fffd}·");
    }

    #[test]
    fn what_no_class_holds_is_in_larger_blocks() {
        let classes = vec![SizeClass { size: 16, blocks: 10 }, SizeClass { size: 1024, blocks: 1 }];
        let process = Process { live: 2000, classes, ..Process::default() };
        assert_eq!(process.in_larger_blocks(), 2000 - 160 - 1024);
        // The figures of a process are not all of one moment.
        assert_eq!(Process { live: 0, ..process }.in_larger_blocks(), 0);
        let absurd = vec![SizeClass { size: u64::MAX, blocks: 2 }; 2];
        assert_eq!(Process { classes: absurd, ..Process::default() }.in_larger_blocks(), 0);
    }
}
