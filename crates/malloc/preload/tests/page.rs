//! What the page of a process says, and when there is one.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use planet_malloc_core::page::{PageError, Peaks, Snapshot, all_in, read_in};
use support::{compiled, on_planet};

mod support;

const MB: u64 = 1 << 20;

/// An empty folder for the pages of one test.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("pages").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for the test");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("it is ours");
    folder
}

/// A process that holds what it is told to.
struct Holder {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    folder: PathBuf,
}

impl Holder {
    fn start(folder: &Path, settings: &[(&str, &str)]) -> Self {
        static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
        let mut command = on_planet(PROGRAM.get_or_init(|| compiled("holder.c")));
        command.env("PLANET_MALLOC_PAGES", folder).envs(settings.iter().copied());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it can be started");
        let orders = process.stdin.take().expect("a pipe");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut holder = Self { process, orders, answers, folder: folder.to_owned() };
        assert_eq!(holder.answer(), format!("ready {}", holder.process.id()));
        holder
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        line.trim_end().to_owned()
    }

    fn order(&mut self, order: &str) -> String {
        writeln!(self.orders, "{order}").expect("it listens");
        self.answer()
    }

    fn read(&self) -> Snapshot {
        read_in(&self.folder, self.process.id()).expect("a page")
    }

    /// The page right after the process has counted: twice, since the first time may have made it cut new spans.
    fn counted(&mut self) -> Snapshot {
        self.order("count");
        self.order("count");
        self.read()
    }

    fn end(mut self) {
        drop(self.orders);
        assert!(self.process.wait().expect("it ends").success());
    }
}

fn files(folder: &Path) -> usize {
    fs::read_dir(folder).expect("the folder").count()
}

/// The minute is only there to end a test that fails.
fn comes_true(mut condition: impl FnMut() -> bool) -> bool {
    let give_up = Instant::now() + Duration::from_secs(60);
    while !condition() && Instant::now() < give_up {
        thread::sleep(Duration::from_millis(20));
    }
    condition()
}

#[test]
fn is_for_its_owner_alone_and_goes_at_exit() {
    let folder = folder("exit").join("made");
    let holder = Holder::start(&folder, &[]);
    let file = fs::read_dir(&folder).expect("the folder").next().expect("a page").expect("a page");
    assert_eq!(fs::metadata(&folder).expect("the folder").permissions().mode() & 0o777, 0o700);
    assert_eq!(file.metadata().expect("the page").permissions().mode() & 0o777, 0o600);
    let snapshot = holder.read();
    assert_eq!(snapshot.pid, holder.process.id());
    assert_eq!(snapshot.command, "holder-c");
    assert_eq!(all_in(&folder).map(|page| page.pid).collect::<Vec<_>>(), [snapshot.pid]);
    holder.end();
    assert_eq!(files(&folder), 0);
}

#[test]
fn says_what_a_known_set_of_blocks_takes() {
    let folder = folder("blocks");
    // The thread would have a block or two of its own.
    let mut holder = Holder::start(&folder, &[("PLANET_MALLOC_BACKGROUND", "0")]);
    let before = holder.counted();
    for (order, bytes) in
        [("hold 100000 100", 100_000 * 112), ("hold 3 1000000", 3 * 1_003_520), ("hold 2 5000000", 2 * 5_001_216)]
    {
        let before = holder.counted();
        holder.order(order);
        let after = holder.counted();
        assert_eq!(after.live - before.live, bytes, "{order}");
        // The pages that were begun, and what was written down about the blocks.
        let more = after.resident - before.resident;
        assert!((bytes..bytes + bytes / 20 + 128 * 1024).contains(&more), "{order}: {more} of {bytes}");
    }
    let after = holder.counted();
    let class = |snapshot: &Snapshot| snapshot.classes.iter().find(|class| class.slot_size == 112).copied();
    let (class_before, class_after) = (class(&before).unwrap_or_default(), class(&after).expect("there are some"));
    assert_eq!(class_after.live - class_before.live, 100_000);
    assert_eq!(after.allocations - after.frees - (before.allocations - before.frees), 100_005);
    holder.order("drop");
    let last = holder.counted();
    assert_eq!(last.live, before.live);
    // Those, and the few that the program needed meanwhile.
    assert!((100_005..100_005 + 64).contains(&(last.frees - after.frees)), "{last:?}");
    assert!((after.allocations..after.allocations + 64).contains(&last.allocations), "{last:?}");
    holder.order("release");
    let released = holder.counted();
    assert_eq!(released.cached, 0);
    assert!(released.returned - last.returned > 20 * MB, "{released:?}");
    assert!(released.resident < before.resident + MB, "{released:?}");
    holder.end();
}

#[test]
fn a_program_that_only_allocates_is_seen_too() {
    let folder = folder("growing");
    let mut holder = Holder::start(&folder, &[("PLANET_MALLOC_BACKGROUND", "0")]);
    for n in 1..=20 {
        holder.order("hold 10000 1000");
        let live = holder.read().live;
        assert!((n * 10_000 * 1000..n * 11_000 * 1000 + MB).contains(&live), "{live} after {n} steps");
    }
    holder.end();
}

#[test]
fn a_spike_between_two_looks_is_in_the_peaks() {
    let folder = folder("spike");
    for blocks in ["spike 50000 1000", "spike 50 1000000", "spike 5 10000000"] {
        let mut holder = Holder::start(&folder, &[("PLANET_MALLOC_BACKGROUND", "0")]);
        assert!(holder.counted().peak_resident.minute < 10 * MB);
        holder.order(blocks);
        let Snapshot { live, peak_live, peak_resident, .. } = holder.counted();
        assert!(live < 10 * MB, "{live}");
        for peaks in [peak_live, peak_resident] {
            assert!((50_000_000..60_000_000).contains(&peaks.minute), "{blocks}: {peaks:?}");
            assert!(peaks.second <= peaks.ten_seconds && peaks.ten_seconds <= peaks.minute);
        }
        holder.end();
    }
}

/// What does not depend on the moment in which the page was read.
fn without_times(snapshot: Snapshot) -> Snapshot {
    let nothing = Peaks::default();
    Snapshot { counted: None, history: Vec::new(), peak_live: nothing, peak_resident: nothing, ..snapshot }
}

#[test]
fn a_child_has_a_page_of_its_own_once_it_has_reason_to() {
    let folder = folder("fork");
    let mut holder = Holder::start(&folder, &[("PLANET_MALLOC_BACKGROUND", "0")]);
    holder.order("hold 10000 1000");
    let parent = holder.counted();
    let ready = holder.order("fork");
    let child: u32 = ready.strip_prefix("ready ").and_then(|pid| pid.parse().ok()).expect("a process id");
    assert!(matches!(read_in(&folder, child), Err(PageError::None { pid }) if pid == child));
    holder.order("hold 20000 1000");
    let own = read_in(&folder, child).expect("a page");
    assert!(own.live > parent.live + 20_000 * 1000, "{own:?}");
    assert_eq!(without_times(holder.read()), without_times(parent.clone()));
    assert_eq!(all_in(&folder).count(), 2);
    // The child ends, and the parent goes on.
    writeln!(holder.orders, "exit").expect("it listens");
    assert_eq!(holder.answer(), "done");
    assert!(matches!(read_in(&folder, child), Err(PageError::None { .. })));
    assert_eq!(files(&folder), 1);
    holder.order("hold 1000 1000");
    assert!(holder.counted().live > parent.live);
    holder.end();
}

#[test]
fn what_was_left_behind_is_ignored_and_removed() {
    let folder = folder("stale");
    for last_order in ["_exit", "leave"] {
        let mut holder = Holder::start(&folder, &[]);
        let pid = holder.process.id();
        writeln!(holder.orders, "{last_order}").expect("it listens");
        if last_order == "leave" {
            assert_eq!(holder.answer(), format!("ready {pid}"));
        } else {
            assert!(holder.process.wait().expect("it ends").success());
        }
        assert_eq!(files(&folder), 1, "{last_order}");
        assert!(matches!(read_in(&folder, pid), Err(PageError::None { .. })), "{last_order}");
        assert_eq!(files(&folder), 0, "{last_order}");
        holder.end();
    }
}

#[test]
fn whoever_makes_a_page_removes_those_of_ended_processes() {
    let folder = folder("sweep");
    let living = Holder::start(&folder, &[]);
    for _ in 0..3 {
        let mut holder = Holder::start(&folder, &[]);
        writeln!(holder.orders, "_exit").expect("it listens");
        assert!(holder.process.wait().expect("it ends").success());
        // Its own, and that of the one that lives.
        assert_eq!(files(&folder), 2);
    }
    fs::write(folder.join("1.4000000000"), "of another namespace").expect("it is ours");
    let last = Holder::start(&folder, &[]);
    assert_eq!(files(&folder), 3);
    assert_eq!(all_in(&folder).count(), 2);
    living.end();
    last.end();
}

#[test]
fn one_that_was_killed_is_recognised_before_its_parent_notices() {
    let folder = folder("killed");
    let mut holder = Holder::start(&folder, &[]);
    holder.process.kill().expect("it is ours");
    assert!(comes_true(|| matches!(read_in(&folder, holder.process.id()), Err(PageError::None { .. }))));
    assert_eq!(files(&folder), 0);
    holder.process.wait().expect("it ends");
}

#[test]
fn a_program_that_becomes_another_has_a_new_page() {
    let folder = folder("exec");
    let mut holder = Holder::start(&folder, &[]);
    holder.order("hold 20000 1000");
    assert!(holder.read().live > 20_000 * 1000);
    let pid = holder.process.id();
    assert_eq!(holder.order("exec"), format!("ready {pid}"));
    assert!(holder.read().live < 10 * MB);
    assert_eq!(files(&folder), 1);
    holder.end();
    assert_eq!(files(&folder), 0);
}

#[test]
fn pages_can_be_switched_off() {
    for off in ["", "0", "relative/folder", "/proc/no/such/folder"] {
        let mut holder = Holder::start(Path::new(off), &[]);
        let figures = holder.order("count");
        let live: u64 = figures.split(' ').next().and_then(|live| live.parse().ok()).expect("a number");
        assert!(live > 0);
        let maps = fs::read_to_string(format!("/proc/{}/maps", holder.process.id())).expect("the maps");
        let page = format!(".{}", holder.process.id());
        assert!(!maps.lines().any(|line| line.ends_with(&page)), "{off}: {maps}");
        holder.end();
    }
}

#[test]
fn a_folder_that_is_open_to_others_is_not_used() {
    let folder = folder("open");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let holder = Holder::start(&folder, &[]);
    assert_eq!(files(&folder), 0);
    holder.end();
}

#[test]
fn what_is_no_page_gives_a_clear_error() {
    let folder = folder("foreign");
    let holder = Holder::start(&folder, &[]);
    let pid = holder.process.id();
    let path = fs::read_dir(&folder).expect("the folder").next().expect("a page").expect("a page").path();
    let page = fs::read(&path).expect("it can be read");
    let mut of_another_version = page.clone();
    of_another_version[8] = 77;
    for (contents, problem) in [
        (&b"something else"[..], "begins with something else"),
        (&page[..4096], "its length is wrong"),
        (&of_another_version[..], "has layout 77"),
    ] {
        // A new file, since the process has the old one in its memory.
        fs::remove_file(&path).expect("it is ours");
        fs::write(&path, contents).expect("it is ours");
        let error = read_in(&folder, pid).expect_err("it is no page");
        assert!(error.to_string().contains(problem), "{error}");
        assert_eq!(all_in(&folder).count(), 0);
        assert_eq!(files(&folder), 1);
    }
    fs::remove_file(&path).expect("it is ours");
    std::os::unix::fs::symlink("/etc/passwd", &path).expect("a link");
    assert!(matches!(read_in(&folder, pid), Err(PageError::Read { .. })));
    holder.end();
}

#[test]
fn whoever_reads_while_it_is_written_sees_figures_that_can_be() {
    let folder = folder("race");
    let mut holder = Holder::start(&folder, &[("PLANET_MALLOC_DELAY_MS", "20")]);
    let (mut last, mut changes, mut rounds) = (holder.read(), 0, 0);
    // The process may not have begun when it has been asked a few hundred times.
    while rounds < 200 || (changes == 0 && rounds < 5000) {
        rounds += 1;
        writeln!(holder.orders, "spike 2000 5000").expect("it listens");
        writeln!(holder.orders, "spike 4 6000000").expect("it listens");
        let mut now = holder.read();
        assert!(now.live < 50 * MB && now.resident < 80 * MB && now.mapped < 200 * MB, "{now:?}");
        assert!(now.allocations >= last.allocations && now.frees >= last.frees, "{last:?} {now:?}");
        assert!(now.returned >= last.returned && now.allocations >= now.frees, "{last:?} {now:?}");
        assert!(now.peak_live.minute >= now.live && now.peak_resident.minute >= now.resident, "{now:?}");
        changes += usize::from(now.live != last.live);
        core::mem::swap(&mut last, &mut now);
    }
    (0..2 * rounds).for_each(|_| assert_eq!(holder.answer(), "done"));
    assert!(changes > 0);
    holder.end();
}

#[test]
fn over_the_advised_limit_memory_goes_back_at_once() {
    let folder = folder("limit");
    let an_hour = ("PLANET_MALLOC_DELAY_MS", "3600000");
    for order in ["spike 100000 1000", "spike 10 10000000"] {
        let mut patient = Holder::start(&folder, &[an_hour]);
        patient.order(order);
        assert_eq!(patient.counted().limit, None);
        assert!(patient.read().resident > 90 * MB, "{:?}", patient.read());
        let mut advised = Holder::start(&folder, &[an_hour, ("PLANET_MALLOC_LIMIT", "20000000")]);
        advised.order(order);
        assert_eq!(advised.read().limit, Some(20_000_000));
        assert!(comes_true(|| advised.read().resident <= 20_000_000), "{:?}", advised.read());
        assert!(patient.read().resident > 90 * MB);
        patient.end();
        advised.end();
    }
}
