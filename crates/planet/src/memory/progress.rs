//! A bar for what takes long, on a terminal only.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What is over sooner is not worth a bar.
const PATIENCE: Duration = Duration::from_secs(2);

/// Time that passes, towards an end or without one.
pub(crate) struct Progress {
    bar: ProgressBar,
    begin: Instant,
}

impl Progress {
    /// Begins now, and goes on for `limit` or until it is dropped.
    pub(crate) fn of_time(what: &'static str, limit: Option<Duration>) -> Self {
        let template = match limit {
            Some(_) => "{prefix} [{bar:30}] {pos} of {len} s {msg} (Ctrl-C ends it)",
            None => "{prefix} for {elapsed}: {msg} (Ctrl-C ends it)",
        };
        let bar = ProgressBar::with_draw_target(limit.map(|limit| limit.as_secs()), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_prefix(what);
        Self { bar, begin: Instant::now() }
    }

    /// Shows how much time has passed.
    pub(crate) fn tick(&self) {
        let passed = self.begin.elapsed();
        if passed >= PATIENCE && self.bar.is_hidden() && std::io::stderr().is_terminal() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        }
        self.bar.set_position(passed.as_secs());
    }

    /// What is said beside the time.
    pub(crate) fn says(&self, message: String) {
        self.bar.set_message(message);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
