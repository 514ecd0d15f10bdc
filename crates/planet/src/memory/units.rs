//! Numbers as people read them.

/// Bytes with three digits that count: `999 B`, `1.23 kB`, `45.6 MB`, `789 GB`. At most seven characters, up to 999 PB.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    // What would be written as 1000 is 1.00 of the next unit.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = if value < 9.995 {
        2
    } else if value < 99.95 {
        1
    } else {
        0
    };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// A count with its thousands apart: `12,345`.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length of time in its two largest units: `0 s`, `50 ms`, `0.5 s`, `59 s`, `2 min`, `2 min 5 s`, `1 h 20 min`.
pub(crate) fn time(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let parts = match seconds {
        0..60 => {
            return match milliseconds {
                1..100 => format!("{milliseconds} ms"),
                100..1000 => format!("{:.1} s", milliseconds as f64 / 1000.0),
                _ => format!("{seconds} s"),
            };
        }
        60..3600 => [(seconds / 60, "min"), (seconds % 60, "s")],
        3600..86_400 => [(seconds / 3600, "h"), (seconds / 60 % 60, "min")],
        _ => [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h")],
    };
    let parts: Vec<_> =
        parts.iter().filter(|(value, _)| *value > 0).map(|(value, unit)| format!("{value} {unit}")).collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits_and_never_a_thousand() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (9_994, "9.99 kB"),
            (9_995, "10.0 kB"),
            (99_949, "99.9 kB"),
            (99_950, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (620_300_000, "620 MB"),
            (16_000_000_000, "16.0 GB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (count, text) in cases {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn times_have_their_two_largest_units() {
        let cases = [
            (0, "0 s"),
            (50, "50 ms"),
            (99, "99 ms"),
            (100, "0.1 s"),
            (250, "0.2 s"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (125_000, "2 min 5 s"),
        ];
        for (milliseconds, text) in cases.into_iter().chain([(4_800_000, "1 h 20 min"), (90_000_000, "1 d 1 h")]) {
            assert_eq!(time(milliseconds), text);
        }
    }
}
