//! The C face and C++'s operators, tried by programs in C and C++.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use support::{compiled, library, on_planet, output};

mod support;

#[test]
fn every_call_does_what_c_says() {
    assert_eq!(output(&mut on_planet(compiled("face.c"))), "all is as it should be\n");
}

#[test]
fn every_call_does_what_c_says_without_the_thread_and_with_no_delay() {
    let program = compiled("face.c");
    for (name, value) in [("PLANET_MALLOC_BACKGROUND", "0"), ("PLANET_MALLOC_DELAY_MS", "0")] {
        let text = output(on_planet(&program).env(name, value));
        assert_eq!(text, "all is as it should be\n", "{name}={value}");
    }
}

#[test]
fn operators_of_cxx() {
    assert_eq!(output(&mut on_planet(compiled("operators.cpp"))), "all is as it should be\n");
}

#[test]
fn a_program_can_open_the_library_when_threads_run() {
    let mut opens_it = Command::new(compiled("opened.c"));
    assert_eq!(output(opens_it.arg(library())), "all is as it should be\n");
}

#[test]
fn of_300_forks_in_a_process_with_threads_none_hangs() {
    let text = output(on_planet(compiled("forks.c")).env("PLANET_MALLOC_DELAY_MS", "20"));
    assert_eq!(text, "0 of 300 children failed\n");
}

#[test]
fn forks_succeed_where_the_kernel_has_no_membarrier() {
    let mut program = on_planet(compiled("forks.c"));
    let text = output(program.arg("without-membarrier").env("PLANET_MALLOC_DELAY_MS", "20"));
    assert_eq!(text, "0 of 300 children failed\n");
}

#[test]
fn misuse_ends_in_one_clear_line() {
    const DOUBLE_FREE: &str = "double free";
    const MARK_GONE: &str = "write to a block after its free, or a double free of it,";
    const NOT_ALLOCATED: &str = "free of a pointer that was not allocated, or a double free,";
    let program = compiled("misuse.c");
    for (how, words) in [
        ("twice", DOUBLE_FREE),
        ("twice-later", DOUBLE_FREE),
        ("twice-but-one", DOUBLE_FREE),
        ("twice-and-taken", DOUBLE_FREE),
        ("twice-after-return", DOUBLE_FREE),
        ("twice-in-use", DOUBLE_FREE),
        ("twice-elsewhere", DOUBLE_FREE),
        ("twice-kept-elsewhere", DOUBLE_FREE),
        ("twice-written-and-live", MARK_GONE),
        ("written-before-move", MARK_GONE),
        ("here-and-elsewhere", DOUBLE_FREE),
        ("elsewhere-and-here", DOUBLE_FREE),
        ("run-twice", NOT_ALLOCATED),
        ("large-twice", NOT_ALLOCATED),
        ("written-after", MARK_GONE),
        ("inside", NOT_ALLOCATED),
        ("inside-run", NOT_ALLOCATED),
        ("inside-large", NOT_ALLOCATED),
        ("stack", NOT_ALLOCATED),
        ("static", NOT_ALLOCATED),
        ("wild", NOT_ALLOCATED),
        ("realloc-freed", "realloc of a pointer that was not allocated,"),
    ] {
        let ended = on_planet(&program).arg(how).output().expect("it can be started");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.signal(), Some(6), "{how}: {said}");
        assert_eq!(said.lines().count(), 1, "{how}: {said}");
        assert!(said.starts_with(&format!("planet-malloc: {words} at 0x")), "{how}: {said}");
    }
}

#[test]
fn writing_past_a_large_block_faults() {
    let ended = on_planet(compiled("misuse.c")).arg("past-the-end").output().expect("it can be started");
    assert_eq!(ended.status.signal(), Some(11), "{ended:?}");
}
