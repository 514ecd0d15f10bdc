//! The CPU time that programs took.

use std::mem::MaybeUninit;
use std::time::Duration;

/// User and system time of all children of this process that have ended and were waited for, and of theirs.
pub(super) fn of_children() -> Duration {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: `usage` has room for what is written.
    let result = unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) };
    assert_eq!(result, 0, "getrusage only fails for arguments that are wrong");
    // SAFETY: It succeeded and so has filled in all of it.
    let usage = unsafe { usage.assume_init() };
    duration(usage.ru_utime) + duration(usage.ru_stime)
}

fn duration(time: libc::timeval) -> Duration {
    let (seconds, micros) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_usec));
    Duration::from_secs(seconds.unwrap_or(0)) + Duration::from_micros(micros.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_child_that_was_busy_is_seen() {
        let before = of_children();
        let script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done";
        assert!(Command::new("sh").args(["-c", script]).status().is_ok_and(|status| status.success()));
        assert!(of_children() > before);
    }
}
