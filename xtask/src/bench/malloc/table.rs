//! Figures of programs on allocators, as ratios.

use std::fmt;

use crate::bench::goals::geometric_mean;

/// What each program took on each allocator, over what it took on the first.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) title: &'static str,
    /// What the first column is told in, and what one is in terms of the figures.
    pub(super) unit: (&'static str, f64),
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<(String, Vec<f64>)>,
}

impl Table {
    /// The geometric mean of a column over the first.
    pub(super) fn mean(&self, column: usize) -> f64 {
        geometric_mean(self.rows.iter().map(|(_, figures)| figures[column] / figures[0]))
    }

    /// The column of this name.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// Each program with what `column` took over the best of `others`.
    pub(super) fn over_best(&self, column: usize, others: &[usize]) -> Vec<(&str, f64)> {
        let over = self.rows.iter().map(|(name, figures)| {
            let best = others.iter().map(|other| figures[*other]).fold(f64::INFINITY, f64::min);
            (name.as_str(), figures[column] / best)
        });
        over.collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, one) = self.unit;
        let [first, others @ ..] = &*self.columns else { return Ok(()) };
        writeln!(f, "### {}\n", self.title)?;
        writeln!(f, "| | {first}, {unit} | {} |", others.join(" | "))?;
        writeln!(f, "|{}", " --- |".repeat(self.columns.len() + 1))?;
        for (name, figures) in &self.rows {
            let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
            write!(f, "| {name} | {:.2} |", figures[0] / one)?;
            for figure in &figures[1..] {
                let ratio = figure / figures[0];
                if *figure <= least { write!(f, " **{ratio:.2}** |")? } else { write!(f, " {ratio:.2} |")? }
            }
            writeln!(f)?;
        }
        write!(f, "| geometric mean | |")?;
        (1..self.columns.len()).try_for_each(|column| write!(f, " {:.3} |", self.mean(column)))?;
        writeln!(f, "\n")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::bench::malloc) fn table(columns: &[&str], rows: &[(&str, &[f64])]) -> Table {
        Table {
            title: "Some",
            unit: ("s", 1.0),
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            rows: rows.iter().map(|&(name, figures)| (name.to_owned(), figures.to_vec())).collect(),
        }
    }

    #[test]
    fn figures_are_told_as_ratios_to_the_first() {
        let text =
            table(&["glibc", "other", "planet"], &[("a", &[2.0, 1.0, 4.0]), ("b", &[1.0, 2.0, 0.5])]).to_string();
        assert!(text.contains("| | glibc, s | other | planet |\n| --- | --- | --- | --- |\n"), "{text}");
        assert!(text.contains("| a | 2.00 | **0.50** | 2.00 |\n| b | 1.00 | 2.00 | **0.50** |"), "{text}");
        assert!(text.contains("| geometric mean | | 1.000 | 1.000 |"), "{text}");
    }

    #[test]
    fn programs_are_compared_with_the_best_of_the_others() {
        let table = table(&["glibc", "one", "planet"], &[("a", &[2.0, 1.0, 0.5]), ("b", &[1.0, 2.0, 3.0])]);
        assert_eq!(table.over_best(2, &[0, 1]), [("a", 0.5), ("b", 3.0)]);
    }
}
