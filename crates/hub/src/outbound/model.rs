//! Models of the queue under every interleaving that matters: no frame lost, none twice, each publisher's in order, one
//! writer at a time, and no wake-up missed. Run with
//! `RUSTFLAGS="--cfg loom" cargo test -p planet-hub --lib --release model`.

use std::io::{self, IoSlice};

use loom::future::block_on;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

use super::*;
use crate::connection::Connection;

const WHY: Disconnect = Disconnect { code: 3000, reason: "over" };

/// A frame of publisher `who`, its `number`th.
fn frame(who: u8, number: u8) -> Bytes {
    Bytes::copy_from_slice(&[who, number])
}

fn end() -> Bytes {
    Bytes::from_static(b"//")
}

fn publish(queue: &Outbound, who: u8, number: u8) -> Pushed {
    let frame = frame(who, number);
    let message = Publish {
        frame: &frame,
        channel: who.into(),
        offset: number.into(),
        overflow: Overflow::Disconnect,
        encode_gap: &|_| Bytes::new(),
        now: Instant::now(),
    };
    queue.publish(&message).0
}

/// Remembers what it is given, and notices two writers.
struct Wire {
    written: Mutex<Vec<u8>>,
    busy: AtomicBool,
    /// Writes that take one byte and then block.
    blocks: AtomicUsize,
}

impl Wire {
    fn new(blocks: usize) -> Self {
        Self { written: Mutex::default(), busy: AtomicBool::new(false), blocks: AtomicUsize::new(blocks) }
    }

    fn frames(&self) -> Vec<[u8; 2]> {
        self.written.lock().unwrap().chunks(2).map(|frame| frame.try_into().expect("whole frames")).collect()
    }
}

impl Sink for Wire {
    fn try_write(&self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        assert!(!self.busy.swap(true, Ordering::AcqRel), "two writers at once");
        let mut written = self.written.lock().unwrap();
        let blocks = self.blocks.load(Ordering::Relaxed);
        let result = match blocks {
            // A blocked sink takes one byte, and in the next call nothing.
            0 => Ok(frames.iter().map(|frame| frame.len()).sum()),
            blocks if blocks % 2 == 0 => Ok(1),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        };
        self.blocks.store(blocks.saturating_sub(1), Ordering::Relaxed);
        let mut left = *result.as_ref().unwrap_or(&0);
        for frame in frames {
            let taken = left.min(frame.len());
            written.extend_from_slice(&frame[..taken]);
            left -= taken;
        }
        drop(written);
        self.busy.store(false, Ordering::Release);
        result
    }

    fn stopped(self: std::sync::Arc<Self>, _: &std::sync::Arc<Connection>, _: Drained) {}
}

/// What a transport does when it is told to write: it goes on until the queue is empty, waiting out a blocked sink.
fn write(queue: &Outbound, wire: &Wire, pushed: Pushed) {
    if pushed == Pushed::Schedule {
        while queue.drain(wire).outcome == Drained::Blocked {}
    }
}

fn of(frames: &[[u8; 2]], who: u8) -> Vec<u8> {
    frames.iter().filter(|frame| frame[0] == who).map(|frame| frame[1]).collect()
}

#[test]
fn two_publishers_that_write_for_themselves() {
    for blocks in [0, 2] {
        loom::model(move || {
            let shared = Arc::new((Outbound::new(100), Wire::new(blocks)));
            let other = shared.clone();
            let second = thread::spawn(move || {
                for number in 1..=2 {
                    write(&other.0, &other.1, publish(&other.0, 2, number));
                }
            });
            for number in 1..=2 {
                write(&shared.0, &shared.1, publish(&shared.0, 1, number));
            }
            second.join().unwrap();
            let frames = shared.1.frames();
            assert_eq!(of(&frames, 1), [1, 2]);
            assert_eq!(of(&frames, 2), [1, 2]);
            assert_eq!((shared.0.bytes(), frames.len()), (0, 4));
        });
    }
}

#[test]
fn a_close_comes_after_all_that_was_queued_and_before_nothing() {
    loom::model(|| {
        let shared = Arc::new((Outbound::new(100), Wire::new(0)));
        let other = shared.clone();
        let closer = thread::spawn(move || {
            let (pushed, _) = other.0.close(WHY, end(), false).expect("nobody else closes");
            write(&other.0, &other.1, pushed);
        });
        let mut accepted = Vec::new();
        for number in 1..=2 {
            let pushed = publish(&shared.0, 1, number);
            if pushed != Pushed::Closed {
                accepted.push(number);
            }
            write(&shared.0, &shared.1, pushed);
        }
        closer.join().unwrap();
        let frames = shared.1.frames();
        assert_eq!(of(&frames, 1), accepted);
        assert_eq!(frames.last(), Some(b"//"));
        assert_eq!(shared.0.drain(&shared.1).outcome, Drained::Finished(Some(WHY)));
    });
}

#[test]
fn a_slow_close_never_cuts_a_frame_in_two() {
    loom::model(|| {
        let shared = Arc::new((Outbound::new(100), Wire::new(2)));
        let other = shared.clone();
        let closer = thread::spawn(move || {
            let (pushed, _) = other.0.close(WHY, end(), true).expect("nobody else closes");
            write(&other.0, &other.1, pushed);
        });
        for number in 1..=2 {
            write(&shared.0, &shared.1, publish(&shared.0, 1, number));
        }
        closer.join().unwrap();
        let frames = shared.1.frames();
        let numbers = of(&frames, 1);
        assert!(numbers.is_sorted() && numbers.len() + 1 == frames.len(), "{frames:?}");
        assert_eq!(frames.last(), Some(b"//"));
    });
}

#[test]
fn a_waiting_task_is_always_woken() {
    loom::model(|| {
        let queue = Arc::new(Outbound::new(100));
        let publishers = [1, 2].map(|who| {
            let queue = queue.clone();
            thread::spawn(move || publish(&queue, who, 1))
        });
        let mut frames: Vec<Bytes> = Vec::new();
        block_on(async {
            let mut last = Batch::default();
            while frames.len() < 2 {
                last = std::future::poll_fn(|context| queue.poll_take(std::mem::take(&mut last), context))
                    .await
                    .expect("nobody closes");
                frames.extend(last.frames().cloned());
            }
        });
        for publisher in publishers {
            publisher.join().unwrap();
        }
        frames.sort();
        assert_eq!(frames, [frame(1, 1), frame(2, 1)]);
    });
}

#[test]
fn a_waiting_task_sees_the_end() {
    for abort in [false, true] {
        loom::model(move || {
            let queue = Arc::new(Outbound::new(100));
            let other = queue.clone();
            let closer = thread::spawn(move || match abort {
                true => other.abort(),
                false => drop(other.close(WHY, Bytes::new(), false)),
            });
            publish(&queue, 1, 1);
            block_on(async {
                let mut last = Batch::default();
                while let Some(taken) =
                    std::future::poll_fn(|context| queue.poll_take(std::mem::take(&mut last), context)).await
                {
                    last = taken;
                }
            });
            closer.join().unwrap();
            assert_eq!(queue.closed(), (!abort).then_some(WHY));
        });
    }
}

#[test]
fn what_is_held_goes_out_behind_the_frame_it_waited_for() {
    loom::model(|| {
        let shared = Arc::new((Outbound::new(100), Wire::new(0)));
        write(&shared.0, &shared.1, publish(&shared.0, 1, 1));
        shared.0.hold();
        let other = shared.clone();
        let publisher = thread::spawn(move || {
            for number in 1..=2 {
                write(&other.0, &other.1, publish(&other.0, 2, number));
            }
        });
        write(&shared.0, &shared.1, shared.0.release(frame(1, 2)));
        publisher.join().unwrap();
        assert_eq!(shared.1.frames(), [[1, 1], [1, 2], [2, 1], [2, 2]]);
    });
}
