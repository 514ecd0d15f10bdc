//! The time that meters go by: monotonic, coarse, cheap.

/// A second, in the unit of [`now`].
pub(super) const SECOND: u64 = 1_000_000_000;

/// Nanoseconds since some moment before the process began.
#[cfg(target_os = "linux")]
pub(super) fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    now.tv_sec as u64 * SECOND + now.tv_nsec as u64
}

/// Nanoseconds since it was first asked for.
#[cfg(not(target_os = "linux"))]
pub(super) fn now() -> u64 {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed().as_nanos() as u64
}
