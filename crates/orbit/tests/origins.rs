//! Pages of foreign origins, on every path.

mod support;

use http::{Method, Request, StatusCode};
use support::{Setup, World, request};

const PATHS: [(&str, &str); 6] = [
    ("GET", "/connection/websocket"),
    ("POST", "/connection/http_stream"),
    ("GET", "/connection/sse?cf_connect=%7B%22id%22%3A1%2C%22connect%22%3A%7B%7D%7D"),
    ("POST", "/connection/long_poll"),
    ("POST", "/emulation"),
    ("GET", "/sse?channel=chat"),
];

async fn ask(world: &World, method: &str, path: &str, headers: &[(&str, &str)]) -> support::Streaming {
    let mut asked = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        asked = asked.header(*name, *value);
    }
    if path.ends_with("websocket") {
        asked = asked
            .header("upgrade", "websocket")
            .header("connection", "upgrade")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    }
    let body = "{\"id\":1,\"connect\":{}}".to_owned();
    request(world.address, asked.body(if method == "POST" { body } else { String::new() }).unwrap()).await
}

/// What each path says to whom it lets pass.
fn accepted(path: &str) -> StatusCode {
    match path {
        "/connection/websocket" => StatusCode::SWITCHING_PROTOCOLS,
        "/emulation" => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}

#[tokio::test]
async fn pages_of_the_list_and_of_the_server_itself_pass_and_others_do_not() {
    let world = Setup::default().start();
    let own = format!("http://{}", world.address);
    let host = world.address.to_string();
    for (method, path) in PATHS {
        for origin in ["https://example.com", own.as_str()] {
            let answer = ask(&world, method, path, &[("origin", origin), ("host", &host)]).await;
            assert_eq!(answer.status, accepted(path), "{path} from {origin}");
            assert_eq!(answer.headers["access-control-allow-origin"], origin);
        }
        for origin in ["https://evil.example", "http://example.com", "https://example.com.evil.example", "null"] {
            let answer = ask(&world, method, path, &[("origin", origin), ("host", &host)]).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} from {origin}");
            assert!(!answer.headers.contains_key("access-control-allow-origin"));
            assert_eq!(answer.headers["vary"], "Origin");
        }
        let answer = ask(&world, method, path, &[]).await;
        assert_eq!(answer.status, accepted(path), "{path} without an origin");
    }
    world.until_connections(world.orbit.open_sessions().count(planet_orbit::Transport::LongPoll)).await;
}

#[tokio::test]
async fn a_preflight_tells_what_a_page_may_send() {
    let world = Setup::default().start();
    for (method, path) in PATHS {
        let preflight = async |origin: &str| {
            let headers = [("origin", origin), ("access-control-request-method", method)];
            let asked = Request::builder().method(Method::OPTIONS).uri(path);
            let asked = headers.iter().fold(asked, |asked, (name, value)| asked.header(*name, *value));
            request(world.address, asked.body(String::new()).unwrap()).await
        };
        let allowed = preflight("https://example.com").await;
        assert_eq!(allowed.status, StatusCode::NO_CONTENT, "{path}");
        assert_eq!(allowed.headers["access-control-allow-origin"], "https://example.com");
        assert!(allowed.headers["access-control-allow-methods"].to_str().unwrap().contains(method));
        assert!(allowed.headers["access-control-allow-headers"].to_str().unwrap().contains("Content-Type"));
        let refused = preflight("https://evil.example").await;
        assert_eq!(refused.status, StatusCode::NO_CONTENT);
        assert!(!refused.headers.contains_key("access-control-allow-origin"), "{path}");
        assert!(!refused.headers.contains_key("access-control-allow-methods"), "{path}");
    }
    assert_eq!(world.app.hub.connection_count(), 0);
}
