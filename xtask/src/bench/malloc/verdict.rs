//! Which goals were met.

use std::fmt;

use super::table::Table;
use crate::bench::allocators::{BASE, OURS, RIVALS};
use crate::bench::goals::{Goal, Goals};

/// All that was measured; what was not asked for has no rows.
pub(super) struct Results {
    pub(super) programs: Table,
    /// The first column is stock Python; in the others, small objects come from the allocator.
    pub(super) python: Table,
    /// The same, in instructions.
    pub(super) instructions: Table,
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in [&self.programs, &self.python, &self.instructions] {
            if !table.rows.is_empty() {
                write!(f, "{table}")?;
            }
        }
        Ok(())
    }
}

/// The column of Python on ours as it is without `planet run`.
pub(super) const PRELOADED: &str = "planet, preloaded only";

/// How far a program may be from the best of the rivals.
const NEAR: f64 = 1.10;

/// Judges what was measured.
pub(super) fn goals(results: &Results) -> Goals {
    let mut goals = Vec::new();
    let Results { programs, python, instructions } = results;
    let rivals = |table: &Table| RIVALS.iter().filter_map(|name| table.column(name)).collect::<Vec<_>>();
    if let Some(ours) = programs.column(OURS).filter(|_| !programs.rows.is_empty()) {
        let means = rivals(programs).into_iter().map(|rival| (programs.mean(rival), &*programs.columns[rival]));
        if let Some((best, name)) = means.min_by(|(one, _), (other, _)| one.total_cmp(other)) {
            let mean = programs.mean(ours);
            let note = format!("({mean:.3} of {BASE}'s, {name} {best:.3})");
            goals.push(Goal::at_most("time over that of the best rival, geometric mean", mean / best, 1.0, &note));
        }
    }
    for (table, text) in [
        (programs, "time over the best rival's, in every program"),
        (python, "time over the best rival's, in every benchmark of Python with PYTHONMALLOC=malloc"),
    ] {
        let Some(ours) = table.column(OURS) else { continue };
        goals.extend(Goal::each_at_most(text, table.over_best(ours, &rivals(table)), NEAR));
    }
    for (table, text, most) in [
        (python, "time of Python with PYTHONMALLOC=malloc over stock pymalloc's, geometric mean", 1.0),
        (instructions, "instructions of Python with PYTHONMALLOC=malloc over stock pymalloc's, geometric mean", 1.01),
    ] {
        if let Some(ours) = table.column(OURS).filter(|_| !table.rows.is_empty()) {
            let preloaded = table.column(PRELOADED).map(|column| format!("({PRELOADED}: {:.3})", table.mean(column)));
            goals.push(Goal::at_most(text, table.mean(ours), most, &preloaded.unwrap_or_default()));
        }
    }
    Goals(goals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::malloc::table::tests::table;

    #[test]
    fn the_best_rival_is_the_measure_and_not_glibc() {
        let columns = ["glibc", "jemalloc", "mimalloc 3", "planet"];
        let results = Results {
            programs: table(&columns, &[("a", &[1.0, 4.0, 2.0, 2.0]), ("b", &[1.0, 2.0, 3.0, 2.4])]),
            python: table(&columns, &[]),
            instructions: table(&columns, &[("c", &[100.0, 103.0, 101.0, 102.0])]),
        };
        let Goals(goals) = goals(&results);
        let measured: Vec<(bool, &str)> = goals.iter().map(|goal| (goal.met, &*goal.measured)).collect();
        assert_eq!(
            measured,
            [
                (true, "0.894 (2.191 of glibc's, mimalloc 3 2.449)"),
                (false, "1.200 (over it: b 1.20)"),
                (false, "1.020")
            ]
        );
    }
}
