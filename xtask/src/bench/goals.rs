//! What was aimed at, and whether it was reached.

use std::fmt;

/// One goal with what was measured.
#[derive(Debug, PartialEq)]
pub(super) struct Goal {
    pub(super) text: String,
    pub(super) measured: String,
    pub(super) met: bool,
}

impl Goal {
    /// That `measured` is `most` at most.
    pub(super) fn at_most(text: impl Into<String>, measured: f64, most: f64, note: &str) -> Self {
        let text = format!("{}: at most {most}", text.into());
        Self { text, measured: format!("{measured:.3} {note}").trim().to_owned(), met: measured <= most }
    }

    /// That the worst of several is `most` at most; names it, or all that are over. Of nothing, no goal.
    pub(super) fn each_at_most(text: &str, mut all: Vec<(&str, f64)>, most: f64) -> Option<Self> {
        all.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let (name, worst) = *all.first()?;
        let over: Vec<String> = all
            .iter()
            .take_while(|(_, measured)| *measured > most)
            .map(|(name, measured)| format!("{name} {measured:.2}"))
            .collect();
        let note = if over.is_empty() { format!("({name})") } else { format!("(over it: {})", over.join(", ")) };
        Some(Self::at_most(text, worst, most, &note))
    }
}

/// A list of them, as a table.
pub(super) struct Goals(pub(super) Vec<Goal>);

impl Goals {
    pub(super) fn met(&self) -> bool {
        self.0.iter().all(|goal| goal.met)
    }
}

impl fmt::Display for Goals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| goal | measured | met |")?;
        writeln!(f, "| --- | --- | --- |")?;
        for Goal { text, measured, met } in &self.0 {
            writeln!(f, "| {text} | {measured} | {} |", if *met { "yes" } else { "**no**" })?;
        }
        Ok(())
    }
}

/// The geometric mean; of nothing, not a number.
pub(super) fn geometric_mean(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) =
        numbers.into_iter().fold((0.0, 0.0), |(sum, count), number| (sum + f64::ln(number), count + 1.0));
    f64::exp(sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_at_its_limit_and_missed_above_it_or_without_a_figure() {
        assert!(Goal::at_most("a", 1.1, 1.1, "").met);
        assert!(!Goal::at_most("a", 1.2, 1.1, "").met);
        assert!(!Goal::at_most("a", f64::NAN, 1.1, "").met);
        let goals = Goals(vec![Goal::at_most("a", 1.0, 1.1, "(in b)"), Goal::at_most("c", 2.0, 1.1, "")]);
        assert!(!goals.met());
        assert!(
            goals.to_string().contains("| a: at most 1.1 | 1.000 (in b) | yes |\n| c: at most 1.1 | 2.000 | **no** |")
        );
    }

    #[test]
    fn those_over_the_limit_are_named_the_worst_first() {
        let judged = |most| Goal::each_at_most("each", vec![("a", 1.2), ("b", 0.9), ("c", 1.3)], most);
        assert_eq!(judged(1.0).expect("there are some").measured, "1.300 (over it: c 1.30, a 1.20)");
        assert_eq!(judged(1.5).expect("there are some").measured, "1.300 (c)");
        assert_eq!(Goal::each_at_most("each", vec![], 1.0), None);
    }

    #[test]
    fn the_mean_is_that_of_ratios() {
        assert!((geometric_mean([0.5, 2.0]) - 1.0).abs() < 1e-9);
        assert!(geometric_mean([]).is_nan());
    }
}
