//! The results, as a table and as the page that keeps them.

use std::fmt;

use super::Turn;
use crate::bench::table::{median, range, ratios, save};

/// One server at one task.
#[derive(Debug)]
pub(super) struct Row {
    task: &'static str,
    name: &'static str,
    pub(super) turns: Vec<Turn>,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Results {
    pub(super) connections: usize,
    pub(super) rows: Vec<Row>,
}

impl Row {
    pub(super) fn new(task: &'static str, name: &'static str) -> Self {
        Self { task, name, turns: Vec::new() }
    }

    fn figures(&self, figure: impl Fn(&Turn) -> f64) -> Vec<f64> {
        self.turns.iter().map(figure).collect()
    }
}

impl Results {
    /// Writes them to `bench/WEB.md`, with the command and the machine.
    pub(super) fn save(&self, command: &str) -> Result<(), String> {
        save("bench/WEB.md", "cargo xtask bench web --save", command, &self.to_string())
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## Files and cache, beside nginx and Varnish\n")?;
        writeln!(
            f,
            "A file of 1 KiB, HTTP/1.1, {} connections; each server on one core, wrk on the other. Medians;",
            self.connections
        )?;
        writeln!(f, "ratios are to the first server of each task, turn by turn.\n")?;
        writeln!(f, "| task | server | requests/s | ratio, lowest and highest | CPU a request | ratio |")?;
        writeln!(f, "| --- | --- | --- | --- | --- | --- |")?;
        for row in &self.rows {
            let Some(first) = self.rows.iter().find(|first| first.task == row.task) else { continue };
            let (rate, cost) = (|turn: &Turn| turn.requests_per_second, |turn: &Turn| turn.cpu_us_per_request);
            let (rates, costs) = (row.figures(rate), row.figures(cost));
            let rate_ratios = ratios(&rates, &first.figures(rate));
            let cost_ratios = ratios(&costs, &first.figures(cost));
            let (least, most) = range(&rate_ratios);
            writeln!(
                f,
                "| {} | {} | {:.0} | {:.2}, {least:.2} to {most:.2} | {:.2} µs | {:.2} |",
                row.task,
                row.name,
                median(&rates),
                median(&rate_ratios),
                median(&costs),
                median(&cost_ratios),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_compares_with_the_first_of_the_task() {
        let row = |task, name, requests_per_second, cpu_us_per_request| {
            let turns = vec![Turn { requests_per_second, cpu_us_per_request }];
            Row { turns, ..Row::new(task, name) }
        };
        let rows = vec![row("a", "one", 100.0, 4.0), row("a", "two", 150.0, 2.0), row("b", "three", 10.0, 8.0)];
        let text = Results { connections: 3, rows }.to_string();
        assert!(text.contains("| a | two | 150 | 1.50, 1.50 to 1.50 | 2.00 µs | 0.50 |"), "{text}");
        assert!(text.contains("| b | three | 10 | 1.00, 1.00 to 1.00 | 8.00 µs | 1.00 |"), "{text}");
    }
}
