//! The processes in lines of text.

use std::path::PathBuf;

use planet_malloc::page;
use ratatui::text::Span;

use super::history::{Course, History};
use super::sample::{Process, Sample};
use super::sparkline::sparkline;
use super::units::{self, bytes};

/// How far back the little bars may reach, in milliseconds.
const BACK: [u64; 3] = [60_000, 2 * 60_000, 5 * 60_000];

/// As wide as it gets on something that is no terminal, in columns.
pub(crate) const WIDTH: usize = 100;

const HEADS: [&str; 5] = ["LIVE", "RESIDENT", "CACHED", "RETURNED", "PEAK 60 S"];
const PID: usize = 8;
const FIGURE: usize = 10;
const SHORTEST_COMMAND: usize = 8;
const LONGEST_COMMAND: usize = 48;
const LONGEST_PAST: usize = 60;

/// What is said when there is nothing to show.
pub(crate) fn nobody() -> String {
    format!("no process runs on planet-malloc; start one with: planet run -- COMMAND{}", looked_in())
}

/// Where processes were looked for, if that is not where they are by default.
pub(crate) fn looked_in() -> String {
    let said = |folder: PathBuf| format!(" (looked in {}, as PLANET_MALLOC_PAGES says)", folder.display());
    page::named_folder().map(said).unwrap_or_default()
}

/// A heading and a line for each process, the largest first, none wider than `width` as long as a single figure has room
/// there. Where not all have, the last ones are left out: one that is cut off would be taken for another number.
pub(crate) fn lines(sample: &Sample, history: &History, width: usize) -> Vec<String> {
    let shown = (width.saturating_sub(PID + 1 + SHORTEST_COMMAND) / (FIGURE + 1)).clamp(1, HEADS.len());
    let free = width.saturating_sub(PID + 1 + shown * (FIGURE + 1) + 1);
    let longest = sample.processes.iter().map(|process| columns(&process.command)).max().unwrap_or(0);
    let command = longest.min(free / 2).clamp(SHORTEST_COMMAND, LONGEST_COMMAND);
    let past = free.saturating_sub(command + 1).min(LONGEST_PAST);

    let back = back(sample, history);
    let past_head = shortened(&format!("LAST {}", units::time(back).to_uppercase()), past);
    let heading = HEADS.map(|head| format!("{head:>FIGURE$}"))[..shown].join(" ");
    let heading = format!("{:>PID$} {:command$} {heading} {}", "PID", "COMMAND", past_head);
    let mut lines = vec![heading.trim_end().to_owned()];
    for process in by_size(sample) {
        let Process { live, resident, cached, returned, peak_resident, .. } = *process;
        let figures = [live, resident, cached, returned, peak_resident.minute]
            .map(|figure| format!("{:>FIGURE$}", bytes(figure)));
        let points = history.of(process.pid).map(Course::points).unwrap_or_default();
        let bars = sparkline(points, sample.at, back, past);
        let line = format!(
            "{:>PID$} {} {} {bars}",
            process.pid,
            padded(&process.command, command),
            figures[..shown].join(" ")
        );
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// As far back as anything is known, and a round number of minutes.
fn back(sample: &Sample, history: &History) -> u64 {
    let beginnings = sample.processes.iter().filter_map(|process| history.of(process.pid)?.points().first());
    let known = beginnings.map(|point| sample.at - point.at).max().unwrap_or(0);
    BACK.into_iter().find(|back| known <= *back).unwrap_or(BACK[BACK.len() - 1])
}

/// The processes in the order of their lines.
pub(crate) fn by_size(sample: &Sample) -> Vec<&Process> {
    let mut processes: Vec<_> = sample.processes.iter().collect();
    processes.sort_by_key(|process| (std::cmp::Reverse(process.resident), process.pid));
    processes
}

/// How wide a terminal shows it.
fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

/// Cut to that many columns, with a mark where something is missing.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut buffer = [0; 4];
    let mut used = 1;
    for c in text.chars() {
        used += columns(c.encode_utf8(&mut buffer));
        if used > width {
            break;
        }
        short.push(c);
    }
    if width > 0 {
        short.push('…');
    }
    short
}

fn padded(text: &str, width: usize) -> String {
    let mut text = shortened(text, width);
    let missing = width.saturating_sub(columns(&text));
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::sample::Peaks;

    fn process(pid: u32, command: &str, resident: u64) -> Process {
        Process {
            pid,
            command: command.to_owned(),
            live: 999,
            resident,
            cached: 0,
            returned: 5_000_000,
            peak_resident: Peaks { minute: 2 * resident, ..Peaks::default() },
            ..Process::default()
        }
    }

    fn table(processes: Vec<Process>, width: usize) -> Vec<String> {
        let sample = Sample { at: 1_000_000, processes };
        let mut history = History::default();
        history.push(&sample);
        lines(&sample, &history, width)
    }

    #[test]
    fn figures_stand_below_their_heads_and_the_largest_comes_first() {
        let lines = table(vec![process(7, "sh", 1_000), process(4_194_304, "python3 app.py", 620_300_000)], 100);
        assert_eq!(
            lines,
            [
                "     PID COMMAND              LIVE   RESIDENT     CACHED   RETURNED  PEAK 60 S LAST 1 MIN",
                " 4194304 python3 app.py      999 B     620 MB        0 B    5.00 MB    1.24 GB                    █",
                "       7 sh                  999 B    1.00 kB        0 B    5.00 MB    2.00 kB                    █",
            ]
        );
    }

    #[test]
    fn lines_keep_to_the_width() {
        let wide = "コマンド".repeat(40);
        let processes = vec![process(1, &wide, 1), process(2, &"x".repeat(4000), 2), process(3, "", 3)];
        for width in 28..300 {
            for line in table(processes.clone(), width) {
                assert!(columns(&line) <= width, "{width}: {line}");
            }
        }
        // The figures stay whole, as many as have room, and the first in any case.
        let heads = |width| HEADS.map(|head| table(processes.clone(), width)[0].contains(head));
        assert_eq!(heads(72), [true; 5]);
        assert_eq!(heads(71), [true, true, true, true, false]);
        assert_eq!(heads(10), [true, false, false, false, false]);
    }

    #[test]
    fn the_bars_reach_as_far_back_as_anything_is_known() {
        let mut history = History::default();
        for (at, head) in [(0, "LAST 1 MIN"), (60_000, "LAST 1 MIN"), (60_001, "LAST 2 MIN"), (999_999, "LAST 5 MIN")] {
            let sample = Sample { at, processes: vec![process(1, "sh", 1)] };
            history.push(&sample);
            assert!(lines(&sample, &history, 100)[0].ends_with(head));
        }
    }

    #[test]
    fn what_is_cut_off_is_marked() {
        assert_eq!(shortened("python3", 7), "python3");
        assert_eq!(shortened("python3", 6), "pytho…");
        assert_eq!(shortened("コマンド", 4), "コ…");
        assert_eq!(shortened("python3", 1), "…");
        assert_eq!(shortened("python3", 0), "");
        assert_eq!(padded("コマ", 5), "コマ ");
    }
}
