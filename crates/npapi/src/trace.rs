//! `NPAPI_LOG=FILE`: every call in both directions, with its arguments and result.
//!
//! The file is appended to, a line for each call and each return, written at once so that a crash loses nothing:
//!
//! ```text
//!     0.012345 4711/1  > NPP_New(mime: "application/x-demo", mode: 1, …)
//!     0.012360 4711/1  < NPN_GetValue(15) = 0
//!     0.012371 4711/1  > NPP_New = 0
//! ```
//!
//! The columns are the seconds since the start, process and thread, and the direction: `>` into the plugin, `<` into the
//! browser. Panics and wrong use are written as `!`, and to standard error too.

use std::fmt::Arguments;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::OnceLock;
use std::thread::{self, ThreadId};
use std::time::Instant;

struct Log {
    file: File,
    start: Instant,
}

fn log() -> Option<&'static Log> {
    static LOG: OnceLock<Option<Log>> = OnceLock::new();
    LOG.get_or_init(|| {
        let path = std::env::var_os("NPAPI_LOG").filter(|path| !path.is_empty())?;
        match OpenOptions::new().append(true).create(true).open(&path) {
            Ok(file) => Some(Log { file, start: Instant::now() }),
            Err(error) => {
                eprintln!("npapi: cannot write NPAPI_LOG={}: {error}", path.to_string_lossy());
                None
            }
        }
    })
    .as_ref()
}

fn write(direction: char, text: Arguments<'_>) {
    let Some(log) = log() else { return };
    let id: ThreadId = thread::current().id();
    let line = format!(
        "{:>12.6} {}/{} {direction} {}\n",
        log.start.elapsed().as_secs_f64(),
        std::process::id(),
        format!("{id:?}").trim_start_matches("ThreadId(").trim_end_matches(')'),
        text.to_string().replace('\n', "\\n"),
    );
    // One write appends the line whole; a full disk must not harm the page.
    let _ = (&log.file).write_all(line.as_bytes());
}

/// A line of the plugin's own in the trace.
pub fn note(text: Arguments<'_>) {
    write('-', text);
}

/// The browser calls the plugin, or the plugin has answered.
pub(crate) fn incoming(text: Arguments<'_>) {
    write('>', text);
}

/// The plugin calls the browser.
pub(crate) fn outgoing(text: Arguments<'_>) {
    write('<', text);
}

/// Something is wrong: the user of the browser's console sees it as well.
pub(crate) fn alarm(text: Arguments<'_>) {
    write('!', text);
    // Unlike eprintln, this does not panic when standard error is closed.
    let _ = writeln!(std::io::stderr(), "npapi: {text}");
}
