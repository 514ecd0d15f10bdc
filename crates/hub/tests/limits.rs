//! Every bound, one past it, while others go on; and the policies for peers that cannot keep up.

mod common;

use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use common::{World, with_history};
use planet_hub::*;

fn limited(limits: AppLimits) -> World {
    World::new(with_history(100), limits)
}

fn overflowing(overflow: Overflow, history_size: usize) -> World {
    let options = ChannelOptions { overflow, ..with_history(history_size) };
    World::new(options, AppLimits { outbound_bytes: 100, ..AppLimits::default() })
}

#[test]
fn connections_of_an_app() {
    let world = limited(AppLimits { connections: 2, ..AppLimits::default() });
    let (first, second) = (world.client(None), world.client(None));
    assert_eq!(world.app.open(FormatId(0), None).unwrap_err(), AppFull { limit: 2 });
    assert_eq!(world.app.tell_everyone(&Bytes::from_static(b"on")), 2);
    assert_eq!(second.lines(), ["message on"]);
    first.connection.end();
    assert!(world.app.open(FormatId(0), None).is_ok());
}

#[test]
fn channels_that_are_only_remembered_make_room_in_a_crowded_app() {
    let world = limited(AppLimits { channels: 4, ..AppLimits::default() });
    let subscriber = world.client(None);
    subscriber.subscribe("used");
    let look_at = |name: &str| world.app.history(name, &HistoryQuery::default()).map(|_| ());
    look_at("a").unwrap();
    world.hub.sweep();
    assert_eq!(world.app.channel_count(), 2, "remembered while there is room");
    look_at("b").unwrap();
    look_at("c").unwrap();
    assert_eq!(look_at("d"), Err(HistoryError::Unrecoverable));
    world.hub.sweep();
    assert_eq!(world.app.channel_count(), 1, "the one in use");
    look_at("d").unwrap();
}

#[test]
fn connections_of_a_user() {
    let world = limited(AppLimits { connections_per_user: 1, ..AppLimits::default() });
    let first = world.client(Some("julia"));
    let second = world.stranger(FormatId(0));
    let full = Err(IdentifyError::TooManyConnections { limit: 1 });
    assert_eq!(second.connection.identify(Some("julia"), None), full);
    assert_eq!(world.app.tell_user("julia", &Bytes::from_static(b"on")), 1);
    assert_eq!(second.connection.identify(Some("romeo"), None), Ok(()));
    first.connection.end();
    assert_eq!(world.client(Some("julia")).connection.user().unwrap().as_ref(), "julia");
}

#[test]
fn channels_of_a_connection() {
    let world = limited(AppLimits { channels_per_connection: 1, ..AppLimits::default() });
    let client = world.client(None);
    client.subscribe("one");
    assert_eq!(client.try_subscribe("one", Subscribe::default()), Err(SubscribeError::AlreadySubscribed));
    assert_eq!(client.try_subscribe("two", Subscribe::default()), Err(SubscribeError::TooManyChannels { limit: 1 }));
    assert_eq!(world.publish("one", "on").sent, 1);
    client.connection.unsubscribe("one");
    client.subscribe("two");
    assert_eq!(client.lines(), ["one subscribed", "one #1 on", "two subscribed"]);
}

#[test]
fn channels_of_an_app() {
    let world = limited(AppLimits { channels: 1, ..AppLimits::default() });
    let client = world.client(None);
    client.subscribe("one");
    assert_eq!(client.try_subscribe("two", Subscribe::default()), Err(SubscribeError::AppFull { limit: 1 }));
    let refused = world.app.publish("two", Message::new("1"));
    assert_eq!(refused, Err(PublishError::TooManyChannels { limit: 1 }));
    assert!(world.app.history("two", &HistoryQuery::default()).is_err());
    assert_eq!(world.publish("one", "on").sent, 1);
    assert_eq!(world.app.channel_count(), 1);
}

#[test]
#[should_panic(expected = "the hub has no FormatId(2)")]
fn a_format_that_is_not_there() {
    drop(limited(AppLimits::default()).app.open(FormatId(2), None));
}

#[test]
fn a_peer_that_does_not_read_is_closed_as_slow_and_resumes() {
    let world = overflowing(Overflow::Disconnect, 100);
    let (slow, quick) = (world.client(None), world.client(None));
    slow.subscribe("chat");
    quick.subscribe("chat");
    slow.reads(0);
    let seen = world.position("chat");
    for number in 1..=20 {
        world.publish("chat", &format!("{number:010}"));
    }
    assert_eq!(slow.connection.outbound().closed(), Some(Disconnect::SLOW));
    assert!(slow.connection.outbound().bytes() <= 100);
    assert_eq!(quick.lines().len(), 21);
    let counters = world.hub.counters();
    assert_eq!(counters.slow_connections.get(), 1);
    // What fits in 100 bytes at 19 or 20 a frame, and the one that did not.
    assert_eq!(counters.dropped_slow.get(), 6);

    slow.reads(usize::MAX / 2);
    assert_eq!(slow.lines(), ["chat subscribed", "disconnect 3008"]);
    slow.connection.end();
    let again = world.client(None);
    again.resume("chat", seen);
    assert_eq!(again.lines().len(), 21);
}

#[test]
fn a_half_written_frame_is_finished_before_the_last_word() {
    let world = overflowing(Overflow::Disconnect, 0);
    let slow = world.client(None);
    slow.subscribe("chat");
    slow.reads(4);
    world.publish("chat", "cut in two");
    for _ in 0..20 {
        world.publish("chat", "never seen");
    }
    assert_eq!(slow.peer.stopped(), Some(Drained::Blocked));
    slow.reads(usize::MAX / 2);
    assert_eq!(slow.lines(), ["chat subscribed", "chat #0 cut in two", "disconnect 3008"]);
    assert_eq!(slow.peer.stopped(), Some(Drained::Finished(Some(Disconnect::SLOW))));
}

#[test]
fn the_oldest_make_room_and_the_gap_is_told_in_their_place() {
    let world = overflowing(Overflow::DropOldest, 100);
    let slow = world.client(None);
    slow.subscribe("chat");
    slow.reads(0);
    for number in 1..=40 {
        world.publish("chat", &number.to_string());
        assert!(slow.connection.outbound().bytes() <= 100);
    }
    slow.reads(usize::MAX / 2);
    let lines = slow.lines();
    let dropped = world.hub.counters().dropped_oldest.get();
    assert_eq!(lines[1], format!("chat gap 1-{dropped} of {dropped}"));
    let rest: Vec<String> = (dropped + 1..=40).map(|number| format!("chat #{number} {number}")).collect();
    assert_eq!(lines[2..], rest);
    assert_eq!(slow.connection.outbound().closed(), None);
}

#[test]
fn the_newest_takes_the_place_of_what_it_replaces() {
    let world = overflowing(Overflow::Conflate, 0);
    let slow = world.client(None);
    slow.subscribe("score");
    slow.reads(0);
    for number in 1..=40 {
        world.publish("score", &number.to_string());
        assert!(slow.connection.outbound().bytes() <= 100);
    }
    slow.reads(usize::MAX / 2);
    let lines = slow.lines();
    assert_eq!(lines.last().unwrap(), "score #0 40");
    assert_eq!(lines.len() as u64 - 1 + world.hub.counters().dropped_conflated.get(), 40);
}

/// A connection whose task has taken all there was, which fills the queue, and has not written it.
fn writing(world: &World, channel: &str) -> (Arc<Connection>, Batch) {
    let connection = world.app.open(FormatId(0), None).unwrap();
    connection.identify(None, None).unwrap();
    let _task_sees_it = connection.subscribe(channel, Subscribe::default(), |_| Bytes::new()).unwrap();
    while connection.outbound().bytes() + "score #10 10\n".len() <= 100 {
        world.publish(channel, "10");
    }
    let batch = take(&connection, Batch::default()).expect("there is something to write");
    (connection, batch)
}

fn take(connection: &Connection, last: Batch) -> Option<Batch> {
    match connection.poll_take(last, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(batch) => batch,
        Poll::Pending => None,
    }
}

fn lines(batch: &Batch) -> String {
    batch.frames().map(|frame| String::from_utf8_lossy(frame).into_owned()).collect()
}

#[test]
fn while_all_of_the_queue_is_written_new_messages_go_and_leave_one_word() {
    let world = overflowing(Overflow::DropOldest, 100);
    let (connection, batch) = writing(&world, "chat");
    let written = batch.frames().len();
    let first = written + 1;
    for number in first..first + 5 {
        world.publish("chat", &number.to_string());
    }
    let rest = take(&connection, batch).unwrap();
    assert_eq!(lines(&rest), format!("chat gap {first}-{} of 5\n", written + 5));
    assert_eq!(world.hub.counters().dropped_oldest.get(), 5);
    assert!(take(&connection, rest).is_none());
    assert_eq!((connection.outbound().bytes(), connection.outbound().closed()), (0, None));
}

#[test]
fn while_all_of_the_queue_is_written_the_newest_still_waits() {
    let world = overflowing(Overflow::Conflate, 0);
    let (connection, batch) = writing(&world, "score");
    for number in 20..30 {
        world.publish("score", &number.to_string());
        assert!(connection.outbound().bytes() <= 200);
    }
    assert_eq!(lines(&take(&connection, batch).unwrap()), "score #0 29\n");
    assert_eq!(world.hub.counters().dropped_conflated.get(), 9);
    assert_eq!(connection.outbound().closed(), None);
}

#[test]
fn replies_nobody_reads_close_the_connection() {
    let world = overflowing(Overflow::DropOldest, 0);
    let client = world.client(None);
    client.reads(0);
    for _ in 0..20 {
        client.connection.flush(client.connection.send(Bytes::from_static(b"{\"id\":1,\"ping\":{}}\n")));
    }
    assert_eq!(client.connection.outbound().closed(), Some(Disconnect::SLOW));
    assert_eq!(world.hub.counters().dropped_slow.get(), 0);
}

#[test]
fn an_empty_queue_takes_one_frame_of_any_size() {
    let world = overflowing(Overflow::Disconnect, 0);
    let client = world.client(None);
    client.subscribe("chat");
    assert_eq!(world.publish("chat", &"x".repeat(1_000)).sent, 1);
    assert_eq!(client.lines().len(), 2);
}

#[test]
fn a_resume_with_too_much_to_tell_is_a_gap() {
    let world = limited(AppLimits { recovery_bytes: 2_000, ..AppLimits::default() });
    let start = world.position("chat");
    for _ in 0..3 {
        world.publish("chat", &"x".repeat(700));
    }
    let (one_too_many, just_enough) = (world.client(None), world.client(None));
    one_too_many.resume("chat", start);
    just_enough.resume("chat", Position { offset: 1, ..start });
    assert_eq!(one_too_many.lines(), ["chat unrecovered"]);
    assert_eq!(just_enough.lines().len(), 3);
}

#[test]
fn catching_up_does_not_make_a_subscriber_too_slow_for_what_is_new() {
    let limits = AppLimits { outbound_bytes: 100, recovery_bytes: 10_000, ..AppLimits::default() };
    let world = limited(limits);
    let start = world.position("chat");
    for _ in 0..10 {
        world.publish("chat", &"x".repeat(100));
    }
    let client = world.client(None);
    client.reads(0);
    client.resume("chat", start);
    assert!(client.connection.outbound().bytes() > 1_000);
    world.publish("chat", "new");
    assert_eq!(client.connection.outbound().closed(), None);
    client.reads(usize::MAX / 2);
    assert_eq!(client.lines().last().unwrap(), "chat #11 new");

    // The room was for that answer only.
    client.reads(0);
    for _ in 0..20 {
        world.publish("chat", "too much");
    }
    assert_eq!(client.connection.outbound().closed(), Some(Disconnect::SLOW));
}

#[test]
fn resumes_under_one_hold_share_the_room() {
    let world = limited(AppLimits { recovery_bytes: 2_000, ..AppLimits::default() });
    let starts = ["one", "two"].map(|channel| (channel, world.position(channel)));
    for (channel, _) in &starts {
        world.publish(channel, &"x".repeat(1_200));
    }
    let client = world.client(None);
    client.connection.hold();
    let mut answers = Vec::new();
    for (channel, start) in starts {
        let wish = Subscribe { recover: Some(Resume::After(start)), join_leave: false };
        let mut outcome = String::new();
        let reply = |subscribed: &Subscribed| {
            outcome = format!("{channel} {}\n", matches!(subscribed.recovery, Recovery::Recovered(_)));
            Bytes::new()
        };
        let needed = client.connection.subscribe(channel, wish, reply).unwrap();
        client.connection.flush(needed);
        answers.push(outcome);
        world.publish(channel, "new");
    }
    assert_eq!(client.lines(), [""; 0]);
    client.connection.flush(client.connection.release(answers.concat().into()));
    assert_eq!(client.lines(), ["one true", "two false", "one #2 new", "two #2 new"]);
}

/// Has the next frame queued each time it takes one.
#[derive(Default)]
struct Talkative {
    connection: OnceLock<Weak<Connection>>,
    writes: AtomicUsize,
    stopped: Mutex<Vec<Drained>>,
}

struct TalkativeSink(Arc<Talkative>);

impl Sink for TalkativeSink {
    fn try_write(&self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.writes.fetch_add(1, Ordering::Relaxed);
        let connection = self.0.connection.get().and_then(Weak::upgrade).expect("it is written only while it lives");
        let _a_writer_runs = connection.send(Bytes::from_static(b"more"));
        Ok(frames.iter().map(|frame| frame.len()).sum())
    }

    fn stopped(self: Arc<Self>, _: &Arc<Connection>, outcome: Drained) {
        self.0.stopped.lock().unwrap().push(outcome);
    }
}

#[test]
fn a_queue_that_never_empties_lets_others_have_their_turn() {
    let world = World::new(ChannelOptions::default(), AppLimits::default());
    let sink = Arc::new(Talkative::default());
    let connection = world.app.open(FormatId(0), Some(Arc::new(TalkativeSink(sink.clone())))).unwrap();
    sink.connection.set(Arc::downgrade(&connection)).unwrap();
    connection.flush(connection.send(Bytes::from_static(b"first")));
    let written = sink.writes.load(Ordering::Relaxed);
    assert_eq!(*sink.stopped.lock().unwrap(), [Drained::Blocked]);
    connection.drain();
    assert!(sink.writes.load(Ordering::Relaxed) > written, "and it goes on when it is its turn again");
    connection.end();
}
