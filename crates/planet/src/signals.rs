//! SIGTERM and SIGINT: stop in order, and at once when asked twice. SIGPIPE: nobody reads any more.

use std::{io, time::Duration};

use planet_net::Shutdown;

/// How a process ends that was told twice to stop.
const STOPPED_AT_ONCE: i32 = 1;

/// Begins the shutdown at the first signal and ends the process at the second.
///
/// # Errors
///
/// When the system refuses to report signals.
pub fn watch(shutdown: Shutdown, within: Duration) -> io::Result<()> {
    let mut stop = Stop::new()?;
    tokio::spawn(async move {
        let name = stop.received().await;
        tracing::info!("{name}: stopping within {} s; once more stops at once", within.as_secs_f32());
        shutdown.begin(within);
        let name = stop.received().await;
        tracing::warn!("{name} once more: stopped at once");
        std::process::exit(STOPPED_AT_ONCE);
    });
    Ok(())
}

#[cfg(unix)]
struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn received(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(not(unix))]
struct Stop;

#[cfg(not(unix))]
impl Stop {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn received(&mut self) -> &'static str {
        // Without a way to hear of it there is nothing to stop for.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}

/// Ends this process without a word when whoever reads its output has gone, as `head` does, and as other commands of a
/// shell do. A server must not: there, it is for each connection to notice.
pub fn end_when_nobody_reads() {
    // SAFETY: no handler is installed, the signal only gets back what the system does by default, which Rust's start-up
    // code has changed. Other threads that write meanwhile see one behaviour or the other.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}
