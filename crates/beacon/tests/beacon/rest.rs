//! Each row of the REST table and each of its errors, over a real connection.

use crate::support::{API_KEY, SECRET_KEY, TestServer, config, request};
use planet_hub::FormatId;
use serde_json::json;

#[tokio::test]
async fn publishing_reaches_the_subscribers_and_counts_them() {
    let server = TestServer::start(config());
    let (julia, romeo) = (server.subscriber("julia", &["chat"]), server.subscriber("romeo", &["chat", "news"]));
    let answer = server.call("POST", "/channels/chat", "{\"text\": \"hello\"}").await;
    assert_eq!((answer.status, answer.json()), (200, json!({"messages_sent": 2})));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(julia.take(), ["chat {\"text\": \"hello\"}"]);
    let answer = server.call("POST", "/channels/news", "[1]").await;
    assert_eq!(answer.json(), json!({"messages_sent": 1}));
    assert_eq!(romeo.take(), ["chat {\"text\": \"hello\"}", "news [1]"]);
    assert_eq!(server.call("POST", "/channels/empty", "0").await.json(), json!({"messages_sent": 0}));
}

#[tokio::test]
async fn any_json_value_is_a_message_and_leaves_on_one_line() {
    let server = TestServer::start(config());
    let julia = server.subscriber("julia", &["chat"]);
    for (body, told) in [
        ("null", "null"),
        ("-1.5e3", "-1.5e3"),
        ("\"a\\nb\"", "\"a\\nb\""),
        ("[\r\n  1,\n  2\n]\n", "[  1,  2]"),
        ("\u{feff}true", "true"),
    ] {
        assert_eq!(server.call("POST", "/channels/chat", body).await.status, 200, "{body}");
        assert_eq!(julia.take(), [format!("chat {told}")]);
    }
}

#[tokio::test]
async fn who_is_there_is_told_by_channel_and_by_app() {
    let server = TestServer::start(config());
    assert_eq!(server.call("GET", "/users", "").await.json(), json!({"online": 0}));
    let _julia = (server.subscriber("julia", &["chat"]), server.subscriber("julia", &["chat"]));
    let _romeo = server.subscriber("romeo", &["news"]);
    assert_eq!(server.call("GET", "/users", "").await.json(), json!({"online": 2}));
    assert_eq!(server.call("GET", "/channels/chat", "").await.json(), json!({"users": ["julia"]}));
    assert_eq!(server.call("GET", "/channels/nobody", "").await.json(), json!({"users": []}));
    let online = server.call("GET", "/users/romeo", "").await;
    assert_eq!((online.status, online.json()), (200, json!({"online": true})));
    // Names are case sensitive.
    let offline = server.call("GET", "/users/Romeo", "").await;
    assert_eq!((offline.status, offline.json()), (404, json!({"online": false})));
    let head = server.call("HEAD", "/users/romeo", "").await;
    assert_eq!((head.status, head.header("content-type")), (200, Some("application/json")));
}

#[tokio::test]
async fn a_user_is_told_on_each_connection_and_logged_out_for_good() {
    let server = TestServer::start(config());
    let connections = [server.subscriber("julia", &[]), server.subscriber("julia", &[])];
    let romeo = server.subscriber("romeo", &[]);
    let answer = server.call("POST", "/users/julia", "{\"you\": 1}").await;
    assert_eq!((answer.status, answer.json()), (200, json!({"messages_sent": 2})));
    let answer = server.call("DELETE", "/users/julia", "").await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    for connection in connections {
        assert_eq!(connection.take(), ["{\"you\": 1}", "closed 3503 force disconnect"]);
    }
    assert_eq!(romeo.take(), [""; 0]);
    assert_eq!(server.call("DELETE", "/users/nobody", "").await.status, 204);
    assert_eq!(server.call("POST", "/users/nobody", "1").await.json(), json!({"messages_sent": 0}));
}

#[tokio::test]
async fn prefixed_channels_are_channels_and_the_one_of_a_user_reaches_the_user() {
    let server = TestServer::start(config());
    let julia = server.subscriber("julia", &["#room", "*all", "ns:1"]);
    for (path, name) in [
        ("%23room", Some("#room")),
        ("*all", Some("*all")),
        ("%2Aall", Some("*all")),
        ("%2a%61ll", Some("*all")),
        ("ns:1", Some("ns:1")),
        ("@julia", None),
        ("%40julia", None),
    ] {
        let answer = server.call("POST", &format!("/channels/{path}"), "7").await;
        assert_eq!(answer.json(), json!({"messages_sent": 1}), "{path}");
        assert_eq!(julia.take(), [name.map_or("7".into(), |name| format!("{name} 7"))], "{path}");
    }
    // What follows a bare # is not part of a request's target, so the name is missing here.
    let answer = server.call("POST", "/channels/#room", "7").await;
    assert_eq!(answer.status, 400);
    assert!(answer.error().contains("%23"), "{answer:?}");
    assert_eq!(julia.take(), [""; 0]);
}

#[tokio::test]
async fn both_base_paths_and_a_slash_at_the_end_are_served() {
    let server = TestServer::start(config());
    for base in ["/1.0.0", "/api/1.0.0"] {
        for rest in ["/channels/chat", "/channels/chat/", "/users", "/users/", "/users?x=1"] {
            let secret = [("x-beacon-secret-key", SECRET_KEY)];
            let answer = server.raw(request("GET", &format!("{base}/{API_KEY}{rest}"), &secret, "")).await;
            assert_eq!(answer.status, 200, "{base} {rest}");
        }
    }
}

#[tokio::test]
async fn the_form_of_a_request_does_not_matter() {
    let server = TestServer::start(config());
    let julia = server.subscriber("julia", &["chat"]);
    let head =
        format!("POST /1.0.0/{API_KEY}/channels/chat HTTP/1.1\r\nHost: x\r\nX-Beacon-Secret-Key: {SECRET_KEY}\r\n");
    for headers in [
        "Content-Length: 7\r\n\r\n{\"a\":1}",
        "Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
        "Content-Type: nonsense;;\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
        "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n",
    ] {
        let answer = server.raw(format!("{head}{headers}")).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"messages_sent": 1})), "{headers}");
        assert_eq!(julia.take(), ["chat {\"a\":1}"], "{headers}");
    }
    let head =
        format!("DELETE /1.0.0/{API_KEY}/users/nobody HTTP/1.1\r\nHost: x\r\nX-Beacon-Secret-Key: {SECRET_KEY}\r\n");
    for headers in ["\r\n", "Content-Length: 0\r\n\r\n", "Content-Type: application/json\r\nContent-Length: 0\r\n\r\n"]
    {
        assert_eq!(server.raw(format!("{head}{headers}")).await.status, 204, "{headers}");
    }
    let http_1_0 = format!("GET /1.0.0/{API_KEY}/users HTTP/1.0\r\nX-Beacon-Secret-Key: {SECRET_KEY}\r\n\r\n");
    assert_eq!(server.raw(http_1_0).await.json(), json!({"online": 1}));
}

#[tokio::test]
async fn the_secret_key_is_asked_for() {
    let server = TestServer::start(config());
    let julia = server.subscriber("julia", &["chat"]);
    let path = format!("/1.0.0/{API_KEY}/channels/chat");
    let wrong = [vec![], vec![("X-Beacon-Secret-Key", "")], vec![("X-Beacon-Secret-Key", "correct_horse_batterY")]];
    for headers in wrong {
        let answer = server.raw(request("POST", &path, &headers, "1")).await;
        assert_eq!(answer.status, 401, "{headers:?}");
        assert!(answer.error().contains("X-Beacon-Secret-Key"));
        assert!(answer.header("www-authenticate").is_some());
    }
    // The key of one app does not open another.
    let other = server.apps.by_name("other").unwrap().api_key().clone();
    let secret = [("X-Beacon-Secret-Key", SECRET_KEY)];
    assert_eq!(server.raw(request("GET", &format!("/1.0.0/{other}/users"), &secret, "")).await.status, 401);
    let answer = server.raw(request("POST", "/1.0.0/no_such_app/channels/chat", &secret, "1")).await;
    assert_eq!((answer.status, answer.error().as_str()), (404, "there is no app with this API key"));
    assert_eq!(julia.take(), [""; 0]);
}

#[tokio::test]
async fn what_is_wrong_is_said_and_nothing_is_published() {
    let server = TestServer::start(config());
    let julia = server.subscriber("julia", &["chat"]);
    let deep = "[".repeat(129) + &"]".repeat(129);
    for (path, body, status, error) in [
        ("/channels/chat", "{not json}", 400, "the body is not JSON: mistake at line 1 column 2"),
        ("/channels/chat", "a=1&b=2", 400, "the body is not JSON: mistake at line 1 column 1"),
        ("/channels/chat", "1 2", 400, "the body is not JSON: mistake at line 1 column 3"),
        ("/channels/chat", "", 400, "the body is not JSON: the text ends too early, at line 1 column 0"),
        ("/channels/chat", &deep, 400, "the body is arrays and objects nest deeper than 128 levels"),
        ("/channels/a%20b", "1", 400, "the channel name has ' ' at character 2"),
        ("/channels/a%2Fb", "1", 400, "the channel name has '/' at character 2"),
        ("/channels/%23%23%23x", "1", 400, "the channel name has '#' at character 3"),
        ("/channels/%23", "1", 400, "the channel name is empty"),
        ("/channels/%ff", "1", 400, "the name is not UTF-8"),
        ("/channels", "1", 400, "the channel name is missing"),
        (&format!("/channels/{}", "c".repeat(129)), "1", 400, "the channel name has 129 characters; 128 are allowed"),
        ("/users/@julia", "1", 400, "the user name has '@' at character 1"),
        ("/users/j%0d%0a", "1", 400, "the user name has '\\r' at character 2"),
        ("/rooms/chat", "1", 404, "there is nothing here"),
        ("/channels/chat/extra", "1", 404, "there is nothing here"),
        ("", "1", 404, "there is nothing here"),
    ] {
        let answer = server.call("POST", path, body).await;
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
        assert!(answer.error().starts_with(error), "{path} {body}: {}", answer.error());
    }
    let mut not_utf8 =
        request("POST", &format!("/1.0.0/{API_KEY}/channels/chat"), &[("X-Beacon-Secret-Key", SECRET_KEY)], "\"xx\"")
            .into_bytes();
    let at = not_utf8.len() - 2;
    not_utf8[at] = 0xff;
    assert_eq!(server.raw(not_utf8).await.error(), "the body is not UTF-8 from byte 2 on; send JSON as UTF-8");
    assert_eq!(julia.take(), [""; 0]);
}

#[tokio::test]
async fn other_methods_are_refused_with_those_allowed() {
    let server = TestServer::start(config());
    for (method, path, allowed) in [
        ("PUT", "/channels/chat", "GET,HEAD,POST"),
        ("DELETE", "/channels/chat", "GET,HEAD,POST"),
        ("PATCH", "/users/julia", "DELETE,GET,HEAD,POST"),
        ("POST", "/users", "GET,HEAD"),
        ("BREW", "/users/", "GET,HEAD"),
    ] {
        let answer = server.call(method, path, "").await;
        assert_eq!(answer.status, 405, "{method} {path}");
        let mut found: Vec<&str> = answer.header("allow").unwrap().split(',').map(str::trim).collect();
        found.sort_unstable();
        assert_eq!(found.join(","), allowed, "{method} {path}");
        assert!(answer.error().contains("method"));
    }
}

#[tokio::test]
async fn a_repeat_is_answered_as_the_first_was_and_sent_once() {
    let server = TestServer::start(config());
    let julia = server.subscriber("julia", &["chat"]);
    let call = async |path: &str, key: &str| {
        let headers = [("X-Beacon-Secret-Key", SECRET_KEY), ("Idempotency-Key", key)];
        server.raw(request("POST", &format!("/1.0.0/{API_KEY}{path}"), &headers, "1")).await
    };
    for path in ["/channels/chat", "/users/julia"] {
        assert_eq!(call(path, "order-1").await.json(), json!({"messages_sent": 1}), "{path}");
        let late = server.subscriber("julia", &["chat"]);
        assert_eq!(call(path, "order-1").await.json(), json!({"messages_sent": 1}), "{path}");
        assert_eq!((julia.take().len(), late.take().len()), (1, 0), "{path}");
        assert_eq!(call(path, &"k".repeat(255)).await.status, 200, "{path}");
        assert_eq!(julia.take().len(), 1);
        for key in ["", "a b", "a\tb", "\u{e9}", &"k".repeat(256)] {
            let answer = call(path, key).await;
            assert_eq!(answer.status, 400, "{key:?}");
            assert!(answer.error().contains("Idempotency-Key"));
        }
        assert_eq!(julia.take(), [""; 0]);
    }
}

#[tokio::test]
async fn a_repeat_is_not_sent_to_a_channel_that_came_to_be_meanwhile() {
    let server = TestServer::start(config());
    let call = async |path: &str| {
        let headers = [("X-Beacon-Secret-Key", SECRET_KEY), ("Idempotency-Key", "order-1")];
        server.raw(request("POST", &format!("/1.0.0/{API_KEY}{path}"), &headers, "1")).await.json()
    };
    let julia = server.subscriber("julia", &[]);
    assert_eq!(call("/channels/@julia").await, json!({"messages_sent": 1}));
    assert_eq!(call("/channels/@julia").await, json!({"messages_sent": 1}));
    assert_eq!(julia.take(), ["1"]);
    assert_eq!(call("/channels/new").await, json!({"messages_sent": 0}));
    let romeo = server.subscriber("romeo", &["new"]);
    assert_eq!(call("/channels/new").await, json!({"messages_sent": 0}));
    assert_eq!(romeo.take(), [""; 0]);
}

#[tokio::test]
async fn an_app_without_authentication_takes_requests_of_anyone() {
    let server = TestServer::start(planet_beacon::AppConfig { rest_auth: false, ..config() });
    let julia = server.subscriber("julia", &["chat"]);
    let answer = server.raw(request("POST", &format!("/1.0.0/{API_KEY}/channels/chat"), &[], "1")).await;
    assert_eq!((answer.status, julia.take().len()), (200, 1));
    let open = TestServer::start(planet_beacon::AppConfig { open: true, ..config() });
    assert_eq!(open.raw(request("GET", &format!("/1.0.0/{API_KEY}/users"), &[], "")).await.status, 200);
}

#[tokio::test]
async fn an_app_that_has_as_many_channels_as_it_may_says_so() {
    let mut config = config();
    config.hub.limits.channels = 1;
    config.hub.channels = planet_hub::Rules::new(planet_hub::ChannelOptions { history_size: 1, ..Default::default() });
    let server = TestServer::start(config);
    assert_eq!(server.call("POST", "/channels/one", "1").await.status, 200);
    let answer = server.call("POST", "/channels/two", "1").await;
    assert_eq!(answer.status, 429);
    assert!(answer.error().contains("limit"), "{answer:?}");
    assert!(server.apps.default_app().hub().open(FormatId(0), None).is_ok());
}
