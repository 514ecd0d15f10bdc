//! The CPU time of a process and all of its children, from `/proc/PID/stat` (proc(5)).

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// Clock ticks in a second, as Linux counts for user programs on every common architecture.
const TICKS_PER_SECOND: u64 = 100;

/// What a process and its children have used so far, in clock ticks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cpu(u64);

impl Cpu {
    /// # Errors
    /// When the process is gone.
    pub(super) fn of(pid: u32) -> Result<Self, String> {
        let processes: HashMap<u32, Stat> = fs::read_dir("/proc")
            .map_err(|error| format!("cannot list /proc: {error}"))?
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(|pid| Some((pid, Stat::read(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?)))
            .collect();
        if !processes.contains_key(&pid) {
            return Err(format!("the server with process id {pid} has ended"));
        }
        let descends = |mut of: u32| {
            while let Some(stat) = processes.get(&of) {
                if of == pid {
                    return true;
                }
                of = stat.parent;
            }
            false
        };
        Ok(Self(processes.iter().filter(|(of, _)| descends(**of)).map(|(_, stat)| stat.ticks).sum()))
    }

    pub(super) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0) * 1000 / TICKS_PER_SECOND)
    }
}

struct Stat {
    parent: u32,
    ticks: u64,
}

impl Stat {
    fn read(text: &str) -> Option<Self> {
        // The name, in parentheses, may hold anything.
        let (_, fields) = text.rsplit_once(") ")?;
        let mut fields = fields.split(' ').skip(1);
        let parent = fields.next()?.parse().ok()?;
        let mut times = fields.skip(9);
        let (user, system): (u64, u64) = (times.next()?.parse().ok()?, times.next()?.parse().ok()?);
        Some(Self { parent, ticks: user + system })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_found_behind_any_name() {
        let stat = Stat::read("7 (a) b) S 3 7 7 0 -1 4194304 90 0 0 0 41 12 0 0 20 0 1 0 5 6 7").expect("it is whole");
        assert_eq!((stat.parent, stat.ticks), (3, 53));
        assert!(Stat::read("7 (a) S 3").is_none());
    }

    #[test]
    fn this_process_is_there_and_one_that_is_not_is_missed() {
        assert!(Cpu::of(std::process::id()).is_ok());
        assert!(Cpu::of(u32::MAX).is_err());
    }
}
