//! One process: its figures, their course, its block sizes.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, Sparkline};

use super::state::State;
use crate::memory::history::{Course, Point};
use crate::memory::sample::Process;
use crate::memory::units;

const LIVE: Color = Color::Yellow;
const RESIDENT: Color = Color::LightBlue;
const PEAKS: Color = Color::DarkGray;
const RETURNED: Color = Color::Green;

/// The shortest time that the width of the screen stands for, in milliseconds.
const SHORTEST: u64 = 10_000;

/// What a terminal needs so that there is room for more than the course, in lines.
const HIGH: u16 = 20;

/// Draws the process into `area`.
pub(super) fn draw(state: &State, process: &Process, frame: &mut Frame, area: Rect) {
    let lower = if area.height < HIGH { 0 } else { area.height / 3 };
    let rows = [Constraint::Length(3), Constraint::Fill(1), Constraint::Length(lower)];
    let [heading, middle, lower] = Layout::vertical(rows).areas(area);
    let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Max(46)]).areas(lower);
    let Some(course) = state.history.of(process.pid) else { return };
    let points = course.last(state.span());
    let span = Span::of(points);
    frame.render_widget(figures(process), heading);
    draw_course(points, &span, frame, middle);
    draw_returned(process, course, &span, frame, left);
    draw_classes(process, frame, right);
}

/// The time that is shown, in milliseconds since 1970.
struct Span {
    begin: u64,
    end: u64,
}

impl Span {
    fn of(points: &[Point]) -> Self {
        let end = points.last().map_or(0, |point| point.at);
        let begin = points.first().map_or(0, |point| point.at).min(end.saturating_sub(SHORTEST));
        Self { begin, end }
    }

    fn length(&self) -> u64 {
        self.end - self.begin
    }
}

fn figures(process: &Process) -> Text<'_> {
    let title = Line::from(vec![process.command.as_str().bold(), format!("  process {}", process.pid).dim()]);
    let figure = |name: &'static str, bytes, colour| [name.dim(), format!(" {}   ", units::bytes(bytes)).fg(colour)];
    let limit = process.limit.map(|limit| figure("advised limit", limit, Color::Reset));
    let sizes = [
        figure("live", process.live, LIVE),
        figure("resident", process.resident, RESIDENT),
        figure("peak 60 s", process.peak_resident.minute, Color::Reset),
        figure("returned", process.returned, RETURNED),
    ];
    let counts = format!(
        "{} cached, {} mapped, {} allocations, {} frees",
        units::bytes(process.cached),
        units::bytes(process.mapped),
        units::count(process.allocations),
        units::count(process.frees)
    );
    Text::from(vec![title, Line::from_iter(sizes.into_iter().chain(limit).flatten()), Line::from(counts).dim()])
}

fn draw_course(points: &[Point], span: &Span, frame: &mut Frame, area: Rect) {
    let course = |figure: fn(&Point) -> u64| -> Vec<(f64, f64)> {
        points.iter().map(|point| ((point.at - span.begin) as f64, figure(point) as f64)).collect()
    };
    let (resident, live) = (course(|point| point.resident), course(|point| point.live));
    // A peak is of all the time since the look before.
    let peaks = points.windows(2).flat_map(|pair| {
        let peak = pair[1].peak_resident as f64;
        [((pair[0].at - span.begin) as f64, peak), ((pair[1].at - span.begin) as f64, peak)]
    });
    let peaks: Vec<_> = peaks.collect();
    let dataset = |data, colour| {
        let style = Style::new().fg(colour);
        Dataset::default().data(data).style(style).graph_type(GraphType::Line).marker(Marker::Braille)
    };
    // Later ones are drawn over earlier ones.
    let datasets = vec![dataset(&peaks, PEAKS), dataset(&resident, RESIDENT), dataset(&live, LIVE)];
    let highest = points.iter().map(|point| point.peak_resident.max(point.live)).max().unwrap_or(0).max(1);
    let sizes = [0, highest / 2, highest].map(units::bytes);
    let times = [format!("{} ago", units::time(span.length())), "now".to_owned()];
    let title = Line::from(vec![" live".fg(LIVE), ", ".dim(), "resident".fg(RESIDENT), " and its peaks ".fg(PEAKS)]);
    let chart = Chart::new(datasets)
        .block(Block::bordered().title(title).border_style(Style::new().dim()))
        .x_axis(
            Axis::default()
                .bounds([0.0, span.length() as f64])
                .labels(times)
                .labels_alignment(Alignment::Right)
                .style(Style::new().dim()),
        )
        .y_axis(Axis::default().bounds([0.0, highest as f64]).labels(sizes).style(Style::new().dim()));
    frame.render_widget(chart, area);
}

/// How much went back to the system, column by column.
fn draw_returned(process: &Process, course: &Course, span: &Span, frame: &mut Frame, area: Rect) {
    let title = format!(" returned: {} in all ", units::bytes(process.returned));
    let block = Block::bordered().title(title).border_style(Style::new().dim());
    let columns = block.inner(area).width;
    let amounts = returned(course.points(), span, usize::from(columns));
    let most = amounts.iter().max().copied().unwrap_or(0);
    let below = format!(" at most {} at once ", units::bytes(most));
    let bars = Sparkline::default().data(amounts).style(Style::new().fg(RETURNED));
    frame.render_widget(bars.block(block.title_bottom(Line::from(below).right_aligned())), area);
}

fn returned(points: &[Point], span: &Span, columns: usize) -> Vec<u64> {
    let mut amounts = vec![0_u64; columns];
    for pair in points.windows(2).filter(|pair| pair[1].at > span.begin) {
        let place = u128::from(pair[1].at - span.begin) * columns as u128 / (u128::from(span.length()) + 1);
        let Some(amount) = amounts.get_mut(place as usize) else { continue };
        *amount = amount.saturating_add(pair[1].returned.saturating_sub(pair[0].returned));
    }
    amounts
}

/// The sizes that hold the most, the largest first.
fn draw_classes(process: &Process, frame: &mut Frame, area: Rect) {
    let block = Block::bordered().title(" live, by size of block ").border_style(Style::new().dim());
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let classes = process.classes.iter().map(|class| {
        (format!("{} B", units::count(class.size)), format!("{} blocks", units::count(class.blocks)), class.bytes())
    });
    let larger = ("larger".to_owned(), String::new(), process.in_larger_blocks());
    let mut classes: Vec<_> = classes.chain([larger]).filter(|(_, _, bytes)| *bytes > 0).collect();
    classes.sort_by_key(|(_, _, bytes)| std::cmp::Reverse(*bytes));
    let lines = classes.into_iter().take(usize::from(inner.height)).map(|(size, blocks, bytes)| {
        Line::from(vec![
            format!("{size:>8} ").into(),
            format!("{:>9} ", units::bytes(bytes)).fg(LIVE),
            format!("{blocks:>19}").dim(),
        ])
    });
    frame.render_widget(Text::from_iter(lines), inner);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::memory::sample::{Peaks, Sample, SizeClass};

    fn process(resident: u64, returned: u64) -> Process {
        Process {
            pid: 4711,
            command: "python3 app.py".to_owned(),
            live: resident / 2,
            resident,
            returned,
            peak_resident: Peaks { minute: 690_000_000, ..Peaks::default() },
            mapped: 64_000_000,
            limit: Some(512_000_000),
            allocations: 1_234_567,
            classes: vec![SizeClass { size: 64, blocks: 100 }, SizeClass { size: 1024, blocks: 50 }],
            ..Process::default()
        }
    }

    fn screen(processes: Vec<Process>, width: u16, height: u16) -> String {
        let mut state = State::new(Some(4711), true);
        for (second, process) in processes.into_iter().enumerate() {
            state.push(Sample { at: 1_000_000 + 1000 * second as u64, processes: vec![process] });
        }
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| state.draw(frame, Duration::from_millis(500))).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn figures_course_and_classes_are_there() {
        let processes = (0..20).map(|second| process(second * 1_000_000, second * 50)).collect();
        let screen = screen(processes, 110, 30);
        for text in [
            "python3 app.py  process 4711",
            "live 9.50 MB   resident 19.0 MB   peak 60 s 690 MB   returned 950 B   advised limit 512 MB",
            "0 B cached, 64.0 MB mapped, 1,234,567 allocations, 0 frees",
            "19 s ago",
            " live, resident and its peaks ",
            "returned: 950 B in all",
            "  larger   9.44 MB",
            " 1,024 B   51.2 kB           50 blocks",
            "    64 B   6.40 kB          100 blocks",
            " q  quit   t  time shown   Space  pause   +-  pace  every 0.5 s",
        ] {
            assert!(screen.contains(text), "{text}\n{screen}");
        }
        let place = |text| screen.find(text).unwrap();
        assert!(place("larger ") < place("1,024 B") && place("1,024 B") < place("   64 B"));
        assert!(screen.chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count() > 40, "{screen}");
        assert!(screen.contains('█'), "what was returned:\n{screen}");
    }

    #[test]
    fn what_is_returned_stands_where_its_time_is() {
        let point = |at, returned| Point { at, live: 0, resident: 0, returned, peak_live: 0, peak_resident: 0 };
        let points = [point(0, 5), point(100, 7), point(150, 7), point(199, 17)];
        assert_eq!(returned(&points, &Span { begin: 0, end: 199 }, 4), [0, 0, 2, 10]);
        assert_eq!(returned(&points, &Span { begin: 100, end: 199 }, 2), [0, 10]);
        assert!(returned(&points, &Span { begin: 0, end: 199 }, 0).is_empty());
    }

    #[test]
    fn any_size_of_terminal_and_any_figure_will_do() {
        for (width, height) in [(1, 1), (10, 3), (40, 12), (60, 21), (300, 100)] {
            assert!(!screen(vec![process(0, 0)], width, height).is_empty());
            let extreme = Process { returned: u64::MAX, ..process(u64::MAX, 0) };
            assert!(!screen(vec![process(0, u64::MAX), extreme], width, height).is_empty());
        }
    }
}
