//! History, resume, idempotency, and what outlives a run.

mod common;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{World, with_history};
use planet_hub::*;

fn keyed(data: &str, key: &str) -> Message {
    Message { idempotency_key: Some(key.into()), ..Message::new(data.to_owned()) }
}

#[test]
fn a_resume_gives_exactly_what_was_missed() {
    let world = World::new(with_history(10), AppLimits::default());
    let client = world.client(None);
    client.subscribe("chat");
    world.publish("chat", "1");
    let seen = world.position("chat");
    client.connection.unsubscribe("chat");
    world.publish("chat", "2");
    world.publish("chat", "3");
    client.resume("chat", seen);
    world.publish("chat", "4");
    let expected = ["chat subscribed", "chat #1 1", "chat recovered", "chat #2 2", "chat #3 3", "chat #4 4"];
    assert_eq!(client.lines(), expected);
    assert_eq!((world.hub.counters().recovered.get(), world.hub.counters().unrecovered.get()), (1, 0));
}

#[test]
fn a_resume_that_cannot_be_told_is_a_gap() {
    let world = World::new(with_history(2), AppLimits::default());
    let seen = world.position("chat");
    for number in 1..=3 {
        world.publish("chat", &number.to_string());
    }
    let ahead = Position { offset: 4, ..seen };
    let of_another_life = Position { epoch: Epoch::random(), offset: 3 };
    for position in [seen, ahead, of_another_life, Position { offset: u64::MAX, ..seen }] {
        let client = world.client(None);
        client.resume("chat", position);
        assert_eq!(client.lines(), ["chat unrecovered"], "{position:?}");
    }
    let client = world.client(None);
    client.resume("chat", Position { offset: 1, ..seen });
    assert_eq!(client.lines(), ["chat recovered", "chat #2 2", "chat #3 3"]);
    assert_eq!(world.hub.counters().unrecovered.get(), 4);
}

#[test]
fn history_is_bounded_by_size_and_age() {
    let world = World::new(with_history(3), AppLimits::default());
    for number in 1..=4 {
        world.publish("chat", &number.to_string());
        world.pass(10_000);
    }
    assert_eq!(world.history("chat"), ["chat #2 2", "chat #3 3", "chat #4 4"]);
    world.pass(35_000);
    assert_eq!(world.history("chat"), ["chat #3 3", "chat #4 4"]);
    world.pass(60_000);
    assert_eq!(world.history("chat"), [""; 0]);
    assert_eq!(world.app.history_bytes(), 0);
    assert_eq!(world.publish("chat", "5").position.unwrap().offset, 5);
}

#[test]
fn a_channel_without_history_has_no_offsets_and_says_so() {
    let world = World::new(ChannelOptions::default(), AppLimits::default());
    assert_eq!(world.publish("chat", "1").position, None);
    assert_eq!(world.app.history("chat", &HistoryQuery::default()).unwrap_err(), HistoryError::Off);
    assert_eq!(world.app.channel_count(), 0);
}

#[test]
fn a_full_history_evicts_the_oldest_of_the_app() {
    let limits = AppLimits { history_bytes: 5_000, ..AppLimits::default() };
    let world = World::new(with_history(100), limits);
    let body = "x".repeat(500);
    let old = world.position("old");
    world.publish("old", "first");
    for _ in 0..20 {
        world.pass(1);
        world.publish("busy", &body);
        assert!(world.app.history_bytes() <= 5_000);
    }
    assert_eq!(world.history("old"), [""; 0]);
    let kept = world.history("busy");
    assert!(kept.len() >= 5 && kept.last().unwrap().starts_with("busy #20"), "{kept:?}");
    assert_eq!(world.hub.counters().evicted.get() as usize, 21 - kept.len());

    let client = world.client(None);
    client.resume("old", old);
    assert_eq!(client.lines(), ["old unrecovered"]);
    world.pass(120_000);
    world.hub.sweep();
    assert_eq!(world.app.history_bytes(), 0);
}

#[test]
fn a_quiet_channel_keeps_its_message_while_a_busy_one_turns_over() {
    let limits = AppLimits { history_bytes: 20_000, ..AppLimits::default() };
    let world = World::new(with_history(2), limits);
    world.publish("quiet", "kept");
    for _ in 0..1_000 {
        world.publish("busy", "gone");
    }
    assert_eq!(world.history("quiet"), ["quiet #1 kept"]);
    assert_eq!(world.hub.counters().evicted.get(), 0);
}

#[test]
fn a_message_larger_than_all_history_is_delivered_and_not_kept() {
    let limits = AppLimits { history_bytes: 1_000, ..AppLimits::default() };
    let world = World::new(with_history(10), limits);
    let client = world.client(None);
    client.subscribe("chat");
    assert_eq!(world.publish("chat", &"x".repeat(2_000)).sent, 1);
    assert_eq!(client.lines().len(), 2);
    assert_eq!((world.history("chat").len(), world.app.history_bytes()), (0, 0));
}

#[test]
fn a_repeat_is_answered_as_the_first_was_and_sent_once() {
    for (options, channel) in [(with_history(10), "chat"), (ChannelOptions::default(), "@julia")] {
        let world = World::new(options, AppLimits::default());
        let client = world.client(Some("julia"));
        if channel == "chat" {
            client.subscribe(channel);
        }
        let first = world.app.publish(channel, keyed("1", "key")).unwrap();
        assert_eq!((first.sent, first.repeated), (1, false));
        client.lines();
        let again = world.app.publish(channel, keyed("other", "key")).unwrap();
        assert_eq!(again, Published { repeated: true, ..first });
        assert_eq!(client.lines(), [""; 0]);
        assert_eq!((world.hub.counters().published.get(), world.hub.counters().repeated.get()), (1, 1));
        assert!(!world.app.publish("elsewhere", keyed("1", "key")).unwrap().repeated);

        world.pass(300_000);
        assert!(!world.app.publish(channel, keyed("2", "key")).unwrap().repeated);
    }
}

#[test]
fn a_channel_remembers_a_bounded_number_of_keys() {
    let limits = AppLimits { idempotency_keys: 2, ..AppLimits::default() };
    let world = World::new(with_history(10), limits);
    for key in ["a", "b", "c"] {
        world.app.publish("chat", keyed(key, key)).unwrap();
    }
    assert!(world.app.publish("chat", keyed("c", "c")).unwrap().repeated);
    assert!(!world.app.publish("chat", keyed("a", "a")).unwrap().repeated);
}

#[test]
fn an_unused_channel_goes_and_its_position_stays_for_a_while() {
    let limits = AppLimits { position_ttl: Duration::from_secs(600), ..AppLimits::default() };
    let world = World::new(with_history(10), limits);
    let client = world.client(None);
    client.subscribe("chat");
    world.publish("chat", "1");
    let position = world.position("chat");
    client.connection.end();

    world.pass(61_000);
    world.hub.sweep();
    assert_eq!((world.app.channel_count(), world.app.history_bytes()), (1, 0));
    world.pass(599_000);
    world.hub.sweep();
    assert_eq!(world.position("chat"), position);

    world.pass(600_000);
    world.hub.sweep();
    assert_eq!(world.app.channel_count(), 0);
    assert_ne!(world.position("chat").epoch, position.epoch);
}

#[test]
fn a_channel_in_use_is_not_swept() {
    let world = World::new(ChannelOptions::default(), AppLimits::default());
    let client = world.client(None);
    client.subscribe("chat");
    world.app.publish("keyed", keyed("1", "key")).unwrap();
    world.hub.sweep();
    assert_eq!(world.app.channel_count(), 2);
    world.pass(300_000);
    world.hub.sweep();
    assert_eq!(world.app.channel_count(), 1);
    assert_eq!(world.publish("chat", "1").sent, 1);
    client.connection.end();
    world.hub.sweep();
    assert_eq!(world.app.channel_count(), 0);
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<HashMap<String, Vec<SavedChannel>>>>);

impl Store for Memory {
    fn load(&self, app: &str) -> io::Result<Vec<SavedChannel>> {
        Ok(self.0.lock().unwrap().get(app).cloned().unwrap_or_default())
    }

    fn save(&self, app: &str, channels: &[SavedChannel]) -> io::Result<()> {
        self.0.lock().unwrap().insert(app.into(), channels.to_vec());
        Ok(())
    }
}

#[test]
fn a_resume_reaches_across_a_restart() {
    let memory = Memory::default();
    let before = World::with_store(with_history(10), AppLimits::default(), memory.clone());
    before.publish("chat", "1");
    let seen = before.position("chat");
    before.publish("chat", "2");
    let bytes = before.app.history_bytes();
    before.hub.save().unwrap();

    let after = World::with_store(with_history(10), AppLimits::default(), memory);
    assert_eq!(after.app.history_bytes(), bytes);
    let client = after.client(None);
    client.resume("chat", seen);
    assert_eq!(after.publish("chat", "3").position.unwrap(), Position { offset: 3, ..seen });
    assert_eq!(client.lines(), ["chat recovered", "chat #2 2", "chat #3 3"]);
}

#[test]
fn logs_are_continued_once_so_that_a_crash_cannot_give_an_offset_twice() {
    let memory = Memory::default();
    let first = World::with_store(with_history(10), AppLimits::default(), memory.clone());
    first.publish("chat", "1");
    first.hub.save().unwrap();
    let crashed = World::with_store(with_history(10), AppLimits::default(), memory.clone());
    let lost = crashed.publish("chat", "lost with the crash").position.unwrap();

    let third = World::with_store(with_history(10), AppLimits::default(), memory);
    third.publish("chat", "a");
    third.publish("chat", "b");
    let client = third.client(None);
    client.resume("chat", lost);
    assert_eq!(client.lines(), ["chat unrecovered"]);
}

#[test]
fn a_repeat_is_known_across_a_restart() {
    for size in [10, 0] {
        let memory = Memory::default();
        let before = World::with_store(with_history(size), AppLimits::default(), memory.clone());
        let message = planet_hub::Message { idempotency_key: Some("k".into()), ..planet_hub::Message::new("1") };
        let first = before.app.publish("chat", message.clone()).unwrap();
        before.hub.save().unwrap();
        let after = World::with_store(with_history(size), AppLimits::default(), memory);
        let again = after.app.publish("chat", message).unwrap();
        assert_eq!(again, planet_hub::Published { repeated: true, ..first });
    }
}

#[test]
fn nothing_is_published_once_the_logs_are_saved() {
    let memory = Memory::default();
    let before = World::with_store(with_history(10), AppLimits::default(), memory.clone());
    before.publish("chat", "1");
    before.hub.save().unwrap();
    let late = before.app.publish("chat", planet_hub::Message::new("2"));
    assert_eq!(late, Err(planet_hub::PublishError::Stopped));
    let elsewhere = before.app.publish("news", planet_hub::Message::new("3"));
    assert_eq!(elsewhere, Err(planet_hub::PublishError::Stopped));
}

#[test]
fn saved_messages_with_a_hole_are_not_trusted() {
    let memory = Memory::default();
    let before = World::with_store(with_history(10), AppLimits::default(), memory.clone());
    for number in 1..=3 {
        before.publish("chat", &number.to_string());
    }
    before.hub.save().unwrap();
    memory.0.lock().unwrap().get_mut("app").unwrap()[0].messages.remove(1);
    let after = World::with_store(with_history(10), AppLimits::default(), memory);
    assert_eq!(after.history("chat"), [""; 0]);
    assert_eq!(after.position("chat"), before.position("chat"));
}
