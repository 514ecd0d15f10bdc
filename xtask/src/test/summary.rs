//! The table at the end of a test run.

use std::fmt;
use std::time::Duration;

use super::count::{Counter, Counts};

/// How a step ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    /// With what went wrong.
    Failed(String),
    /// With the reason.
    Skipped(String),
}

/// A step in the table.
#[derive(Debug)]
pub(crate) struct Row {
    name: &'static str,
    took: Duration,
    counts: Counts,
    outcome: Outcome,
}

impl Row {
    /// A step that counted no tests counts as one itself, and so does a failure that no runner counted.
    pub(crate) fn new(name: &'static str, took: Duration, counter: Counter, outcome: Outcome) -> Self {
        let mut counts = counter.counts();
        match outcome {
            Outcome::Passed if counts == Counts::default() => counts.passed = 1,
            Outcome::Failed(_) if counts.failed == 0 => counts.failed = 1,
            Outcome::Skipped(_) => counts.skipped = counts.skipped.max(1),
            _ => {}
        }
        Self { name, took, counts, outcome }
    }

    /// A step that a runner counted a failure in has failed, whatever its exit status says.
    fn has_failed(&self) -> bool {
        self.counts.failed > 0
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.outcome {
            _ if self.has_failed() => "FAILED",
            Outcome::Skipped(_) => "skipped",
            _ => "passed",
        };
        let Counts { passed, failed, skipped } = self.counts;
        let seconds = self.took.as_secs_f64();
        write!(formatter, "{:<12} {verdict:<8} {seconds:>7.1} s {passed:>6} {failed:>6} {skipped:>7}", self.name)?;
        match &self.outcome {
            Outcome::Passed => Ok(()),
            Outcome::Failed(problem) => write!(formatter, "  {problem}"),
            Outcome::Skipped(reason) => write!(formatter, "  {reason}"),
        }
    }
}

/// All steps that were run.
#[derive(Debug, Default)]
pub(crate) struct Summary(Vec<Row>);

impl Summary {
    /// Adds a step.
    pub(crate) fn add(&mut self, row: Row) {
        self.0.push(row);
    }

    /// Whether no step failed.
    pub(crate) fn is_success(&self) -> bool {
        !self.0.iter().any(Row::has_failed)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "\n{:<12} {:<8} {:>9} passed failed skipped", "step", "result", "took")?;
        for row in &self.0 {
            writeln!(formatter, "{row}")?;
        }
        let took: Duration = self.0.iter().map(|row| row.took).sum();
        writeln!(formatter, "\n{} steps in {} s", self.0.len(), took.as_secs())?;
        let sum = |of: fn(&Counts) -> u64| self.0.iter().map(|row| of(&row.counts)).sum::<u64>();
        let (passed, failed, skipped) = (sum(|all| all.passed), sum(|all| all.failed), sum(|all| all.skipped));
        writeln!(formatter, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Counter, Outcome, Row, Summary};

    fn row(lines: &[&str], outcome: Outcome) -> Row {
        let counter = Counter::default();
        lines.iter().for_each(|line| counter.read(line));
        Row::new("step", Duration::ZERO, counter, outcome)
    }

    fn last_line(rows: Vec<Row>) -> (bool, String) {
        let mut summary = Summary::default();
        rows.into_iter().for_each(|row| summary.add(row));
        (summary.is_success(), summary.to_string().lines().last().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_step_without_counts_counts_as_one() {
        let rows = vec![row(&[], Outcome::Passed), row(&[], Outcome::Skipped("no browser".into()))];
        assert_eq!(last_line(rows), (true, "1 passed, 0 failed, 1 skipped".into()));
    }

    #[test]
    fn a_failure_always_shows() {
        let rows = vec![row(&["5 passed, 0 failed"], Outcome::Failed("exit status 1".into()))];
        assert_eq!(last_line(rows), (false, "5 passed, 1 failed, 0 skipped".into()));
        let rows = vec![row(&["4 passed, 2 failed"], Outcome::Passed)];
        assert_eq!(last_line(rows), (false, "4 passed, 2 failed, 0 skipped".into()));
    }
}
