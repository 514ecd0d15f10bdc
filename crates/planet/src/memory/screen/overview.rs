//! The table.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Stylize;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Wrap};

use super::state::State;
use crate::memory::{table, units};

/// Draws all processes, as many as there is room for around the marked one.
pub(super) fn draw(state: &State, frame: &mut Frame, area: Rect) {
    let [title, heads, body] =
        Layout::vertical([Constraint::Length(2), Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    let processes = table::by_size(&state.sample);
    if processes.is_empty() {
        frame.render_widget(Paragraph::new(table::nobody()).wrap(Wrap { trim: true }), area);
        return;
    }
    let resident = processes.iter().map(|process| process.resident).fold(0, u64::saturating_add);
    let number = match processes.len() {
        1 => "1 process".to_owned(),
        several => format!("{several} processes"),
    };
    let title_line = vec!["planet memory".bold(), format!("  {number}, {} resident", units::bytes(resident)).into()];
    frame.render_widget(Line::from(title_line), title);

    let mut lines = table::lines(&state.sample, &state.history, usize::from(area.width)).into_iter();
    frame.render_widget(Line::from(lines.next().unwrap_or_default()).dim(), heads);
    let marked = processes.iter().position(|process| Some(process.pid) == state.selected()).unwrap_or(0);
    let first = (marked + 1).saturating_sub(usize::from(body.height));
    let width = usize::from(area.width);
    let lines = lines.enumerate().skip(first).map(|(place, line)| {
        if place == marked { Line::from(format!("{line:width$}")).reversed() } else { Line::from(line) }
    });
    frame.render_widget(Text::from_iter(lines), body);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::memory::sample::{Process, Sample};

    fn screen(processes: Vec<Process>, width: u16, height: u16) -> String {
        let mut state = State::new(None, false);
        state.push(Sample { at: 1_000_000, processes });
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| state.draw(frame, Duration::from_secs(1))).unwrap();
        terminal.backend().to_string()
    }

    fn process(pid: u32) -> Process {
        Process { pid, command: format!("program{pid}"), resident: 2_000_000 + u64::from(pid), ..Process::default() }
    }

    #[test]
    fn all_processes_are_there_with_the_keys_below() {
        let screen = screen((1..=3).map(process).collect(), 100, 10);
        let lines: Vec<_> = screen.lines().collect();
        assert!(lines[0].contains("planet memory  3 processes, 6.00 MB resident"), "{screen}");
        assert!(lines[2].contains("PID COMMAND"), "{screen}");
        for (line, pid) in [(3, 3), (4, 2), (5, 1)] {
            assert!(lines[line].contains(&format!("{pid} program{pid}")), "{screen}");
        }
        for key in [" q  quit", "↑↓  choose", "Enter  look at it", "Space  pause"] {
            assert!(lines[9].contains(key), "{key}: {screen}");
        }
    }

    #[test]
    fn without_a_process_it_says_how_to_start_one() {
        assert!(screen(Vec::new(), 100, 5).contains("no process runs on planet-malloc; start one with: planet run"));
    }

    #[test]
    fn what_it_says_without_a_process_is_told_whole_on_a_narrow_screen() {
        let screen = screen(Vec::new(), 30, 8);
        let words = screen.split(|letter: char| !letter.is_ascii_graphic() || letter == '"');
        let said = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        assert!(said.contains(&table::nobody()), "{screen}");
    }

    #[test]
    fn any_size_of_terminal_will_do() {
        for (width, height) in [(1, 1), (5, 2), (40, 4), (300, 100)] {
            assert!(!screen((1..=200).map(process).collect(), width, height).is_empty());
        }
    }
}
