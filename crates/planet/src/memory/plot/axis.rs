//! Round numbers for the lines of a grid.

/// As many lines as there may be, apart from that at zero.
const LINES: u64 = 7;

/// Steps of time that people count in, in milliseconds, up to a day.
const TIMES: [u64; 20] = {
    let (second, minute, hour) = (1000, 60_000, 3_600_000);
    [
        100,
        200,
        500,
        second,
        2 * second,
        5 * second,
        10 * second,
        15 * second,
        30 * second,
        minute,
        2 * minute,
        5 * minute,
        10 * minute,
        15 * minute,
        30 * minute,
        hour,
        2 * hour,
        6 * hour,
        12 * hour,
        24 * hour,
    ]
};

/// The step between lines that show `bytes` in full: 1, 2 or 5 and zeros.
pub(super) fn step_of_bytes(bytes: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for digit in [1, 2, 5] {
            let step = power.saturating_mul(digit);
            if bytes.div_ceil(step) <= LINES {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// The step between lines over a time in milliseconds: one that clocks have, or whole days.
pub(super) fn step_of_time(milliseconds: u64) -> u64 {
    let fits = |step: &u64| milliseconds / step <= LINES;
    let days = || milliseconds.div_ceil(LINES).next_multiple_of(TIMES[TIMES.len() - 1]);
    TIMES.into_iter().find(fits).unwrap_or_else(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_in_ones_twos_and_fives() {
        let cases = [(0, 1), (7, 1), (8, 2), (14, 2), (15, 5), (690_000_000, 100_000_000), (710_000_000, 200_000_000)];
        for (bytes, step) in cases {
            assert_eq!(step_of_bytes(bytes), step, "{bytes}");
        }
        assert_eq!(step_of_bytes(u64::MAX), 5_000_000_000_000_000_000);
    }

    #[test]
    fn times_go_as_clocks_do() {
        for (time, step) in [(0, 100), (6_000, 1_000), (60_000, 10_000), (600_000, 120_000), (3_600_000, 600_000)] {
            assert_eq!(step_of_time(time), step, "{time}");
        }
        let day = 86_400_000;
        assert_eq!(step_of_time(30 * day), 5 * day);
        assert_eq!(step_of_time(7 * day), day);
        assert!(u64::MAX / step_of_time(u64::MAX / 2) <= 2 * LINES);
    }
}
