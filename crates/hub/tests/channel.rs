//! A channel under any order of events, against a plain model of what its subscribers must see.

mod common;

use common::{Client, World, with_history};
use planet_hub::*;
use proptest::prelude::*;

const CLIENTS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Publish,
    /// Let this client's peer read so many bytes.
    Read(usize, usize),
    /// Come with a fresh connection if the last one is gone, and subscribe or resume.
    Subscribe(usize),
    Unsubscribe(usize),
    Disconnect(usize),
    Pass(u64),
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..CLIENTS;
    prop_oneof![
        8 => Just(Step::Publish),
        4 => (who.clone(), 0..120usize).prop_map(|(who, bytes)| Step::Read(who, bytes)),
        3 => who.clone().prop_map(Step::Subscribe),
        1 => who.clone().prop_map(Step::Unsubscribe),
        1 => who.prop_map(Step::Disconnect),
        1 => (0..30_000u64).prop_map(Step::Pass),
        1 => Just(Step::Sweep),
    ]
}

/// A reader and what it may claim to have seen.
struct Reader {
    client: Client,
    /// The offset up to which it has seen everything, or was told what is missing.
    seen: Option<u64>,
    policy: Overflow,
    /// What it read in the present subscription, for the message of a failed assertion.
    trace: Vec<String>,
}

impl Reader {
    fn new(world: &World, policy: Overflow) -> Self {
        let client = world.stranger(FormatId(0));
        client.reads(0);
        Self { client, seen: None, policy, trace: Vec::new() }
    }

    fn expect(&mut self, offset: u64) -> Result<(), TestCaseError> {
        let seen = self.seen.unwrap_or(offset - 1);
        let follows = match self.policy {
            Overflow::Disconnect | Overflow::DropOldest => offset == seen + 1,
            Overflow::Conflate => offset > seen,
        };
        prop_assert!(follows, "{offset} after {seen}: {:?}", self.trace);
        self.seen = Some(offset);
        Ok(())
    }

    fn read(&mut self) -> Result<(), TestCaseError> {
        for line in self.client.lines() {
            self.trace.push(line.clone());
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["chat", "gap", range, "of", dropped] => {
                    let (first, last) = range.split_once('-').unwrap();
                    let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
                    prop_assert_eq!(dropped.parse::<u64>().unwrap(), last - first + 1);
                    self.expect(first)?;
                    self.seen = Some(last);
                }
                ["chat", number] => {
                    self.expect(number.strip_prefix('#').unwrap().parse().unwrap())?;
                }
                ["subscribed" | "unrecovered", now] => self.seen = Some(now.parse().unwrap()),
                ["recovered", from] => {
                    let from: u64 = from.parse().unwrap();
                    prop_assert_eq!(self.seen.unwrap_or(from), from);
                    self.seen = Some(from);
                }
                ["disconnect", "3008"] => {}
                _ => prop_assert!(false, "unexpected {line}"),
            }
        }
        Ok(())
    }
}

/// As text: how it went, from which offset on, and what was missed.
fn answer(wanted: Option<Position>, told: &Subscribed) -> bytes::Bytes {
    let now = told.position.unwrap().offset;
    let mut lines = match &told.recovery {
        Recovery::NotAsked => format!("subscribed {now}\n"),
        Recovery::Gap => format!("unrecovered {now}\n"),
        Recovery::Recovered(_) => format!("recovered {}\n", wanted.unwrap().offset),
    };
    if let Recovery::Recovered(missed) = &told.recovery {
        missed.iter().for_each(|message| lines += &format!("chat #{}\n", message.offset));
    }
    lines.into()
}

struct Short;

impl Format for Short {
    fn encode(&self, event: &Event<'_>) -> bytes::Bytes {
        match event {
            Event::Publication { channel, publication, .. } => format!("{channel} #{}\n", publication.offset).into(),
            Event::Gap { channel, gap } => {
                format!("{channel} gap {}-{} of {}\n", gap.first, gap.last, gap.dropped).into()
            }
            Event::Disconnect(why) => format!("disconnect {}\n", why.code).into(),
            _ => bytes::Bytes::new(),
        }
    }
}

fn run(policy: Overflow, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let options = ChannelOptions { overflow: policy, ..with_history(12) };
    let limits = AppLimits { outbound_bytes: 60, ..AppLimits::default() };
    let world = World::with_formats(options, limits, Forgetful, vec![Box::new(Short)]);
    let epoch = world.position("chat").epoch;
    let mut published = 0;
    let mut readers: Vec<Reader> = (0..CLIENTS).map(|_| Reader::new(&world, policy)).collect();
    for step in steps {
        match step {
            Step::Publish => {
                published += 1;
                prop_assert_eq!(world.publish("chat", "").position.unwrap(), Position { epoch, offset: published });
            }
            Step::Read(who, bytes) => readers[who].client.reads(bytes),
            Step::Subscribe(who) => {
                let reader = &mut readers[who];
                // What was written is read before the reader says where it is.
                reader.read()?;
                if reader.client.connection.outbound().closed().is_some() {
                    reader.client.connection.end();
                    reader.client = Reader::new(&world, policy).client;
                }
                if reader.client.connection.outbound().bytes() > 0 {
                    // It is still to read what the last subscription left behind.
                    continue;
                }
                let wanted = reader.seen.map(|offset| Position { epoch, offset });
                let wish = Subscribe { recover: wanted.map(Resume::After), join_leave: false };
                match reader.client.connection.subscribe("chat", wish, |told| answer(wanted, told)) {
                    Ok(needed) => reader.client.connection.flush(needed),
                    Err(error) => prop_assert_eq!(error, SubscribeError::AlreadySubscribed),
                }
            }
            Step::Unsubscribe(who) => drop(readers[who].client.connection.unsubscribe("chat")),
            Step::Disconnect(who) => {
                readers[who].client.connection.end();
                readers[who].read()?;
                readers[who].client = Reader::new(&world, policy).client;
            }
            Step::Pass(milliseconds) => world.pass(milliseconds),
            Step::Sweep => world.hub.sweep(),
        }
        for reader in &mut readers {
            reader.read()?;
        }
    }
    // In the end all read what there is, and those who are subscribed have missed nothing.
    for reader in &mut readers {
        reader.client.reads(usize::MAX / 2);
        reader.read()?;
        let connection = &reader.client.connection;
        prop_assert_eq!(connection.outbound().bytes(), 0);
        if connection.is_subscribed("chat") && connection.outbound().closed().is_none() {
            prop_assert_eq!(reader.seen, Some(published), "{:?}", reader.trace);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn closing_the_slow_loses_nothing(steps in proptest::collection::vec(step(), 0..80)) {
        run(Overflow::Disconnect, steps)?;
    }

    #[test]
    fn dropping_the_oldest_tells_of_every_message_it_drops(steps in proptest::collection::vec(step(), 0..80)) {
        run(Overflow::DropOldest, steps)?;
    }

    #[test]
    fn conflating_ends_with_the_newest(steps in proptest::collection::vec(step(), 0..80)) {
        run(Overflow::Conflate, steps)?;
    }
}
