//! Reads how many tests ran from the closing lines of the runners in use: cargo test, node's test runner, Python's
//! unittest, and the plain `N passed, N failed, N skipped`.

use std::sync::{Arc, Mutex, PoisonError};

/// Tests by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

/// Adds up the counts of all runners whose output it is shown. Clones share the sum.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    counts: Counts,
    /// Tests of a unittest run whose closing verdict has not come yet.
    unittest: Option<u64>,
}

impl Counter {
    /// The sum so far.
    pub(crate) fn counts(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).counts
    }

    /// Takes one line of a runner's output.
    pub(crate) fn read(&self, line: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = line.trim();
        if let Some(result) = line.strip_prefix("test result: ") {
            state.add(labelled(result.split_once(". ").map_or("", |(_, counts)| counts)));
        } else if let Some(result) = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# ")) {
            state.add(node(result));
        } else if let Some(ran) = line.strip_prefix("Ran ").and_then(|rest| rest.split_once(" test")) {
            state.unittest = ran.0.parse().ok();
        } else if line.starts_with("OK") || line.starts_with("FAILED (") {
            if let Some(total) = state.unittest.take() {
                state.add(unittest(total, line));
            }
        } else if is_plain(line) {
            state.add(labelled(line));
        }
    }
}

impl State {
    fn add(&mut self, more: Counts) {
        self.counts.passed += more.passed;
        self.counts.failed += more.failed;
        self.counts.skipped += more.skipped;
    }
}

/// Counts written as `N label`, separated by `;` or `,`.
fn labelled(text: &str) -> Counts {
    let mut counts = Counts::default();
    for part in text.split([';', ',']) {
        let mut words = part.split_whitespace();
        let (Some(Ok(number)), Some(label)) = (words.next().map(str::parse::<u64>), words.next()) else { continue };
        match label {
            "passed" => counts.passed += number,
            "failed" => counts.failed += number,
            "ignored" | "skipped" => counts.skipped += number,
            _ => {}
        }
    }
    counts
}

/// Whether a line is nothing but `N passed, N failed`, with or without `, N skipped`.
fn is_plain(line: &str) -> bool {
    let labels: Vec<_> = line.split(", ").map(|part| part.split_once(' ').unwrap_or_default()).collect();
    let is_count = |(number, _): &(&str, &str)| number.parse::<u64>().is_ok();
    labels.iter().all(is_count)
        && matches!(
            labels.iter().map(|(_, label)| *label).collect::<Vec<_>>()[..],
            ["passed", "failed"] | ["passed", "failed", "skipped"]
        )
}

/// One of node's closing lines, as in `pass 12`.
fn node(line: &str) -> Counts {
    let mut counts = Counts::default();
    if let Some((label, number)) = line.split_once(' ')
        && let Ok(number) = number.parse::<u64>()
    {
        match label {
            "pass" => counts.passed = number,
            "fail" | "cancelled" => counts.failed = number,
            "skipped" | "todo" => counts.skipped = number,
            _ => {}
        }
    }
    counts
}

/// The verdict of unittest over `total` tests, as in `FAILED (failures=1, errors=2, skipped=3)`.
fn unittest(total: u64, line: &str) -> Counts {
    let mut counts = Counts::default();
    let details = line.split_once('(').map_or("", |(_, details)| details.trim_end_matches(')'));
    for (label, number) in details.split(", ").filter_map(|part| part.split_once('=')) {
        let number = number.parse().unwrap_or(0);
        match label {
            "failures" | "errors" | "unexpected successes" => counts.failed += number,
            "skipped" | "expected failures" => counts.skipped += number,
            _ => {}
        }
    }
    counts.passed = total.saturating_sub(counts.failed + counts.skipped);
    counts
}

#[cfg(test)]
mod tests {
    use super::{Counter, Counts};

    fn read(lines: &[&str]) -> Counts {
        let counter = Counter::default();
        lines.iter().for_each(|line| counter.read(line));
        counter.counts()
    }

    #[test]
    fn adds_up_cargo_test() {
        let counts = read(&[
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ]);
        assert_eq!(counts, Counts { passed: 5, failed: 1, skipped: 1 });
    }

    #[test]
    fn reads_both_reporters_of_node() {
        let spec = read(&["ℹ tests 4", "ℹ pass 2", "ℹ fail 1", "ℹ cancelled 0", "ℹ skipped 1", "ℹ todo 0"]);
        let tap = read(&["# tests 4", "# pass 2", "# fail 1", "# cancelled 0", "# skipped 1", "# todo 0"]);
        assert_eq!(spec, Counts { passed: 2, failed: 1, skipped: 1 });
        assert_eq!(tap, spec);
    }

    #[test]
    fn reads_unittest() {
        assert_eq!(read(&["Ran 7 tests in 1.204s", "", "OK"]), Counts { passed: 7, failed: 0, skipped: 0 });
        let counts = read(&["Ran 7 tests in 1.204s", "", "FAILED (failures=1, errors=2, skipped=1)"]);
        assert_eq!(counts, Counts { passed: 3, failed: 3, skipped: 1 });
    }

    #[test]
    fn reads_plain_lines_and_nothing_else() {
        assert_eq!(read(&["247 passed, 0 failed"]), Counts { passed: 247, failed: 0, skipped: 0 });
        assert_eq!(read(&["1 passed, 2 failed, 3 skipped"]), Counts { passed: 1, failed: 2, skipped: 3 });
        assert_eq!(read(&["5 passed, of which 2 failed first", "OK", "passed, failed"]), Counts::default());
    }
}
