//! Plain server-sent events, as any `EventSource` reads them.

mod support;

use std::time::Duration;

use http::Request;
use planet_orbit::SessionSettings;
use serde_json::{Value, json};
use support::{Client, Kind, Setup, Streaming, World, error_code, get, in_seconds, request, token};

/// One event, as the HTML standard has a client read it.
#[derive(Debug, Default, PartialEq)]
struct Event {
    id: Option<String>,
    name: Option<String>,
    data: Option<String>,
}

async fn event(stream: &mut Streaming) -> Event {
    let text = stream.next("\n\n").await.expect("another event");
    let mut event = Event::default();
    for line in text.lines() {
        let (field, value) = line.split_once(':').unwrap();
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match field {
            "id" => event.id = Some(value),
            "event" => event.name = Some(value),
            "data" => event.data = Some(value),
            "" => {}
            _ => panic!("{line}"),
        }
    }
    event
}

async fn resume(world: &World, query: &str, last_event_id: &str) -> Streaming {
    let asked = Request::get(format!("/sse?{query}")).header("last-event-id", last_event_id);
    request(world.address, asked.body(String::new()).unwrap()).await
}

#[tokio::test]
async fn messages_come_with_ids_to_resume_from() {
    let world = Setup::default().start();
    let mut stream = get(world.address, "/sse?channel=chat:1").await;
    assert_eq!(stream.headers["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(stream.headers["x-accel-buffering"], "no");
    let start = event(&mut stream).await;
    assert_eq!(start.data, None, "an id alone");
    world.publish("chat:1", "{\"n\":1}");
    let first = event(&mut stream).await;
    assert_eq!(first.data.as_deref(), Some("{\"n\":1}"));
    drop(stream);
    world.until_connections(0).await;
    world.publish("chat:1", "2");
    world.publish("chat:1", "3");
    let id = first.id.unwrap();
    let mut stream = resume(&world, "channel=chat:1", &id).await;
    assert_eq!(event(&mut stream).await.data.as_deref(), Some("2"));
    assert_eq!(event(&mut stream).await.data.as_deref(), Some("3"));
    world.publish("chat:1", "4");
    assert_eq!(event(&mut stream).await.data.as_deref(), Some("4"));

    let encoded: String = form_urlencoded::byte_serialize(id.as_bytes()).collect();
    let mut by_query = get(world.address, &format!("/sse?channel=chat:1&lastEventId={encoded}")).await;
    assert_eq!(event(&mut by_query).await.data.as_deref(), Some("2"));
}

#[tokio::test]
async fn the_id_of_several_channels_tells_where_each_stands() {
    let world = Setup::default().start();
    let mut stream = get(world.address, "/sse?channel=a&channel=b").await;
    event(&mut stream).await;
    event(&mut stream).await;
    world.publish("a", "1");
    world.publish("b", "2");
    event(&mut stream).await;
    let id = event(&mut stream).await.id.unwrap();
    assert_eq!(id.split(' ').count(), 2, "{id}");
    drop(stream);
    world.publish("a", "3");
    world.publish("b", "4");
    // Of channels that are not asked for, and of what is no position, nothing comes back.
    let forged = format!("{id} 0123456789ab:7:{} nonsense", "x".repeat(100));
    let mut stream = resume(&world, "channel=b&channel=a", &forged).await;
    let (one, other) = (event(&mut stream).await, event(&mut stream).await);
    let mut both = [one.data.unwrap(), other.data.unwrap()];
    both.sort();
    assert_eq!(both, ["3", "4"]);
    let id = other.id.unwrap();
    assert!(id.split(' ').count() == 2 && !id.contains('x'), "{id}");
}

#[tokio::test]
async fn a_gap_is_told_where_messages_are_lost() {
    let world = Setup::default().start();
    let mut stream = get(world.address, "/sse?channel=chat").await;
    let id = event(&mut stream).await.id.unwrap();
    drop(stream);
    (1..=11).for_each(|number| world.publish("chat", &number.to_string()));
    let mut stream = resume(&world, "channel=chat", &id).await;
    let gap = event(&mut stream).await;
    assert_eq!(gap.name.as_deref(), Some("gap"));
    let told: Value = serde_json::from_str(&gap.data.unwrap()).unwrap();
    assert_eq!(told["channel"], "chat");
    let here = event(&mut stream).await.id.unwrap();
    assert!(here.ends_with(":11:chat"), "{here}");
    world.publish("chat", "12");
    assert_eq!(event(&mut stream).await.data.as_deref(), Some("12"));
}

#[tokio::test]
async fn a_comment_now_and_then_shows_that_the_server_is_there() {
    let sessions = SessionSettings {
        connect_timeout: Duration::ZERO,
        ping_interval: Duration::from_secs(1),
        ..SessionSettings::default()
    };
    let world = Setup { sessions, ..Setup::default() }.start();
    let mut stream = get(world.address, "/sse?channel=chat").await;
    event(&mut stream).await;
    assert_eq!(stream.next("\n\n").await.as_deref(), Some(":"));
    assert_eq!(stream.next("\n\n").await.as_deref(), Some(":"), "and nobody has to answer it");
}

#[tokio::test]
async fn the_rules_of_channels_hold_here_too() {
    let world = Setup::default().start();
    let status = async |query: String| get(world.address, &format!("/sse?{query}")).await.status.as_u16();
    let julia = token(&json!({"sub": "julia", "channels": ["private.x"], "exp": in_seconds(60)}));
    let late = token(&json!({"sub": "julia", "exp": in_seconds(-60)}));
    assert_eq!(status(String::new()).await, 400);
    assert_eq!(status("channel=a%20b".to_owned()).await, 400);
    assert_eq!(status((0..17).map(|number| format!("channel=c{number}&")).collect()).await, 400);
    assert_eq!(status("channel=private.x".to_owned()).await, 403);
    assert_eq!(status("channel=backend.x".to_owned()).await, 403);
    assert_eq!(status(format!("channel=private.x&token={julia}")).await, 200);
    assert_eq!(status(format!("channel=%40julia&token={julia}")).await, 200);
    assert_eq!(status(format!("channel=%40romeo&token={julia}")).await, 403);
    assert_eq!(status("channel=%40julia".to_owned()).await, 403);
    assert_eq!(status("channel=%40julia&user=julia".to_owned()).await, 401);
    assert_eq!(status(format!("channel=chat&token={late}")).await, 401);
    world.until_connections(0).await;
}

#[tokio::test]
async fn what_is_addressed_to_a_user_reaches_nobody_else() {
    let world = Setup::default().start();
    let julia = json!({"token": token(&json!({"sub": "julia"}))});
    let (mut julia, _) = Client::connect(&world, Kind::WebSocket, julia).await;
    let (mut romeo, _) =
        Client::connect(&world, Kind::HttpStream, json!({"token": token(&json!({"sub": "romeo"}))})).await;
    for command in ["subscribe", "publish", "history", "presence", "presence_stats"] {
        let asked = json!({"channel": "@julia", "data": 1});
        assert_eq!(error_code(&romeo.call(command, asked).await), 103, "{command}");
    }
    let mut nobody = Client::open(&world, Kind::WebSocket, json!({"token": token(&json!({"exp": 1}))})).await;
    assert_eq!(error_code(&nobody.reply(1).await), 109);
    assert_eq!(world.app.hub.tell_user("julia", &"1".into()), 1);
    assert_eq!(world.app.hub.tell_everyone(&"2".into()), 2, "those that are connected");
    assert_eq!(julia.push().await["message"]["data"], 1);
    assert_eq!(julia.push().await["message"]["data"], 2);
    assert_eq!(romeo.push().await["message"]["data"], 2);
}
