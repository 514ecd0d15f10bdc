//! The threads that make the calls.

use std::sync::LazyLock;
use std::sync::mpsc::{self, Sender};
use std::thread;

type Work = Box<dyn FnOnce() + Send>;

static SECOND: LazyLock<Sender<Work>> = LazyLock::new(|| {
    let (sender, receiver) = mpsc::channel::<Work>();
    thread::spawn(move || receiver.into_iter().for_each(|work| work()));
    sender
});

fn send_to_second(work: impl FnOnce() + Send + 'static) {
    SECOND.send(Box::new(work)).expect("the second thread lives as long as the process");
}

/// Which thread makes a call.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    First,
    Second,
    /// One that has just started and ends afterwards.
    Passing,
}

impl Place {
    /// Waits for the answer.
    pub(crate) fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> T {
        match self {
            Self::First => work(),
            Self::Second => {
                let (sender, answer) = mpsc::channel();
                send_to_second(move || sender.send(work()).expect("somebody waits for the answer"));
                answer.recv().expect("the second thread answers")
            }
            Self::Passing => thread::spawn(work).join().expect("the thread ends"),
        }
    }

    /// Does not wait for the second thread, so that both are at work at the same time.
    pub(crate) fn send(self, work: impl FnOnce() + Send + 'static) {
        match self {
            Self::Second => send_to_second(work),
            Self::First | Self::Passing => self.run(work),
        }
    }
}

/// Returns when the second thread has done all that it was told.
pub(crate) fn wait_for_second() {
    Place::Second.run(|| ());
}
