//! The log on standard error: lines of text, or JSON.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogFormat, LogLevel};

/// Logs from now on. To be called once.
pub fn init(level: LogLevel, format: LogFormat) {
    let log = fmt().with_env_filter(filter(level)).with_writer(io::stderr).with_target(false);
    match format {
        LogFormat::Plain => {
            let colours =
                io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            log.with_ansi(colours).init();
        }
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// Planet's crates all begin with `planet`. Libraries have their say from `warn` on, and below that only in `trace`.
fn filter(level: LogLevel) -> EnvFilter {
    EnvFilter::new(match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "warn,planet=info",
        LogLevel::Debug => "warn,planet=debug",
        LogLevel::Trace => "trace",
    })
}
