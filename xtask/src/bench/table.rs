//! The results, as a table and as the page that keeps them.

use std::fmt;
use std::fs;
use std::process::Command;

use super::load::Figures;
use crate::workspace;

/// A load on Planet, and the limit, measured several times.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) name: &'static str,
    pub(super) limit: Series,
    pub(super) planet: Series,
}

/// What one server was measured to cost.
#[derive(Debug, Default)]
pub(super) struct Series {
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

/// All of it.
#[derive(Debug)]
pub(super) struct Results {
    pub(super) clients: usize,
    pub(super) pairs: [Pair; 2],
    pub(super) idle: Vec<Idle>,
}

impl Pair {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, limit: Series::default(), planet: Series::default() }
    }

    /// Each cost as a part of the limit's at the same time.
    pub(super) fn ratios(&self) -> Vec<f64> {
        ratios(&self.planet.costs, &self.limit.costs)
    }
}

impl Series {
    pub(super) fn add(&mut self, cost: f64, figures: &Figures) {
        self.costs.push(cost);
        self.deliveries += figures.delivered;
        self.lost += figures.lost;
    }
}

/// Each figure as a part of the other's of the same turn.
pub(super) fn ratios(of: &[f64], to: &[f64]) -> Vec<f64> {
    of.iter().zip(to).map(|(of, to)| of / to).collect()
}

/// The middle one; of an even number, the mean of the two in the middle.
pub(super) fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
    match (sorted.get(low), sorted.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}

pub(super) fn range(numbers: &[f64]) -> (f64, f64) {
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    (least, numbers.iter().copied().fold(0.0, f64::max))
}

impl Results {
    /// What did not arrive as it should, over all series.
    pub(super) fn lost(&self) -> u64 {
        self.pairs.iter().map(|pair| pair.limit.lost + pair.planet.lost).sum()
    }

    /// Writes them to `bench/RESULTS.md`, with the command and the machine.
    pub(super) fn save(&self, command: &str) -> Result<(), String> {
        save("bench/RESULTS.md", "cargo xtask bench fanout --save", command, &self.to_string())
    }
}

/// Writes `results` to a page of the repository, with the command and the machine.
pub(super) fn save(page: &str, writer: &str, command: &str, results: &str) -> Result<(), String> {
    let path = workspace::root().join(page);
    let machine = machine();
    let text =
        format!("# Results\n\nWritten by `{writer}`, the last time it ran.\n\n    {command}\n\n{machine}\n{results}");
    fs::create_dir_all(workspace::root().join("bench"))
        .and_then(|()| fs::write(&path, text))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## CPU of the server for a delivery\n")?;
        writeln!(f, "{} WebSocket subscribers on one machine with the server, messages of 128 bytes;", self.clients)?;
        writeln!(
            f,
            "Planet keeps the channel's history. Each row was measured at the same time as its limit, a program"
        )?;
        writeln!(f, "that only writes the same frames, one message at a time, to as many sockets.\n")?;
        writeln!(
            f,
            "| | median | the limit's median | of the limit: median, lowest and highest | deliveries | lost |"
        )?;
        writeln!(f, "| --- | --- | --- | --- | --- | --- |")?;
        for pair in &self.pairs {
            let Pair { name, limit, planet } = pair;
            let ratios = pair.ratios();
            let (least, most) = range(&ratios);
            let (cost, limits, ratio) = (median(&planet.costs), median(&limit.costs), median(&ratios));
            let (deliveries, lost) = (limit.deliveries + planet.deliveries, limit.lost + planet.lost);
            writeln!(
                f,
                "| {name} | {cost:.2} µs | {limits:.2} µs | {ratio:.2}, {least:.2} to {most:.2} | {deliveries} | {lost} |"
            )?;
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

    fn pair(limit: &[f64], planet: &[f64]) -> Pair {
        let series = |costs: &[f64]| Series { costs: costs.to_vec(), ..Series::default() };
        Pair { limit: series(limit), planet: series(planet), ..Pair::new("a pair") }
    }

    #[test]
    fn medians_of_odd_and_even_numbers() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn the_table_tells_the_ratios_to_the_limit() {
        let idle = vec![Idle { transport: "sse", connections: 10, bytes: 1234.4 }];
        let pairs = [pair(&[4.0, 2.0, 4.0], &[4.4, 2.0, 4.8]), pair(&[4.0], &[1.0])];
        let results = Results { clients: 7, pairs, idle };
        let text = results.to_string();
        assert!(text.contains("| a pair | 4.40 µs | 4.00 µs | 1.10, 1.00 to 1.20 |"), "{text}");
        assert!(text.contains("| a pair | 1.00 µs | 4.00 µs | 0.25, 0.25 to 0.25 |"), "{text}");
        assert!(text.contains("| sse | 10 | 1234 |"), "{text}");
        assert_eq!(results.lost(), 0);
    }
}
