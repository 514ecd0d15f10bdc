//! The results, as a table and as the page that keeps them.

use std::fmt;
use std::fs;
use std::process::Command;

use super::load::Figures;
use crate::workspace;

/// One thing, measured several times.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) name: &'static str,
    /// Microseconds of the server's CPU for a delivery.
    pub(super) costs: Vec<f64>,
    pub(super) deliveries: u64,
    pub(super) lost: u64,
}

/// Resident bytes for an idle connection.
#[derive(Debug)]
pub(super) struct Idle {
    pub(super) transport: &'static str,
    pub(super) connections: usize,
    pub(super) bytes: f64,
}

/// All of it. The first series is the limit that the others are compared with.
#[derive(Debug)]
pub(super) struct Results {
    pub(super) clients: usize,
    pub(super) series: [Series; 3],
    pub(super) idle: Vec<Idle>,
}

impl Series {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, costs: Vec::new(), deliveries: 0, lost: 0 }
    }

    pub(super) fn add(&mut self, cost: f64, figures: &Figures) {
        self.costs.push(cost);
        self.deliveries += figures.delivered;
        self.lost += figures.lost;
    }

    pub(super) fn median(&self) -> f64 {
        median(&self.costs)
    }

    /// Each cost as a part of the limit's in the same repeat.
    fn ratios(&self, limit: &Self) -> Vec<f64> {
        self.costs.iter().zip(&limit.costs).map(|(cost, limit)| cost / limit).collect()
    }
}

/// The middle one; of an even number, the mean of the two in the middle.
fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
    match (sorted.get(low), sorted.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}

fn range(numbers: &[f64]) -> (f64, f64) {
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    (least, numbers.iter().copied().fold(0.0, f64::max))
}

impl Results {
    /// The cost of one message at a time, and of bursts, as parts of the limit.
    pub(super) fn ratios(&self) -> [f64; 2] {
        let [limit, single, burst] = &self.series;
        [single.median() / limit.median(), burst.median() / limit.median()]
    }

    /// What did not arrive as it should, over all series.
    pub(super) fn lost(&self) -> u64 {
        self.series.iter().map(|series| series.lost).sum()
    }

    /// Writes them to `bench/RESULTS.md`, with the command and the machine.
    pub(super) fn save(&self, command: &str) -> Result<(), String> {
        let page = format!(
            "# Results\n\nWritten by `cargo xtask bench fanout --save`, the last time it ran.\n\n    {command}\n\n{}\n\
             {self}",
            machine()
        );
        let path = workspace::root().join("bench/RESULTS.md");
        fs::create_dir_all(workspace::root().join("bench"))
            .and_then(|()| fs::write(&path, page))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## CPU of the server for a delivery\n")?;
        writeln!(f, "{} WebSocket subscribers on one machine with the server, messages of 128 bytes;", self.clients)?;
        writeln!(f, "Planet keeps the channel's history.\n")?;
        writeln!(f, "| | median | lowest and highest | of the limit | deliveries | lost |")?;
        writeln!(f, "| --- | --- | --- | --- | --- | --- |")?;
        let [single, burst] = self.ratios();
        for (series, ratio) in self.series.iter().zip([1.0, single, burst]) {
            let (least, most) = range(&series.costs);
            let (name, median) = (series.name, series.median());
            let (deliveries, lost) = (series.deliveries, series.lost);
            writeln!(
                f,
                "| {name} | {median:.2} µs | {least:.2} to {most:.2} µs | {ratio:.2} | {deliveries} | {lost} |"
            )?;
        }
        let limit = &self.series[0];
        writeln!(f, "\nCompared repeat by repeat, with the limit measured just before:\n")?;
        for series in &self.series[1..] {
            let ratios = series.ratios(limit);
            let (least, most) = range(&ratios);
            writeln!(f, "- {}: median {:.2}, {least:.2} to {most:.2}", series.name, median(&ratios))?;
        }
        if !self.idle.is_empty() {
            writeln!(f, "\n## Resident memory of the server for an idle connection\n")?;
            writeln!(f, "Each with a user of its own and one subscription, to a channel with history and presence.\n")?;
            writeln!(f, "| transport | connections | bytes for each |")?;
            writeln!(f, "| --- | --- | --- |")?;
            for Idle { transport, connections, bytes } in &self.idle {
                writeln!(f, "| {transport} | {connections} | {bytes:.0} |")?;
            }
        }
        Ok(())
    }
}

/// The machine in a few words.
fn machine() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok();
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    };
    let (kernel, date) = (said("uname", &["-sr"]), said("date", &["-u", "+%Y-%m-%d"]));
    format!("Machine: {cpus} CPUs ({model}), {kernel}, {date}.\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(costs: &[f64]) -> Series {
        Series { costs: costs.to_vec(), ..Series::new("a series") }
    }

    #[test]
    fn medians_of_odd_and_even_numbers() {
        assert_eq!(series(&[3.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(series(&[4.0, 1.0, 3.0, 2.0]).median(), 2.5);
        assert!(series(&[]).median().is_nan());
    }

    #[test]
    fn the_table_tells_the_ratios_to_the_limit() {
        let idle = vec![Idle { transport: "sse", connections: 10, bytes: 1234.4 }];
        let series = [series(&[4.0]), series(&[4.4]), series(&[1.0])];
        let results = Results { clients: 7, series, idle };
        let text = results.to_string();
        assert!(text.contains("| 4.40 µs | 4.40 to 4.40 µs | 1.10 |"), "{text}");
        assert!(text.contains("| 1.00 µs | 1.00 to 1.00 µs | 0.25 |"), "{text}");
        assert!(text.contains("| sse | 10 | 1234 |"), "{text}");
        assert!(text.contains("- a series: median 1.10, 1.10 to 1.10"), "{text}");
        assert_eq!(results.lost(), 0);
    }
}
