//! Memory that holds nothing goes back, and the process stays within its limits. Bytes are counted, not times: the
//! background thread is waited for as long as it takes.
#![cfg(not(feature = "debug"))] // What is in quarantine stays.

use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use planet_malloc::alloc::{allocate, allocate_zeroed, free};
use planet_malloc::{figures, release};

/// The tests of this file measure the whole process, so they run one after the other.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> impl Drop {
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

const MB: usize = 1 << 20;

/// Resident anonymous bytes of the process, as the system counts them.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("the status");
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<usize>().ok()).expect("a number") * 1024
}

fn maps() -> usize {
    std::fs::read_to_string("/proc/self/maps").expect("the maps").lines().count()
}

/// Blocks that were written to, and are freed when dropped.
struct Blocks(Vec<usize>);

impl Blocks {
    fn new(count: usize, size: impl Fn(usize) -> usize) -> Self {
        let fill = |n| {
            let block = allocate(size(n));
            assert!(!block.is_null());
            // SAFETY: just allocated with as many bytes.
            unsafe { block.write_bytes(n as u8 | 1, size(n)) };
            block.expose_provenance()
        };
        Self((0..count).map(fill).collect())
    }

    fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        let mut n = 0;
        self.0.retain(|&block| {
            let stays = keep(n);
            n += 1;
            if !stays {
                // SAFETY: allocated above, and taken out of the list at once.
                unsafe { free(std::ptr::with_exposed_provenance_mut(block)) };
            }
            stays
        });
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        self.retain(|_| false);
    }
}

/// Waits until less than `bytes` are resident; the minute is only there to end a test that fails.
fn falls_below(bytes: usize) -> bool {
    falls_below_at_work(bytes, || ())
}

fn falls_below_at_work(bytes: usize, work: impl Fn()) -> bool {
    let give_up = Instant::now() + Duration::from_secs(60);
    while resident() > bytes && Instant::now() < give_up {
        work();
        thread::sleep(Duration::from_millis(20));
    }
    resident() <= bytes
}

#[test]
fn single_pages_go_while_their_neighbours_live() {
    let _alone = alone();
    release();
    let before = resident();
    let mut blocks = Blocks::new(200_000, |n| 200 + n % 800);
    assert!(resident() > before + 100 * MB);
    blocks.retain(|n| n % 1000 == 0);
    assert!(release());
    // 200 survivors hold a page each, perhaps two; the rest is what was written down about them.
    assert!(resident() < before + 6 * MB, "{} MB stay", (resident() - before) / MB);
    drop(blocks);
}

#[test]
fn the_thread_gives_back_what_nobody_asks_it_to() {
    let _alone = alone();
    release();
    let before = resident();
    let mut blocks = Blocks::new(100_000, |n| 16 + n % 3000);
    let mut large = Blocks::new(8, |_| 9 * MB);
    assert!(resident() > before + 200 * MB);
    blocks.retain(|n| n % 500 == 0);
    large.retain(|_| false);
    assert!(falls_below(before + 8 * MB), "{} MB stay", (resident() - before) / MB);
}

#[test]
fn few_free_pages_of_each_span_go_too() {
    let _alone = alone();
    release();
    let mut blocks = Blocks::new(400_000, |_| 256);
    // A span is looked at as a whole when its first slot is free, and again when a quarter is.
    blocks.retain(|n| n % 256 != 0);
    release();
    thread::sleep(Duration::from_millis(1500));
    let before = resident();
    blocks.retain(|n| n % 255 >= 47);
    assert!(falls_below(before - 14 * MB), "{} MB went", before.saturating_sub(resident()) / MB);
}

#[test]
fn a_sleeping_thread_holds_nothing_back() {
    let _alone = alone();
    release();
    let before = resident();
    let (done, finished) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    let sleeper = thread::spawn(move || {
        let mut blocks = Blocks::new(60_000, |n| 64 + n % 2000);
        blocks.retain(|n| n % 2000 == 0);
        done.send(()).expect("somebody waits");
        let _ = ended.recv();
        drop(blocks);
    });
    finished.recv().expect("the thread gets there");
    assert!(falls_below(before + 5 * MB), "{} MB stay", (resident() - before) / MB);
    drop(end);
    sleeper.join().expect("the thread ends");
}

/// How often the background thread has gone to sleep so far.
fn sleeps() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("the threads").flatten();
    let status = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("status")).ok();
    let own = tasks.filter_map(status).find(|status| status.starts_with("Name:\tplanet-malloc"));
    let own = own.expect("the background thread");
    let line = own.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).expect("a line");
    line.trim().parse().expect("a number")
}

#[test]
fn what_is_taken_while_the_background_thread_sleeps_goes_too() {
    let _alone = alone();
    drop(Blocks::new(4000, |_| 3000));
    let mut before = 0;
    while before != sleeps() {
        before = sleeps();
        thread::sleep(Duration::from_secs(1));
    }
    let before = resident();
    // So few that all of them find room in the magazine when they are freed.
    drop(Blocks::new(60, |_| 20_000));
    assert!(falls_below(before + MB / 4), "{before} bytes before, {} now", resident());
}

#[test]
fn a_little_work_does_not_keep_what_a_spike_left_at_hand() {
    let _alone = alone();
    let blocks = |count| Blocks::new(count, |n| 600 + n * 37 % 3000);
    release();
    let before = resident();
    drop(blocks(20_000));
    // Of each size it takes the same few blocks again and again, some hundreds until the purge comes by again.
    assert!(
        falls_below_at_work(before + MB, || (0..10).for_each(|_| drop(blocks(100)))),
        "{} bytes",
        resident() - before
    );
}

#[test]
fn what_is_used_again_and_again_is_kept() {
    let _alone = alone();
    let round = || drop(Blocks::new(20_000, |_| 1000));
    // On a busy machine it can take some attempts until little enough of the delay of a second passes.
    let was_quick = (0..100).any(|_| {
        round();
        let (returned, start) = (figures().returned, Instant::now());
        (0..5).for_each(|_| round());
        let returned = figures().returned - returned;
        let was_quick = start.elapsed() < Duration::from_millis(300);
        assert!(!was_quick || returned < 10 * MB as u64, "{returned} bytes");
        was_quick
    });
    assert!(was_quick, "of 100 attempts, none was done within 300 ms");
    release();
}

#[test]
fn chunks_are_unmapped_when_they_are_empty() {
    let _alone = alone();
    let blocks = Blocks::new(300, |_| MB);
    assert!(figures().chunks >= 9);
    drop(blocks);
    release();
    assert!(figures().chunks < 9, "{:?}", figures());
}

#[test]
fn records_of_free_slices_go_too() {
    let _alone = alone();
    release();
    let before = resident();
    // Eight chunks, of which each keeps one block: that takes its pages, and one each for its record and for the chunk.
    let mut blocks = Blocks::new(8000, |_| 32 * 1024);
    assert!(figures().chunks >= 8);
    blocks.retain(|n| n % 1000 == 500);
    release();
    assert!(falls_below(before + 8 * 64 * 1024), "{} bytes before, {} after", before, resident());
}

#[test]
fn bitmaps_of_free_slices_go_too() {
    let _alone = alone();
    release();
    let before = resident();
    // Two chunks of the smallest slots, with half a megabyte of bitmaps; a block of each stays.
    let mut blocks = Blocks::new(4 * MB, |_| 16);
    assert!(figures().chunks >= 2);
    blocks.retain(|n| n % (2 * MB) == MB);
    blocks.0.shrink_to_fit();
    release();
    assert!(falls_below(before + 2 * 64 * 1024), "{} bytes before, {} after", before, resident());
}

#[test]
fn what_cannot_go_is_not_taken_for_zeros() {
    let _alone = alone();
    const LEN: usize = 48 * 1024;
    let block = Blocks::new(1, |_| LEN);
    let address = block.0[0];
    let pages = std::ptr::with_exposed_provenance::<libc::c_void>(address);
    // SAFETY: locking pages does not change them.
    assert_eq!(unsafe { libc::mlock(pages, LEN) }, 0, "{}", std::io::Error::last_os_error());
    drop(block);
    release();
    let zeroed: Vec<_> = (0..1000).map(|_| allocate_zeroed(LEN)).collect();
    let again = zeroed.iter().find(|block| block.addr() == address).expect("the slice is used again");
    // SAFETY: a live block of so many bytes.
    assert!(unsafe { std::slice::from_raw_parts(*again, LEN) }.iter().all(|byte| *byte == 0));
    // SAFETY: allocated above, and known to nobody else.
    zeroed.into_iter().for_each(|block| unsafe { free(block) });
    // SAFETY: as above.
    unsafe { libc::munlock(pages, LEN) };
}

#[test]
fn two_million_blocks_live_at_once() {
    let _alone = alone();
    release();
    let before = figures();
    let blocks = Blocks::new(2_000_000, |n| 16 + n % 48);
    let live = figures();
    assert!(live.live_slots >= before.live_slots + 2_000_000);
    assert!(live.live - before.live < 2_000_000 * 64);
    drop(blocks);
    release();
    assert!(figures().live_slots < before.live_slots + 1000);
}

#[test]
fn sixty_four_threads() {
    let _alone = alone();
    let (sender, receiver) = mpsc::channel();
    let threads: Vec<_> = (0..64)
        .map(|id| {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut blocks = Blocks::new(3000, |n| 16 + (n * 7 + id) % 4000);
                blocks.retain(|n| n % 3 == 0);
                sender.send(blocks).expect("somebody receives");
            })
        })
        .collect();
    drop(sender);
    assert_eq!(receiver.iter().map(|blocks| blocks.0.len()).sum::<usize>(), 64 * 1000);
    threads.into_iter().for_each(|thread| thread.join().expect("the thread ends"));
    release();
}

#[test]
fn sixteen_gigabytes_take_few_mappings() {
    let _alone = alone();
    let before = maps();
    // Not written to: it is the mappings that count.
    let take = |count: usize, size: usize| -> Vec<*mut u8> {
        (0..count).map(|_| allocate(size)).inspect(|block| assert!(!block.is_null())).collect()
    };
    let mut blocks = take(8 * 1024, MB);
    blocks.extend(take(512, 12 * MB));
    blocks.extend(take(2 * 1024 * 8, 128 * 1024));
    assert!(figures().mapped >= 16 << 30);
    // Every second one goes, so that no two neighbours can be one mapping for that reason alone.
    let (gone, kept): (Vec<_>, Vec<_>) = blocks.into_iter().enumerate().partition(|(n, _)| n % 2 == 0);
    // SAFETY: allocated above, each freed once.
    gone.into_iter().for_each(|(_, block)| unsafe { free(block) });
    release();
    let most = maps() - before;
    assert!(most < 2000, "{most} mappings, of 65,530 that there may be");
    // SAFETY: as above.
    kept.into_iter().for_each(|(_, block)| unsafe { free(block) });
    release();
}
