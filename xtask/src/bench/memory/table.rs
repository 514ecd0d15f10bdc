//! The figures, as tables and as the page that keeps them.

use std::fmt;
use std::fs;

use super::picture;
use super::scenario::{Case, Run};
use super::stall::Stalls;
use crate::bench::allocators::{Allocator, BASE};
use crate::bench::goals::Goals;
use crate::bench::table::{median, range, save};
use crate::workspace;

/// One allocator at one scenario.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) case: Case,
    pub(super) allocator: &'static str,
    pub(super) runs: Vec<Run>,
}

/// All of it.
pub(super) struct Results {
    pub(super) allocators: Vec<Allocator>,
    pub(super) cases: Vec<Case>,
    pub(super) rows: Vec<Row>,
    pub(super) stalls: Vec<Stalls>,
}

impl Row {
    pub(super) fn all(&self, figure: impl Fn(&Run) -> f64) -> Vec<f64> {
        self.runs.iter().map(figure).collect()
    }

    /// The median over the runs.
    pub(super) fn median(&self, figure: impl Fn(&Run) -> f64) -> f64 {
        median(&self.all(figure))
    }
}

impl Results {
    pub(super) fn of(&self, case: Case) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.case == case)
    }

    pub(super) fn row(&self, case: Case, allocator: &str) -> Option<&Row> {
        self.of(case).find(|row| row.allocator == allocator)
    }

    /// What a scenario cannot do without: the interpreter as it starts on glibc, and the live objects.
    pub(super) fn needed(&self, case: Case) -> f64 {
        self.row(case, BASE).map_or(f64::NAN, |base| base.median(|run| run.start + run.live))
    }

    /// Writes the page with the picture.
    pub(super) fn save(&self, goals: &Goals, command: &str) -> Result<(), String> {
        let picture = workspace::root().join("bench/memory.svg");
        fs::write(&picture, picture::svg(self))
            .map_err(|error| format!("cannot write {}: {error}", picture.display()))?;
        let text = format!(
            "## Memory after a spike, beside other allocators\n\n![Resident memory over time](memory.svg)\n\n\
             {goals}\n{self}"
        );
        save("bench/MEMORY.md", "cargo xtask bench memory --save", command, &text)
    }
}

fn megabytes(bytes: f64) -> f64 {
    bytes / 1e6
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in &self.cases {
            let needed = self.needed(*case);
            writeln!(f, "### {}\n", case.title)?;
            writeln!(
                f,
                "Resident MB; in parentheses over the {:.1} MB that the interpreter and the live objects need.\n",
                megabytes(needed)
            )?;
            writeln!(f, "| | start | peak | 0 s after | 1 s | 10 s | user s | system s |")?;
            writeln!(f, "| --- | --- | --- | --- | --- | --- | --- | --- |")?;
            for row in self.of(*case) {
                let (start, peak) = (row.median(|run| run.start), row.median(|run| run.peak));
                write!(f, "| {} | {:.1} | {:.0} |", row.allocator, megabytes(start), megabytes(peak))?;
                for seconds in [0.0, 1.0, 10.0] {
                    let resident = row.median(|run| run.after(seconds));
                    write!(f, " {:.1} ({:.1}) |", megabytes(resident), resident / needed)?;
                }
                writeln!(f, " {:.2} | {:.2} |", row.median(|run| run.user), row.median(|run| run.system))?;
            }
            writeln!(f)?;
        }
        if !self.stalls.is_empty() {
            writeln!(f, "### The longest wait for the allocator while 600 MB go back\n")?;
            writeln!(f, "Of a thread that allocates and frees small blocks meanwhile; µs, of several runs.\n")?;
            writeln!(f, "| | median | least | most |\n| --- | --- | --- | --- |")?;
            for Stalls { name, longest } in &self.stalls {
                let (least, most) = range(longest);
                writeln!(f, "| {name} | {:.0} | {least:.0} | {most:.0} |", median(longest))?;
            }
            writeln!(f)?;
        }
        writeln!(f, "Settings:\n")?;
        for Allocator { name, settings, trim, .. } in &self.allocators {
            let settings: Vec<String> =
                settings.iter().map(|(variable, value)| format!("`{variable}={value}`")).collect();
            let settings = match (settings.is_empty(), trim) {
                (_, true) => "`malloc_trim(0)` called by hand after the spike".to_owned(),
                (true, false) => "none".to_owned(),
                (false, false) => settings.join(" "),
            };
            writeln!(f, "- {name}: {settings}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::bench::memory) const CASE: Case = Case { name: "high", title: "result last", small_objects: false };

    /// One run of each, in MB: what is resident from the spike on, and how it starts.
    pub(in crate::bench::memory) fn results(figures: &[(&'static str, f64, f64)]) -> Results {
        let row = |&(allocator, start, after): &(&'static str, f64, f64)| {
            let points = vec![(-1.0, start * 1e6), (-0.1, 6e8), (0.0, 6e8), (1.0, after * 1e6), (10.0, after * 1e6)];
            let run = Run { start: start * 1e6, peak: 6e8, live: 2e6, user: 1.0, system: 0.5, points };
            Row { case: CASE, allocator, runs: vec![run] }
        };
        Results { allocators: vec![], cases: vec![CASE], rows: figures.iter().map(row).collect(), stalls: vec![] }
    }

    #[test]
    fn memory_is_told_over_what_is_needed() {
        let mut results = results(&[("glibc", 10.0, 600.0), ("planet", 11.0, 18.0)]);
        results.stalls.push(Stalls { name: "planet", longest: vec![3.0, 90.0, 7.0] });
        let text = results.to_string();
        assert!(text.contains("over the 12.0 MB"), "{text}");
        let row = "| planet | 11.0 | 600 | 600.0 (50.0) | 18.0 (1.5) | 18.0 (1.5) | 1.00 | 0.50 |";
        assert!(text.contains(row), "{text}");
        assert!(text.contains("| planet | 7 | 3 | 90 |"), "{text}");
    }
}
