//! Which goals were met.

use super::scenario::{Case, Run};
use super::stall::{WITH_PURGE, WITHOUT_PURGE};
use super::table::{Results, Row};
use super::{LIGHT, SERVER, SPIKES};
use crate::bench::allocators::{BASE, OURS, TRIMMED};
use crate::bench::goals::{Goal, Goals, geometric_mean};
use crate::bench::table::{median, ratios};

/// Judges what was measured; a goal whose scenarios did not run is left out.
pub(super) fn goals(results: &Results) -> Goals {
    let mut goals = Vec::new();
    let mut in_every_scenario = |text: &str, most, base, judge: &dyn Fn(&Row, &Row) -> f64| {
        let pairs = results
            .cases
            .iter()
            .filter_map(|case| Some((case.title, judge(results.row(*case, OURS)?, results.row(*case, base)?))));
        goals.extend(Goal::each_at_most(text, pairs.collect(), most));
    };
    let over = |figure: fn(&Run) -> f64| move |ours: &Row, base: &Row| ours.median(figure) / base.median(figure);
    in_every_scenario(
        "resident 1 s after the spike, over what `malloc_trim` by hand leaves, in every scenario",
        1.1,
        TRIMMED,
        &over(|run| run.after(1.0)),
    );
    in_every_scenario("peak over glibc's, in every scenario", 1.05, BASE, &over(|run| run.peak));
    in_every_scenario("interpreter at its start, MB over glibc's", 2.0, BASE, &|ours, base| {
        (ours.median(|run| run.start) - base.median(|run| run.start)) / 1e6
    });

    let mut mean = |text: &str, seconds, most, belongs: &dyn Fn(&Case) -> bool| {
        let cases = results.cases.iter().filter(|case| belongs(case));
        let all: Vec<f64> = cases
            .filter_map(|case| Some(results.row(*case, OURS)?.median(|run| run.after(seconds)) / results.needed(*case)))
            .collect();
        if !all.is_empty() {
            goals.push(Goal::at_most(text, geometric_mean(all), most, ""));
        }
    };
    let rests = |case: &Case| case.name != SERVER && case.name != LIGHT;
    mean("resident 2 s after the spike over interpreter and live objects, geometric mean", 2.0, 2.0, &|case| {
        rests(case) && !case.small_objects
    });
    mean("the same with PYTHONMALLOC=malloc", 2.0, 1.6, &|case| rests(case) && case.small_objects);
    mean(
        "resident after a second of light work over interpreter and live objects, geometric mean",
        1.0,
        2.3,
        &|case| case.name == LIGHT,
    );

    if let Some(spikes) = results.cases.iter().find(|case| case.name == SPIKES) {
        let turn_by_turn = |figure: fn(&Run) -> f64| {
            let of = |name| results.row(*spikes, name).map(|row| row.all(figure)).unwrap_or_default();
            median(&ratios(&of(OURS), &of(BASE)))
        };
        goals.push(Goal::at_most("system time of the spikes over glibc's", turn_by_turn(|run| run.system), 1.5, ""));
        goals.push(Goal::at_most(
            "CPU of the spikes over glibc's",
            turn_by_turn(|run| run.user + run.system),
            1.15,
            "",
        ));
    }

    let stall = |name| results.stalls.iter().find(|stalls| stalls.name == name).map(|stalls| median(&stalls.longest));
    if let (Some(with), Some(without)) = (stall(WITH_PURGE), stall(WITHOUT_PURGE)) {
        let text = "longest wait that purging causes, ms over that without it, median";
        goals.push(Goal::at_most(
            text,
            (with - without) / 1000.0,
            1.0,
            &format!("({with:.0} µs, {without:.0} without)"),
        ));
    }
    Goals(goals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::memory::stall::Stalls;
    use crate::bench::memory::table::tests::results;

    fn met(goals: &Goals, text: &str) -> Option<bool> {
        goals.0.iter().find(|goal| goal.text.starts_with(text)).map(|goal| goal.met)
    }

    #[test]
    fn each_goal_is_judged_by_its_own_figures() {
        let kept =
            |ours| goals(&results(&[("glibc", 10.0, 600.0), ("glibc + trim", 10.0, 15.0), ("planet", 11.0, ours)]));
        assert_eq!(met(&kept(16.4), "resident 1 s"), Some(true));
        assert_eq!(met(&kept(16.6), "resident 1 s"), Some(false));
        // Nothing was measured at 2 s but what is there at 10 s: 24 MB over 12.
        assert_eq!(met(&kept(24.1), "resident 2 s"), Some(false));
        assert_eq!(met(&kept(16.4), "interpreter"), Some(true));
        assert_eq!(met(&kept(16.4), "CPU of the spikes"), None);
        assert_eq!(met(&kept(16.4), "the same with"), None);
    }

    #[test]
    fn only_what_purging_adds_counts() {
        let mut results = results(&[("glibc", 10.0, 600.0)]);
        results.stalls.push(Stalls { name: WITH_PURGE, longest: vec![5000.0] });
        results.stalls.push(Stalls { name: WITHOUT_PURGE, longest: vec![4100.0] });
        assert_eq!(met(&goals(&results), "longest wait"), Some(true));
        results.stalls[1].longest = vec![100.0];
        assert_eq!(met(&goals(&results), "longest wait"), Some(false));
    }
}
