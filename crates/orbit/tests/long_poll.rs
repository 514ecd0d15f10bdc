//! Long polling: nothing is lost when an answer is, and nothing comes twice.

mod support;

use std::time::Duration;

use planet_orbit::SessionSettings;
use serde_json::{Value, json};
use support::{Answer, Setup, World, post};

struct Session<'w> {
    world: &'w World,
    key: String,
}

impl<'w> Session<'w> {
    async fn open(world: &'w World) -> Self {
        let connect = "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"chat\"}}";
        let opened = post(world.address, "/connection/long_poll", connect).await.json();
        assert_eq!((&opened["cursor"], opened["frames"].as_array().unwrap().len()), (&json!(2), 2));
        let key = opened["session"].as_str().unwrap().to_owned();
        assert_eq!(opened["frames"][0]["connect"]["session"], key);
        Self { world, key }
    }

    async fn ask(&self, cursor: u64, commands: Value) -> Answer {
        let poll = json!({"session": self.key, "cursor": cursor, "commands": commands}).to_string();
        post(self.world.address, "/connection/long_poll", poll).await
    }

    async fn poll(&self, cursor: u64) -> Value {
        self.ask(cursor, json!([])).await.json()
    }
}

/// The payloads of an answer's publications.
fn payloads(answer: &Value) -> Vec<Value> {
    answer["frames"].as_array().unwrap().iter().map(|frame| frame["push"]["pub"]["data"].clone()).collect()
}

#[tokio::test]
async fn a_lost_answer_is_given_again_and_never_twice() {
    let world = Setup::default().start();
    let session = Session::open(&world).await;
    world.publish("chat", "1");
    world.publish("chat", "2");
    let lost = session.poll(2).await;
    assert_eq!((payloads(&lost), &lost["cursor"]), (vec![json!(1), json!(2)], &json!(4)));
    world.publish("chat", "3");
    let again = session.poll(2).await;
    assert_eq!(payloads(&again)[..2], [1, 2]);
    // What came meanwhile may be in the same answer.
    let cursor = again["cursor"].as_u64().unwrap();
    let rest = if cursor == 4 { payloads(&session.poll(4).await) } else { payloads(&again)[2..].to_vec() };
    assert_eq!(rest, [3]);
    world.publish("chat", "4");
    assert_eq!(payloads(&session.poll(5).await), [4], "what is acknowledged is not given again");
}

#[tokio::test]
async fn an_older_poll_gives_way_to_a_newer_one() {
    let world = Setup::default().start();
    let session = Session::open(&world).await;
    let older = session.poll(2);
    let newer = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        session.poll(2).await
    };
    let publishing = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.publish("chat", "1");
    };
    let (older, newer, ()) = tokio::join!(older, newer, publishing);
    assert_eq!(older, json!({"cursor": 2, "frames": []}));
    assert_eq!(payloads(&newer), [1]);
}

#[tokio::test]
async fn a_poll_with_nothing_to_tell_ends_after_its_time() {
    let sessions = SessionSettings { poll_wait: Duration::from_millis(50), ..SessionSettings::default() };
    let world = Setup { sessions, ..Setup::default() }.start();
    let session = Session::open(&world).await;
    assert_eq!(session.poll(2).await, json!({"cursor": 2, "frames": []}));
    let answer = session.ask(2, json!([{"id": 3, "ping": {}}, {"id": 4, "ping": {}}])).await.json();
    assert_eq!(answer["frames"], json!([{"id": 3, "ping": {}}, {"id": 4, "ping": {}}]));
}

#[tokio::test]
async fn a_cursor_that_cannot_be_is_refused() {
    let world = Setup::default().start();
    let session = Session::open(&world).await;
    assert_eq!(session.ask(3, json!([])).await.status, 400, "more than was sent");
    world.publish("chat", "1");
    session.poll(2).await;
    assert_eq!(session.ask(1, json!([])).await.status, 400, "acknowledged before");
    let unknown = json!({"session": "x", "cursor": 0}).to_string();
    assert_eq!(post(world.address, "/connection/long_poll", unknown).await.status, 404);
}

#[tokio::test]
async fn the_last_answer_says_why_and_then_the_session_is_gone() {
    let world = Setup::default().start();
    let session = Session::open(&world).await;
    for connection in world.app.hub.connections() {
        connection.flush(connection.close(planet_hub::Disconnect { code: 3503, reason: "force disconnect" }));
    }
    let last = session.poll(2).await;
    assert_eq!(last["frames"][0]["push"]["disconnect"]["code"], 3503);
    assert_eq!(session.poll(2).await, last, "and says so again when it was lost");
    assert_eq!(session.ask(3, json!([])).await.status, 404);
    world.until_connections(0).await;
}

#[tokio::test]
async fn a_session_that_nobody_polls_ends() {
    let second = Duration::from_secs(1);
    let sessions = SessionSettings {
        connect_timeout: Duration::ZERO,
        ping_interval: second,
        poll_gap: second,
        ..SessionSettings::default()
    };
    let world = Setup { sessions, ..Setup::default() }.start();
    let session = Session::open(&world).await;
    world.until_connections(0).await;
    assert_eq!(session.ask(2, json!([])).await.status, 404);
}

#[tokio::test]
async fn what_is_kept_for_a_client_that_acknowledges_nothing_is_bounded() {
    let sessions = SessionSettings { poll_unacknowledged_bytes: 1000, ..SessionSettings::default() };
    let limits = planet_hub::AppLimits { outbound_bytes: 2000, ..planet_hub::AppLimits::default() };
    let world = Setup { sessions, limits, ..Setup::default() }.start();
    let session = Session::open(&world).await;
    let message = format!("\"{}\"", "x".repeat(400));
    let mut largest = 0;
    for _ in 0..100 {
        world.publish("chat", &message);
        let answer = session.ask(2, json!([])).await;
        largest = largest.max(answer.text.len());
    }
    assert!(largest <= 1000 + 2000 + 1000, "{largest} bytes were kept");
    let mut cursor = 2;
    let disconnect = loop {
        let answer = session.poll(cursor).await;
        let last = answer["frames"].as_array().unwrap().last().unwrap().clone();
        if last["push"]["disconnect"].is_object() {
            break last["push"]["disconnect"]["code"].clone();
        }
        cursor = answer["cursor"].as_u64().unwrap();
    };
    assert_eq!(disconnect, 3008);
}
