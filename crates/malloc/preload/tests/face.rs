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
fn misuse_ends_in_one_clear_line() {
    let program = compiled("misuse.c");
    for (how, words) in [
        ("twice", "double free"),
        ("twice-later", "double free"),
        ("twice-but-one", "double free"),
        ("twice-and-taken", "a double free of it"),
        ("twice-after-return", "double free"),
        ("twice-in-use", "double free"),
        ("twice-elsewhere", "double free"),
        ("twice-kept-elsewhere", "double free"),
        ("twice-and-live", "double free"),
        ("written-before-move", "write to a block after its free"),
        ("here-and-elsewhere", "double free"),
        ("elsewhere-and-here", "double free"),
        ("run-twice", "double free"),
        ("large-twice", "double free"),
        ("written-after", "write to a block after its free"),
        ("inside", "not allocated"),
        ("inside-run", "not allocated"),
        ("inside-large", "not allocated"),
        ("stack", "not allocated"),
        ("static", "not allocated"),
        ("wild", "not allocated"),
        ("realloc-freed", "not allocated"),
    ] {
        let ended = on_planet(&program).arg(how).output().expect("it can be started");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.signal(), Some(6), "{how}: {said}");
        assert_eq!(said.lines().count(), 1, "{how}: {said}");
        assert!(said.starts_with("planet-malloc: ") && said.contains(words), "{how}: {said}");
    }
}

#[test]
fn writing_past_a_large_block_faults() {
    let ended = on_planet(compiled("misuse.c")).arg("past-the-end").output().expect("it can be started");
    assert_eq!(ended.status.signal(), Some(11), "{ended:?}");
}
