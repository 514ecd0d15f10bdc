//! Subscribers that do not read, over real sockets, under each overflow policy.

mod support;

use planet_hub::{AppLimits, ChannelOptions, Overflow};
use serde_json::{Value, json};
use support::{Client, Kind, Setup, World};

const OUTBOUND: usize = 128 << 10;

fn start(overflow: Overflow) -> World {
    let setup = Setup::default();
    let channels = ChannelOptions { overflow, history_size: 100_000, ..setup.channels };
    let limits = AppLimits { outbound_bytes: OUTBOUND, ..AppLimits::default() };
    Setup { channels, limits, ..setup }.start()
}

/// Publishes until the queue of the one connection is full, and some more; gives the last offset.
async fn publish_until_full(world: &World) -> u64 {
    let payload = format!("\"{}\"", "x".repeat(8 << 10));
    let connection = world.app.hub.connections().remove(0);
    let mut published = 0;
    let mut beyond = 0;
    while beyond < 20 {
        world.publish("chat", &payload);
        published += 1;
        assert!(published < 10_000, "sockets do not take that much");
        let is_full = connection.outbound().bytes() + 2 * payload.len() > OUTBOUND;
        if is_full || connection.outbound().closed().is_some() {
            beyond += 1;
        } else {
            tokio::task::yield_now().await;
        }
        assert!(connection.outbound().bytes() <= OUTBOUND, "the queue is bounded");
    }
    published
}

async fn subscriber(world: &World, kind: Kind, resume: Value) -> (Client, Value) {
    let (mut client, _) = Client::connect(world, kind, json!({})).await;
    let mut wish = json!({"channel": "chat"});
    wish.as_object_mut().unwrap().extend(resume.as_object().unwrap().clone());
    let subscribed = client.call("subscribe", wish).await["subscribe"].clone();
    (client, subscribed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_disconnected_and_resumes_where_it_was() {
    for kind in [Kind::WebSocket, Kind::HttpStream] {
        let world = start(Overflow::Disconnect);
        let (mut client, subscribed) = subscriber(&world, kind, json!({})).await;
        let published = publish_until_full(&world).await;
        let mut seen = 0;
        let code = loop {
            match client.next().await {
                Ok(frame) => {
                    seen += 1;
                    assert_eq!(frame["push"]["pub"]["offset"], seen, "in order");
                }
                Err(code) => break code,
            }
        };
        assert_eq!(code, 3008, "{kind:?}");
        assert!(seen < published);
        let from = json!({"recover": true, "offset": seen, "epoch": subscribed["epoch"]});
        let (_client, resumed) = subscriber(&world, kind, from).await;
        assert_eq!(resumed["recovered"], true);
        let offsets: Vec<_> = resumed["publications"]
            .as_array()
            .unwrap()
            .iter()
            .map(|missed| missed["offset"].as_u64().unwrap())
            .collect();
        assert_eq!(offsets, (seen + 1..=published).collect::<Vec<_>>(), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_told_of_the_gap_where_the_oldest_were_dropped() {
    for kind in [Kind::WebSocket, Kind::Sse] {
        let world = start(Overflow::DropOldest);
        let (mut client, _) = subscriber(&world, kind, json!({})).await;
        let published = publish_until_full(&world).await;
        let (mut seen, mut dropped) = (0, 0);
        while seen < published {
            let push = client.push().await;
            let gap = &push["message"]["data"]["gap"];
            if gap.is_object() {
                assert_eq!((&gap["channel"], &gap["first"]), (&json!("chat"), &json!(seen + 1)), "{kind:?}");
                seen = gap["last"].as_u64().unwrap();
                dropped += gap["dropped"].as_u64().unwrap();
            } else {
                seen += 1;
                assert_eq!(push["pub"]["offset"], seen, "{kind:?}: neither lost silently nor twice");
            }
        }
        assert!(dropped > 0, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_gets_the_newest_where_they_replace_each_other() {
    let world = start(Overflow::Conflate);
    let (mut client, _) = subscriber(&world, Kind::WebSocket, json!({})).await;
    let published = publish_until_full(&world).await;
    let (mut seen, mut received) = (0, 0);
    while seen < published {
        let offset = client.push().await["pub"]["offset"].as_u64().unwrap();
        assert!(offset > seen);
        seen = offset;
        received += 1;
    }
    assert!(received < published);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_one_that_hangs_up_without_reading() {
    let world = start(Overflow::DropOldest);
    let (client, _) = subscriber(&world, Kind::WebSocket, json!({})).await;
    publish_until_full(&world).await;
    // It sends no more and goes on not reading: a writer waits for it.
    let unread = client.hang_up();
    world.until_connections(0).await;
    support::soon("the end of the socket", async {
        while world.admission.connections() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
    drop(unread);
}
