//! What the `debug` feature finds. `cargo test -p planet-malloc --features debug`.
#![cfg(feature = "debug")]

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use planet_malloc::alloc::{allocate, allocate_zeroed, free};

/// Runs one of the tests below in a process of its own, which is to abort, and returns what it said.
fn last_words(test: &str) -> String {
    let ended = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .expect("it can be started");
    assert_eq!(ended.status.signal(), Some(6), "{ended:?}");
    String::from_utf8_lossy(&ended.stderr).into_owned()
}

fn push_out_of_quarantine() {
    for _ in 0..2000 {
        // SAFETY: just allocated.
        unsafe { free(allocate(64)) };
    }
}

#[test]
fn fresh_memory_is_filled_unless_zeros_are_asked_for() {
    let (block, zeroed) = (allocate(100), allocate_zeroed(100));
    // SAFETY: both were just allocated with 100 bytes, and are freed once.
    unsafe {
        assert!(std::slice::from_raw_parts(block, 100).iter().all(|byte| *byte == 0xa5));
        assert!(std::slice::from_raw_parts(zeroed, 100).iter().all(|byte| *byte == 0));
        free(block);
        free(zeroed);
    }
    push_out_of_quarantine();
}

#[test]
#[ignore = "ends the process; run by `a_write_after_a_free_is_found`"]
fn write_after_free() {
    let block = allocate(100);
    // SAFETY: none, which is the point: the block is in quarantine, so the write hurts nobody.
    unsafe {
        free(block);
        *block.add(50) = 1;
    }
    push_out_of_quarantine();
}

#[test]
fn a_write_after_a_free_is_found() {
    assert!(last_words("write_after_free").contains("planet-malloc: write to a block after its free"));
}

#[test]
#[ignore = "ends the process; run by `a_second_free_is_found`"]
fn second_free() {
    let block = allocate(100);
    // SAFETY: none, which is the point: the quarantine still has the block.
    unsafe {
        free(block);
        free(block);
    }
}

#[test]
fn a_second_free_is_found() {
    assert!(last_words("second_free").contains("planet-malloc: double free"));
}
