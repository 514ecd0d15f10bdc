//! One past each bound, with the documented answer, while another connection goes on.

mod support;

use std::time::Duration;

use planet_hub::AppLimits;
use planet_net::Networks;
use planet_orbit::SessionSettings;
use planet_orbit::protocol::FrameLimits;
use serde_json::{Value, json};
use support::{Client, Kind, Setup, World, error_code, get, post, request, token};

/// Does `what` beside a connection that works before and after it.
async fn beside_another(setup: Setup, what: impl AsyncFnOnce(&World)) {
    let world = setup.start();
    let (mut other, _) = Client::connect(&world, Kind::WebSocket, json!({})).await;
    what(&world).await;
    assert_eq!(other.call("ping", json!({})).await["ping"], json!({}), "the other one goes on");
}

fn with_sessions(sessions: SessionSettings) -> Setup {
    Setup { sessions, ..Setup::default() }
}

fn with_limits(limits: AppLimits) -> Setup {
    Setup { limits, ..Setup::default() }
}

async fn anonymous(world: &World) -> Client {
    Client::connect(world, Kind::WebSocket, json!({})).await.0
}

#[tokio::test]
async fn bytes_of_a_frame() {
    let sessions = SessionSettings { frame_bytes: 1000, ..SessionSettings::default() };
    beside_another(with_sessions(sessions), async |world| {
        let mut client = anonymous(world).await;
        client.send(&" ".repeat(1001)).await;
        assert_eq!(client.end().await, 1009);
        for path in ["http_stream", "long_poll"] {
            let answer = post(world.address, &format!("/connection/{path}"), " ".repeat(1001)).await;
            assert_eq!(answer.status, 413, "{path}");
        }
        let (client, _) = Client::connect(world, Kind::Sse, json!({})).await;
        let envelope = json!({"session": client.session, "data": " ".repeat(1001)}).to_string();
        assert_eq!(post(world.address, "/emulation", envelope).await.status, 413);
        let long = format!("/connection/sse?cf_connect={}", "%20".repeat(1001));
        assert_eq!(get(world.address, &long).await.status, 414);
    })
    .await;
}

#[tokio::test]
async fn bytes_of_a_message() {
    let sessions = SessionSettings { message_bytes: 10, ..SessionSettings::default() };
    beside_another(with_sessions(sessions), async |world| {
        let mut client = anonymous(world).await;
        let publish = |length: usize| json!({"channel": "chat", "data": "x".repeat(length - 2)});
        assert_eq!(error_code(&client.call("publish", publish(11)).await), 106);
        assert_eq!(client.call("publish", publish(10)).await["publish"], json!({}));
    })
    .await;
}

#[tokio::test]
async fn commands_in_a_frame_and_their_depth() {
    let frame = FrameLimits { commands: 2, depth: 4 };
    beside_another(with_sessions(SessionSettings { frame, ..SessionSettings::default() }), async |world| {
        let mut client = anonymous(world).await;
        client.send("{\"id\":2,\"ping\":{}}\n{\"id\":3,\"ping\":{}}").await;
        client.reply(3).await;
        client.send("{}\n{}\n{}").await;
        assert_eq!(client.end().await, 3501);
        let mut client = anonymous(world).await;
        client.send("{\"id\":2,\"publish\":{\"channel\":\"c\",\"data\":[[[]]]}}").await;
        assert_eq!(client.end().await, 3501);
    })
    .await;
}

#[tokio::test]
async fn commands_in_a_second() {
    let sessions = SessionSettings { command_rate: 1, command_burst: 5, ..SessionSettings::default() };
    beside_another(with_sessions(sessions), async |world| {
        let mut client = anonymous(world).await;
        client.send(&"{\"id\":2,\"ping\":{}}\n".repeat(6)).await;
        assert_eq!(client.end().await, 3013);
    })
    .await;
}

#[tokio::test]
async fn publications_in_a_second() {
    let sessions = SessionSettings { publish_rate: 1, publish_burst: 2, ..SessionSettings::default() };
    beside_another(with_sessions(sessions), async |world| {
        let mut client = anonymous(world).await;
        let publish = json!({"channel": "chat", "data": 1});
        for _ in 0..2 {
            assert_eq!(client.call("publish", publish.clone()).await["publish"], json!({}));
        }
        let refused = client.call("publish", publish).await;
        assert_eq!((error_code(&refused), &refused["error"]["temporary"]), (111, &json!(true)));
    })
    .await;
}

#[tokio::test]
async fn characters_of_names() {
    let sessions = SessionSettings { channel_name: 4, user_name: 4, ..SessionSettings::default() };
    beside_another(with_sessions(sessions), async |world| {
        let mut client = anonymous(world).await;
        assert_eq!(error_code(&client.call("subscribe", json!({"channel": "fives"})).await), 107);
        assert!(client.call("subscribe", json!({"channel": "@#four"})).await["subscribe"].is_object());
        for command in ["publish", "history", "presence", "presence_stats"] {
            let refused = client.call(command, json!({"channel": "fives", "data": 1})).await;
            assert_eq!(error_code(&refused), 107, "{command}");
        }
        for claims in [json!({"sub": "julia"}), json!({"sub": "jul", "channels": ["fives"]})] {
            let mut client = Client::open(world, Kind::WebSocket, json!({"token": token(&claims)})).await;
            assert_eq!(error_code(&client.reply(1).await), 107);
        }
    })
    .await;
}

#[tokio::test]
async fn channels_of_a_connection() {
    let limits = AppLimits { channels_per_connection: 1, ..AppLimits::default() };
    beside_another(with_limits(limits), async |world| {
        let mut client = anonymous(world).await;
        client.call("subscribe", json!({"channel": "a"})).await;
        assert_eq!(error_code(&client.call("subscribe", json!({"channel": "b"})).await), 106);
        let many = token(&json!({"channels": ["a", "b"]}));
        assert_eq!(Client::open(world, Kind::WebSocket, json!({"token": many})).await.end().await, 3505);
    })
    .await;
}

#[tokio::test]
async fn connections_of_a_user_and_of_an_app() {
    let limits = AppLimits { connections_per_user: 1, connections: 3, ..AppLimits::default() };
    beside_another(with_limits(limits), async |world| {
        let julia = json!({"token": token(&json!({"sub": "julia"}))});
        let (_first, _) = Client::connect(world, Kind::Sse, julia.clone()).await;
        assert_eq!(Client::open(world, Kind::WebSocket, julia).await.end().await, 3504);
        world.until_connections(2).await;
        let _third = anonymous(world).await;
        for path in ["http_stream", "long_poll"] {
            let full = post(world.address, &format!("/connection/{path}"), "{}").await;
            assert_eq!(full.status, 503, "{path}: {}", full.text);
        }
        assert_eq!(get(world.address, "/sse?channel=chat").await.status, 503);
        assert_eq!(get(world.address, "/connection/sse?cf_connect={}").await.status, 503);
    })
    .await;
}

#[tokio::test]
async fn time_to_the_first_command() {
    let sessions = SessionSettings { connect_timeout: Duration::from_secs(1), ..SessionSettings::default() };
    beside_another(with_sessions(sessions), async |world| {
        let mut late = Client::open(world, Kind::HttpStream, json!({"token": token(&json!({"exp": 1}))})).await;
        assert_eq!(error_code(&late.reply(1).await), 109);
        assert_eq!(late.end().await, 3502);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_the_protocol() {
    beside_another(Setup::default(), async |world| {
        for nonsense in ["nonsense", "[]", "{\"id\":2}", "{\"id\":1,\"subscribe\":{\"channel\":\"a\"}}"] {
            let mut opened = post(world.address, "/connection/long_poll", nonsense).await.json();
            let frame = opened["frames"][0].take();
            assert_eq!(frame["push"]["disconnect"]["code"], 3501, "{nonsense}");
        }
        let mut client = anonymous(world).await;
        client.send("{\"id\":2,\"subscribe\":{\"channel\":7}}").await;
        assert_eq!(error_code(&client.reply(2).await), 107);
        let wrong = json!({"token": "a.b.c"});
        assert_eq!(Client::open(world, Kind::Sse, wrong).await.end().await, 3500);
        let claimed = json!({"data": {"user": "julia"}});
        assert_eq!(error_code(&Client::open(world, Kind::WebSocket, claimed).await.reply(1).await), 101);
    })
    .await;
}

#[tokio::test]
async fn messages_and_bytes_of_a_history_page() {
    let sessions = SessionSettings { history_page: 3, ..SessionSettings::default() };
    let limits = AppLimits { outbound_bytes: 8 << 10, ..AppLimits::default() };
    beside_another(Setup { sessions, limits, ..Setup::default() }, async |world| {
        let mut client = anonymous(world).await;
        (0..5).for_each(|number| world.publish("few", &number.to_string()));
        let history = client.call("history", json!({"channel": "few", "limit": -1})).await;
        assert_eq!(history["history"]["publications"].as_array().unwrap().len(), 3);
        let long = format!("\"{}\"", "x".repeat(3000));
        (0..5).for_each(|_| world.publish("long", &long));
        let mut read = 0;
        let mut epoch = Value::Null;
        while read < 5 {
            let since = json!({"offset": read, "epoch": epoch});
            let page = client.call("history", json!({"channel": "long", "limit": -1, "since": since})).await;
            let page = &page["history"];
            assert_eq!((page["publications"].as_array().unwrap().len(), &page["offset"]), (1, &json!(5)));
            epoch = page["epoch"].clone();
            read += 1;
        }
    })
    .await;
}

#[tokio::test]
async fn connections_in_a_presence_answer() {
    let sessions = SessionSettings { presence_clients: 1, ..SessionSettings::default() };
    beside_another(with_sessions(sessions), async |world| {
        let mut clients = [anonymous(world).await, anonymous(world).await];
        clients[0].call("subscribe", json!({"channel": "chat"})).await;
        assert!(clients[0].call("presence", json!({"channel": "chat"})).await["presence"].is_object());
        clients[1].call("subscribe", json!({"channel": "chat"})).await;
        assert_eq!(error_code(&clients[0].call("presence", json!({"channel": "chat"})).await), 108);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_does_not_come() {
    let sessions = SessionSettings { body_timeout: Duration::from_millis(50), ..SessionSettings::default() };
    beside_another(with_sessions(sessions), async |world| {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut tcp = tokio::net::TcpStream::connect(world.address).await.unwrap();
        let head = "POST /connection/http_stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{";
        tcp.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        tcp.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 408");
    })
    .await;
}

#[tokio::test]
async fn sessions_of_an_address_behind_a_trusted_proxy() {
    let sessions = SessionSettings { connections_per_address: 1, ..SessionSettings::default() };
    let trusted_proxies = Networks::parse(["127.0.0.0/8"]).unwrap();
    beside_another(Setup { sessions, trusted_proxies, ..Setup::default() }, async |world| {
        let open = async |address: &str| {
            let request = http::Request::get("/sse?channel=chat").header("x-forwarded-for", address);
            support::request(world.address, request.body(String::new()).unwrap()).await
        };
        let first = open("192.0.2.1").await;
        assert_eq!(first.status, 200);
        assert_eq!(open("192.0.2.1").await.status, 429);
        assert_eq!(open("6.6.6.6, 192.0.2.1").await.status, 429);
        assert_eq!(open("192.0.2.2").await.status, 200);
        drop(first);
    })
    .await;
    let distrustful = Setup { sessions, ..Setup::default() };
    beside_another(distrustful, async |world| {
        let mut open = Vec::new();
        for _ in 0..2 {
            let request = http::Request::get("/sse?channel=chat").header("x-forwarded-for", "192.0.2.1");
            open.push(request_ok(world, request.body(String::new()).unwrap()).await);
        }
    })
    .await;
}

async fn request_ok(world: &World, asked: http::Request<String>) -> support::Streaming {
    let answer = request(world.address, asked).await;
    assert_eq!(answer.status, 200);
    answer
}

#[tokio::test]
async fn sessions_that_outlive_their_requests() {
    let sessions = SessionSettings { connections_per_address: 2, ..SessionSettings::default() };
    let net = planet_net::Limits { unlimited_addresses: Networks::none(), ..planet_net::Limits::default() };
    beside_another(Setup { sessions, net, ..Setup::default() }, async |world| {
        let connect = "{\"id\":1,\"connect\":{}}";
        for expected in [200, 200, 429] {
            assert_eq!(post(world.address, "/connection/long_poll", connect).await.status, expected);
        }
    })
    .await;
}
