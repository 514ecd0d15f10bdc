//! The page of a Rust program, and whether what is noted agrees with what is counted.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use planet_malloc::{PlanetMalloc, figures, page, release};

#[global_allocator]
static ALLOCATOR: PlanetMalloc = PlanetMalloc;

#[test]
fn a_rust_program_has_one_until_it_exits() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rust-page");
    let _ = fs::remove_dir_all(&folder);
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "what_is_noted_agrees_with_what_is_counted"]).env("PLANET_MALLOC_PAGES", &folder);
    let mut program = command.stdout(Stdio::null()).spawn().expect("it can be started");
    assert!(program.wait().expect("it ends").success());
    assert_eq!(fs::read_dir(&folder).expect("it has made the folder").count(), 0);
}

#[test]
fn what_is_noted_agrees_with_what_is_counted() {
    /// What the threads of the test program may do meanwhile.
    const LEEWAY: u64 = 300_000;
    let churn = |id: usize| {
        let mut blocks = Vec::new();
        for n in 0..40_000 {
            blocks.push(vec![1_u8; 1 + (n * 7919 + id) % 3000 * if n % 500 == 0 { 1000 } else { 1 }]);
            if n % 3 == 0 {
                blocks.swap_remove((n * 31) % blocks.len());
            }
            if n % 9000 == 0 {
                release();
            }
        }
        blocks.retain(|block| block.len() % 5 == 0);
        blocks
    };
    let threads: Vec<_> = (0..3).map(|id| thread::spawn(move || churn(id))).collect();
    let blocks: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("the thread ends")).collect();
    for _ in 0..2 {
        // What the background thread is giving back at this moment may be missing in one of them and not in the other.
        let until = Instant::now() + Duration::from_secs(60);
        let (noted, counted) = loop {
            let (noted, counted) = (page::own(), figures());
            if noted.resident.abs_diff(counted.resident as u64) < LEEWAY || Instant::now() > until {
                break (noted, counted);
            }
            thread::sleep(Duration::from_millis(20));
        };
        assert!(noted.live.abs_diff(counted.live as u64) < LEEWAY, "{noted:?} {counted:?}");
        assert!(noted.resident.abs_diff(counted.resident as u64) < LEEWAY, "{noted:?} {counted:?}");
        assert_eq!(noted.mapped, counted.mapped as u64);
        assert!(noted.peak_live.minute >= noted.live && noted.peak_resident.minute >= 50_000_000, "{noted:?}");
        release();
    }
    let before = page::own();
    drop(blocks);
    release();
    let after = page::own();
    assert!(after.live < before.live / 10 && after.frees > before.frees, "{after:?}");
}
