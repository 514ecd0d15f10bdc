//! What a process uses of CPU and memory, read from `/proc` (proc(5)).

use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A running process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pid: u32,
}

/// The run time of each thread of a process, in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct CpuSample(HashMap<String, u64>);

impl Process {
    pub(crate) fn of(pid: u32) -> Self {
        Self { pid }
    }

    /// This process.
    pub(crate) fn own() -> Self {
        Self { pid: std::process::id() }
    }

    pub(crate) fn pid(self) -> u32 {
        self.pid
    }

    /// The one on this machine that listens at the address, as far as this user may see it.
    pub(crate) fn listening_at(address: SocketAddr) -> Option<Self> {
        let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
            .iter()
            .find_map(|table| listening_inode(&fs::read_to_string(table).ok()?, address.port()))?;
        let link = PathBuf::from(format!("socket:[{inode}]"));
        let processes = fs::read_dir("/proc").ok()?.flatten();
        let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.find(|pid| {
            let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            files.into_iter().any(|file| fs::read_link(file.path()).is_ok_and(|target| target == link))
        })
        .map(|pid| Self { pid })
    }

    /// How long its threads have run so far.
    pub(crate) fn cpu(self) -> io::Result<CpuSample> {
        let mut threads = HashMap::new();
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid))?.flatten() {
            // A thread may end between the two looks.
            let Ok(text) = fs::read_to_string(thread.path().join("schedstat")) else { continue };
            let name = thread.file_name().to_string_lossy().into_owned();
            threads.insert(name, text.split(' ').next().and_then(|run| run.parse().ok()).unwrap_or(0));
        }
        Ok(CpuSample(threads))
    }

    /// Resident bytes.
    pub(crate) fn resident(self) -> io::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid))?;
        let missing = || io::Error::new(io::ErrorKind::InvalidData, "smaps_rollup has no Rss");
        resident(&text).ok_or_else(missing)
    }
}

impl CpuSample {
    /// Run time from `earlier` to this sample. What a thread did that has ended in between is not in it; those of a
    /// server that does its work do not end.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let of_thread = |(name, run): (&String, &u64)| run.saturating_sub(earlier.0.get(name).copied().unwrap_or(0));
        Duration::from_nanos(self.0.iter().map(of_thread).sum())
    }
}

/// The inode of the listening socket at `port`, from a table like `/proc/net/tcp`.
fn listening_inode(table: &str, port: u16) -> Option<u64> {
    const LISTENING: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let local = fields.next()?;
        let state = fields.nth(1)?;
        let inode = fields.nth(5)?;
        let (_, local_port) = local.rsplit_once(':')?;
        let found = state == LISTENING && u16::from_str_radix(local_port, 16) == Ok(port);
        found.then(|| inode.parse().ok())?
    })
}

fn resident(smaps_rollup: &str) -> Option<u64> {
    let line = smaps_rollup.lines().find_map(|line| line.strip_prefix("Rss:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn finds_this_process_by_its_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        assert_eq!(Process::listening_at(address), Some(Process::own()));
        drop(listener);
        assert_eq!(Process::listening_at(address), None);
    }

    #[test]
    fn work_takes_time_and_memory_is_counted() {
        let before = Process::own().cpu().expect("its own");
        let mut sum = 0_u64;
        let worked = std::time::Instant::now();
        while worked.elapsed() < Duration::from_millis(20) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let after = Process::own().cpu().expect("its own");
        assert!(after.since(&before) > Duration::ZERO);
        assert!(Process::own().resident().expect("its own") > 4096);
        assert!(Process::of(u32::MAX).resident().is_err());
    }

    #[test]
    fn tables_are_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
             0: 0100007F:1F40 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 11 1\n   \
             1: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n";
        assert_eq!(listening_inode(table, 8000), Some(4711));
        assert_eq!(listening_inode(table, 8001), None);
        assert_eq!(resident("x\nRss:      2048 kB\nPss: 1 kB\n"), Some(2048 * 1024));
        assert_eq!(resident("Pss: 1 kB\n"), None);
    }
}
