//! What is looked at, and what keys do to it.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::Stylize;
use ratatui::text::Line;

use super::{overview, process};
use crate::memory::history::History;
use crate::memory::sample::{Process, Sample};
use crate::memory::{table, units};

/// How far back the course of a process is shown, in milliseconds; the last is all that is known.
const SPANS: [u64; 4] = [60_000, 5 * 60_000, 30 * 60_000, u64::MAX];

/// What a key asks of whoever has the terminal and the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    Nothing,
    Quit,
    Faster,
    Slower,
}

/// What is looked at.
pub(super) struct State {
    pub(super) sample: Sample,
    pub(super) history: History,
    /// The process that is marked in the table, or shown alone.
    selected: Option<u32>,
    /// Whether it is shown alone.
    alone: bool,
    /// Whether there is a table to go back to.
    has_table: bool,
    span: usize,
    pub(super) paused: bool,
    is_recording: bool,
    message: Option<String>,
}

impl State {
    /// Begins with a process alone, or with the table of all.
    pub(super) fn new(only: Option<u32>, is_recording: bool) -> Self {
        Self {
            sample: Sample::default(),
            history: History::default(),
            selected: only,
            alone: only.is_some(),
            has_table: only.is_none(),
            span: 1,
            paused: false,
            is_recording,
            message: None,
        }
    }

    /// Takes what was seen.
    pub(super) fn push(&mut self, sample: Sample) {
        self.history.push(&sample);
        let before = std::mem::replace(&mut self.sample, sample);
        let find = |sample: &Sample, pid| sample.processes.iter().find(|process| process.pid == pid).cloned();
        if let Some(pid) = self.selected
            && find(&self.sample, pid).is_none()
        {
            if self.alone {
                let command = find(&before, pid).map(|process| process.command).unwrap_or_default();
                self.message = Some(format!("process {pid} ({command}) has ended"));
                self.alone = false;
            }
            self.selected = None;
        }
        if self.selected.is_none() {
            self.selected = table::by_size(&self.sample).first().map(|process| process.pid);
        }
    }

    /// Says that nothing more will come.
    pub(super) fn end(&mut self) {
        self.message = Some("end of the recording".to_owned());
    }

    /// Does what a key means.
    pub(super) fn press(&mut self, key: KeyEvent) -> Request {
        if key.kind == KeyEventKind::Release {
            return Request::Nothing;
        }
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Request::Quit,
            KeyCode::Char('q') => return Request::Quit,
            KeyCode::Esc if self.alone && self.has_table => self.alone = false,
            KeyCode::Esc => return Request::Quit,
            KeyCode::Char(' ') => self.paused = !self.paused,
            KeyCode::Char('+' | '=') => return Request::Faster,
            KeyCode::Char('-') => return Request::Slower,
            KeyCode::Char('t') if self.alone => self.span = (self.span + 1) % SPANS.len(),
            KeyCode::Enter if self.selected.is_some() => {
                self.alone = true;
                self.message = None;
            }
            KeyCode::Up | KeyCode::Char('k') if !self.alone => self.step(|place| place.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') if !self.alone => self.step(|place| place + 1),
            _ => {}
        }
        Request::Nothing
    }

    fn step(&mut self, to: impl Fn(usize) -> usize) {
        let processes = table::by_size(&self.sample);
        let place = processes.iter().position(|process| Some(process.pid) == self.selected).unwrap_or(0);
        let Some(last) = processes.len().checked_sub(1) else { return };
        self.selected = Some(processes[to(place).min(last)].pid);
    }

    /// The process that is shown alone.
    pub(super) fn shown(&self) -> Option<&Process> {
        self.sample.processes.iter().find(|process| self.alone && Some(process.pid) == self.selected)
    }

    /// The one that is marked in the table.
    pub(super) fn selected(&self) -> Option<u32> {
        self.selected
    }

    /// How far back is shown, in milliseconds.
    pub(super) fn span(&self) -> u64 {
        SPANS[self.span]
    }

    /// Draws everything.
    pub(super) fn draw(&self, frame: &mut Frame, interval: Duration) {
        let [body, footer] = Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(frame.area());
        match self.shown() {
            Some(process) => process::draw(self, process, frame, body),
            None => overview::draw(self, frame, body),
        }
        frame.render_widget(self.footer(interval), footer);
    }

    fn footer(&self, interval: Duration) -> Line<'_> {
        let mut parts = Vec::new();
        for (key, does) in self.keys() {
            parts.extend([format!(" {key} ").reversed(), format!(" {does}  ").into()]);
        }
        parts.push(format!("every {}", units::time(interval.as_millis() as u64)).dim());
        if self.paused {
            parts.push("  paused".bold());
        }
        if let Some(message) = &self.message {
            parts.push(format!("  {message}").bold());
        }
        Line::from(parts)
    }

    fn keys(&self) -> Vec<(&'static str, &'static str)> {
        let mut keys = vec![("q", "quit")];
        if self.alone {
            keys.extend(self.has_table.then_some(("Esc", "all")));
            keys.push(("t", "time shown"));
        } else {
            keys.extend([("↑↓", "choose"), ("Enter", "look at it")]);
        }
        keys.extend([("Space", if self.paused { "go on" } else { "pause" }), ("+-", "pace")]);
        if self.is_recording { keys } else { keys.into_iter().filter(|(key, _)| *key != "+-").collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: u64, pids: &[u32]) -> Sample {
        let process = |&pid: &u32| Process {
            pid,
            resident: 1000 - u64::from(pid),
            command: "sh".to_owned(),
            ..Process::default()
        };
        Sample { at, processes: pids.iter().map(process).collect() }
    }

    fn press(state: &mut State, codes: &[KeyCode]) -> Request {
        codes.iter().fold(Request::Nothing, |_, code| state.press(KeyEvent::from(*code)))
    }

    #[test]
    fn arrows_choose_and_enter_looks() {
        let mut state = State::new(None, false);
        assert_eq!(press(&mut state, &[KeyCode::Down, KeyCode::Enter]), Request::Nothing);
        assert!(state.shown().is_none());
        state.push(sample(1, &[3, 1, 2]));
        assert_eq!(state.selected(), Some(1));
        press(&mut state, &[KeyCode::Down, KeyCode::Down, KeyCode::Down, KeyCode::Up]);
        assert_eq!(state.selected(), Some(2));
        press(&mut state, &[KeyCode::Enter, KeyCode::Down]);
        assert_eq!(state.shown().unwrap().pid, 2);
        assert_eq!(press(&mut state, &[KeyCode::Esc]), Request::Nothing);
        assert!(state.shown().is_none());
        assert_eq!(press(&mut state, &[KeyCode::Esc]), Request::Quit);
    }

    #[test]
    fn when_a_process_ends_the_table_comes_back_and_says_so() {
        let mut state = State::new(None, false);
        state.push(sample(1, &[1, 2]));
        press(&mut state, &[KeyCode::Enter]);
        state.push(sample(2, &[2]));
        assert!(state.shown().is_none());
        assert_eq!(state.selected(), Some(2));
        assert_eq!(state.message.as_deref(), Some("process 1 (sh) has ended"));
        state.push(sample(3, &[]));
        assert_eq!(state.selected(), None);
    }

    #[test]
    fn keys_end_pause_and_change_the_pace() {
        let mut state = State::new(Some(1), true);
        assert_eq!(press(&mut state, &[KeyCode::Esc]), Request::Quit);
        assert_eq!(press(&mut state, &[KeyCode::Char('q')]), Request::Quit);
        assert_eq!(press(&mut state, &[KeyCode::Char('+')]), Request::Faster);
        assert_eq!(press(&mut state, &[KeyCode::Char('-')]), Request::Slower);
        assert_eq!(press(&mut state, &[KeyCode::Char('c')]), Request::Nothing);
        assert_eq!(state.press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Request::Quit);
        press(&mut state, &[KeyCode::Char(' ')]);
        assert!(state.paused);
        let spans: Vec<_> = (0..SPANS.len())
            .map(|_| {
                press(&mut state, &[KeyCode::Char('t')]);
                state.span()
            })
            .collect();
        assert_eq!(spans, [SPANS[2], SPANS[3], SPANS[0], SPANS[1]]);
    }
}
