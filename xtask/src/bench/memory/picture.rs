//! Resident memory over time: one panel a scenario, one line an allocator.
//!
//! The lines are those of the first run. Memory is on a logarithmic scale: what differs after a spike is small beside
//! the spike. Colours and text stand out on a light and on a dark page.

use std::fmt::Write as _;

use super::scenario::{Case, Run};
use super::table::Results;
use crate::bench::allocators::{BASE, OURS, TRIMMED};

const COLUMNS: usize = 3;
const WIDTH: f64 = 960.0;
const LEGEND: f64 = 40.0;
/// A panel with its title and its scale.
const PANEL: (f64, f64) = (WIDTH / COLUMNS as f64, 190.0);
/// What is drawn on, inside a panel: left, top, width, height.
const PLOT: (f64, f64, f64, f64) = (40.0, 28.0, 268.0, 130.0);

const LEAST_MB: f64 = 8.0;
const MOST_MB: f64 = 1000.0;
const SHOWN_MB: [u32; 5] = [10, 30, 100, 300, 1000];
const SECONDS_AFTER: f64 = 10.0;

/// A point closer than this to the last one kept is left out.
const PIXELS: f64 = 0.8;

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#57606a}.title{font-weight:600;fill:#24292f}\
    .grid{stroke:#8c959f;stroke-opacity:.3;stroke-width:1}.over{stroke:#8c959f;stroke-width:1;stroke-dasharray:2 3}\
    .line{fill:none;stroke-width:1.6;stroke-linejoin:round}\
    @media(prefers-color-scheme:dark){text{fill:#9198a1}.title{fill:#f0f6fc}}";

/// The picture as SVG.
pub(super) fn svg(results: &Results) -> String {
    let rows = results.cases.len().div_ceil(COLUMNS);
    let height = LEGEND + PANEL.1 * rows as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <title>Resident memory over time, in MB, by scenario and allocator</title>\n<style>{STYLE}</style>\n"
    );
    legend(&mut svg, results);
    for (index, case) in results.cases.iter().enumerate() {
        let (column, row) = (index % COLUMNS, index / COLUMNS);
        let (x, y) = (PANEL.0 * column as f64, LEGEND + PANEL.1 * row as f64);
        let _ = writeln!(svg, "<g transform=\"translate({x:.0} {y:.0})\">");
        panel(&mut svg, results, *case);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn legend(svg: &mut String, results: &Results) {
    let mut names: Vec<&str> = Vec::new();
    for row in &results.rows {
        if !names.contains(&row.allocator) {
            names.push(row.allocator);
        }
    }
    let step = WIDTH / names.len().max(1) as f64;
    for (index, name) in names.into_iter().enumerate() {
        let (x, stroke) = (12.0 + step * index as f64, stroke(name));
        let _ = writeln!(
            svg,
            "<path class=\"line\" {stroke} d=\"M{x:.0} 18h24\"/><text x=\"{:.0}\" y=\"22\">{name}</text>",
            x + 30.0
        );
    }
}

fn panel(svg: &mut String, results: &Results, case: Case) {
    let (left, top, width, height) = PLOT;
    let runs: Vec<(&str, &Run)> = results.of(case).filter_map(|row| Some((row.allocator, row.runs.first()?))).collect();
    let first = runs.iter().filter_map(|(_, run)| run.points.first()).map(|(at, _)| at.floor()).fold(-1.0, f64::min);
    let x = |seconds: f64| left + width * (seconds - first) / (SECONDS_AFTER - first);
    let y = |megabytes: f64| {
        top + height * (1.0 - (megabytes.clamp(LEAST_MB, MOST_MB) / LEAST_MB).ln() / (MOST_MB / LEAST_MB).ln())
    };
    let (right, bottom) = (left + width, top + height);
    let _ = writeln!(svg, "<text class=\"title\" x=\"{left}\" y=\"16\">{}</text>", case.title);
    let _ = writeln!(svg, "<text x=\"{}\" y=\"16\" text-anchor=\"end\">MB</text>", left - 6.0);
    for megabytes in SHOWN_MB {
        let at = y(f64::from(megabytes));
        let _ = writeln!(svg, "<path class=\"grid\" d=\"M{left} {at:.1}H{right}\"/>");
        let _ =
            writeln!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{megabytes}</text>", left - 6.0, at + 4.0);
    }
    for (seconds, label, anchor) in [(0.0, "0", "middle"), (5.0, "5", "middle"), (SECONDS_AFTER, "10 s", "end")] {
        let at = x(seconds);
        let _ = writeln!(svg, "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{label}</text>", bottom + 16.0);
    }
    let _ = writeln!(svg, "<path class=\"over\" d=\"M{:.1} {top}V{bottom}\"/>", x(0.0));
    for (name, run) in runs {
        let points = thinned(run.points.iter().map(|(at, resident)| (x(*at), y(resident / 1e6))));
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        let _ = writeln!(svg, "<path class=\"line\" {} d=\"M{}\"/>", stroke(name), path.join("L"));
    }
}

/// Drops points at which a line hardly turns: those as high as the last kept, unless the next one is not.
fn thinned(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    let mut passed = None;
    for point in points {
        match kept.last() {
            Some((_, height)) if (height - point.1).abs() < PIXELS => passed = Some(point),
            _ => {
                kept.extend(passed.take());
                kept.push(point);
            }
        }
    }
    kept.extend(passed);
    kept
}

fn stroke(name: &str) -> &'static str {
    match name {
        BASE => "stroke=\"#848d97\"",
        TRIMMED => "stroke=\"#848d97\" stroke-dasharray=\"5 3\"",
        "jemalloc" => "stroke=\"#d4a72c\"",
        "gperftools" => "stroke=\"#a475f9\"",
        "mimalloc 2" => "stroke=\"#4ac26b\"",
        "mimalloc 3" => "stroke=\"#fa7970\"",
        OURS => "stroke=\"#218bff\" style=\"stroke-width:3\"",
        _ => "stroke=\"#e85aad\"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::memory::table::tests::results;

    #[test]
    fn each_allocator_has_a_line_in_the_panel_and_one_in_the_legend() {
        let picture = svg(&results(&[("glibc", 10.0, 600.0), ("planet", 11.0, 18.0)]));
        for name in ["glibc", "planet"] {
            assert_eq!(picture.matches(&format!(">{name}</text>")).count(), 1, "{picture}");
            assert_eq!(picture.matches(&format!("<path class=\"line\" {}", stroke(name))).count(), 2, "{picture}");
        }
        assert_eq!(picture.matches("<g ").count(), picture.matches("</g>").count());
        assert!(picture.ends_with("</svg>\n") && !picture.contains("NaN"));
    }

    #[test]
    fn a_line_keeps_its_corners() {
        let flat = [(0.0, 5.0), (1.0, 5.2), (2.0, 5.0), (3.0, 9.0), (4.0, 9.0)];
        assert_eq!(thinned(flat.into_iter()), [(0.0, 5.0), (2.0, 5.0), (3.0, 9.0), (4.0, 9.0)]);
    }
}
