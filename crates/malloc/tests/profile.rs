//! A heap profile of this very program, read by an independent decoder.
//!
//! Not of the debug build, where freed blocks live on in quarantine.
#![cfg(not(feature = "debug"))]

mod support;

use std::hint::black_box;
use std::thread;

use planet_malloc::profile::{self, Options, ProfileError};
use planet_malloc::{PlanetMalloc, alloc};

use support::pprof::{Decoded, Values};

#[global_allocator]
static ALLOCATOR: PlanetMalloc = PlanetMalloc;

const MB: usize = 1 << 20;

#[inline(never)]
fn hold_many() -> Vec<Vec<u8>> {
    (0..64 * MB / 256).map(|n| black_box(vec![n as u8; 256])).collect()
}

#[inline(never)]
fn hold_few() -> Vec<Vec<u8>> {
    (0..16 * MB / 2000).map(|_| black_box(vec![1; 2000])).collect()
}

#[inline(never)]
fn hold_zeroed() -> Vec<Vec<u8>> {
    (0..8 * MB / 10_000).map(|_| black_box(vec![0; 10_000])).collect()
}

#[inline(never)]
fn hold_runs_and_large_blocks() -> Vec<Vec<u8>> {
    (0..10).flat_map(|_| [black_box(vec![1; MB]), black_box(vec![0; 8 * MB])]).collect()
}

#[inline(never)]
fn churn() {
    for n in 0..64 * MB / 100 {
        black_box(vec![n as u8; 100]);
    }
}

#[inline(never)]
fn grow_large() -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    for n in 1..=6 {
        bytes.reserve_exact(n * 8 * MB);
    }
    bytes
}

fn taken() -> Decoded {
    let path = std::env::temp_dir().join(format!("planet-profile-test-{}.pb.gz", std::process::id()));
    profile::write(&path).expect("a profile");
    let decoded = Decoded::read(&path);
    std::fs::remove_file(path).expect("it was written");
    decoded
}

/// Within a quarter of what is true.
fn assert_about(what: &str, found: i64, truth: usize) {
    let ratio = found as f64 / truth as f64;
    assert!((0.75..=1.25).contains(&ratio), "{what}: {found} is {ratio} of {truth}");
}

/// One test, since all of it is about the one profile of the process.
#[test]
fn the_profile_says_who_holds_what() {
    assert!(matches!(profile::write("/nowhere"), Err(ProfileError::NotStarted)));
    let before = hold_few();
    profile::start(Options { rate: 32 * 1024, seed: 1 }).expect("profiling begins");
    assert!(matches!(profile::start(Options::default()), Err(ProfileError::AlreadyStarted)));
    assert!(matches!(profile::write("/nowhere/at-all"), Err(ProfileError::Write { .. })));

    let many = hold_many();
    let few = thread::spawn(hold_few).join().expect("it ends");
    let zeroed = hold_zeroed();
    let big = hold_runs_and_large_blocks();
    churn();
    let held = taken();
    assert_eq!(held.sample_types, ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"]);
    assert_eq!(held.units, ["count", "bytes", "count", "bytes"]);
    assert_eq!((held.period, held.default_sample_type.as_str()), (32 * 1024, "inuse_space"));
    let by = |name: &str| held.below(name);
    assert_about("many, bytes", by("hold_many").inuse_space, 64 * MB);
    assert_about("many, blocks", by("hold_many").inuse_objects, 64 * MB / 256);
    assert_about("few, bytes", by("hold_few").inuse_space, 16 * MB);
    assert_about("few, blocks", by("hold_few").inuse_objects, 16 * MB / 2000);
    assert_about("zeroed", by("hold_zeroed").inuse_space, 8 * MB);
    assert_about("big, bytes", by("hold_runs_and_large_blocks").inuse_space, 90 * MB);
    assert_about("churn", by("churn").alloc_space, 64 * MB);
    assert!(by("churn").inuse_space < (MB / 2) as i64, "{:?}", by("churn"));
    assert!(held.frames("hold_many").any(|frame| frame.file.ends_with("tests/profile.rs") && frame.line > 0));
    assert_eq!(held.frames("planet_malloc::alloc").count(), 0, "the allocator's own frames are left out");
    assert_eq!(held.frames("planet_malloc::profile").count(), 0, "writing a profile is not in it");
    assert!(held.mappings[0].path.contains("profile") && !held.mappings[0].build_id.is_empty());

    drop((before, many));
    thread::spawn(move || drop(few)).join().expect("it ends");
    drop((zeroed, big));
    let freed = taken();
    for name in ["hold_many", "hold_few", "hold_zeroed", "hold_runs_and_large_blocks"] {
        let Values { inuse_objects, inuse_space, alloc_space, .. } = freed.below(name);
        assert_eq!((inuse_objects, inuse_space), (0, 0), "{name}");
        assert_eq!(alloc_space, by(name).alloc_space, "{name}");
    }

    // Blocks that grow are counted once, at the size that they have.
    let grown = grow_large();
    assert_about("grown", taken().below("grow_large").inuse_space, grown.capacity());
    drop(grown);
    assert_eq!(taken().below("grow_large").inuse_space, 0);

    sampled_blocks_are_as_good_as_others();
    what_came_before_a_fork_is_in_the_childs_profile();
}

/// Of a million bytes in small blocks some 30 are sampled here.
fn sampled_blocks_are_as_good_as_others() {
    for align in [16, 64, 4096, 1 << 20] {
        for size in [0, 1, 100, 5000, 40_000] {
            for n in 0..200 {
                let block = alloc::allocate_aligned(size, align);
                assert!(!block.is_null() && block.addr().is_multiple_of(align));
                // SAFETY: a live block of that size, which is let go of at the end.
                unsafe {
                    block.write_bytes(n, size);
                    assert!(alloc::usable_size(block) >= size);
                    let moved = alloc::reallocate(block, size * 3 + 1);
                    assert!((0..size).all(|at| *moved.add(at) == n));
                    alloc::free(moved);
                }
            }
        }
    }
    let zeroed: Vec<_> = (0..2000).map(|_| vec![0_u8; 1000]).collect();
    assert!(zeroed.iter().flatten().all(|byte| *byte == 0));
}

fn what_came_before_a_fork_is_in_the_childs_profile() {
    let path = std::env::temp_dir().join(format!("planet-profile-child-{}.pb.gz", std::process::id()));
    let kept = hold_many();
    // SAFETY: the child only writes the profile, and leaves without the parent's destructors.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let more = hold_few();
        let written = profile::write(&path).is_ok() && !more.is_empty();
        // SAFETY: ends the process.
        unsafe { libc::_exit(if written { 0 } else { 1 }) };
    }
    let mut status = -1;
    // SAFETY: our own child, and a place for its status.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    let decoded = Decoded::read(&path);
    std::fs::remove_file(path).expect("it was written");
    assert_about("the parent's", decoded.below("hold_many").inuse_space, kept.len() * 256);
    assert_about("the child's", decoded.below("hold_few").inuse_space, 16 * MB);
    assert_eq!(taken().below("hold_few").inuse_space, 0, "the child's are not the parent's");
}
