//! What threads note that all begin at once, while one of them makes the page. A process has but one such moment.

use std::process::Command;
use std::sync::Barrier;
use std::thread;

use planet_malloc::alloc::{allocate, free};
use planet_malloc::{figures, page};

const PROCESSES: usize = 40;
const THREADS: usize = 4;
/// Makes the test one of those processes.
const IS_ONE: &str = "PLANET_MALLOC_TEST_FIRST_MOMENTS";

#[test]
fn what_is_noted_while_the_page_is_made_is_not_lost() {
    if std::env::var_os(IS_ONE).is_some() {
        return begin();
    }
    for _ in 0..PROCESSES {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        let output = command.env(IS_ONE, "1").output().expect("it can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

fn begin() {
    let all_are_here = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                all_are_here.wait();
                let blocks: Vec<_> = (1..500).map(|n| allocate(n * 16)).collect();
                // SAFETY: just allocated, and nobody else knows of them.
                blocks.into_iter().for_each(|block| unsafe { free(block) });
            });
        }
    });
    // Something may be given back between the two looks.
    let mut looks = (0..100).map(|_| (figures().resident as u64, page::own().resident));
    assert!(looks.any(|(counted, noted)| counted == noted), "{:?}", (figures(), page::own()));
}
