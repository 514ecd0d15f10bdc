//! The terminal, keys and time.

use crossterm::event::{self, Event};
use ratatui::DefaultTerminal;

use super::state::{Request, State};
use crate::memory::MemoryError;
use crate::memory::pace::Pace;
use crate::memory::source::Source;

/// Takes the terminal, shows what the source has until it ends or somebody leaves, and gives the terminal back: also
/// after a panic, and when a signal ends it.
pub(crate) fn show(mut source: Source, pace: Pace, only: Option<u32>) -> Result<(), MemoryError> {
    let mut state = State::new(only, source.is_recording());
    // What is wrong from the beginning is said on the terminal as it was.
    if let Some(sample) = source.next()? {
        state.push(sample);
    }
    let mut terminal = ratatui::try_init().map_err(MemoryError::Output)?;
    let shown = follow(&mut terminal, &mut state, &mut source, pace);
    ratatui::restore();
    shown?;
    if let Some(obituary) = source.obituary() {
        println!("{obituary}");
    }
    Ok(())
}

fn follow(
    terminal: &mut DefaultTerminal,
    state: &mut State,
    source: &mut Source,
    mut pace: Pace,
) -> Result<(), MemoryError> {
    let mut is_changed = true;
    let mut is_ended = false;
    while !pace.is_over() {
        if is_changed {
            terminal.draw(|frame| state.draw(frame, pace.interval())).map_err(MemoryError::Output)?;
            is_changed = false;
        }
        if event::poll(pace.rest()).map_err(MemoryError::Output)? {
            if let Event::Key(key) = event::read().map_err(MemoryError::Output)? {
                match state.press(key) {
                    Request::Nothing => {}
                    Request::Quit => return Ok(()),
                    Request::Faster => pace.change(true),
                    Request::Slower => pace.change(false),
                }
            }
            is_changed = true;
        }
        if !state.paused && !is_ended && pace.is_due() {
            match source.next()? {
                Some(sample) => state.push(sample),
                None if source.is_recording() => {
                    is_ended = true;
                    state.end();
                }
                None => return Ok(()),
            }
            is_changed = true;
        }
    }
    Ok(())
}
