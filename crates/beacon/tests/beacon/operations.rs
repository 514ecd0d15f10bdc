//! What whoever runs the server asks: health, readiness and figures.

use std::time::Duration;

use crate::support::{API_KEY, SECRET_KEY, TestServer, config, request};

#[tokio::test]
async fn a_server_that_stops_is_alive_and_not_ready() {
    let server = TestServer::start(config());
    assert_eq!(server.raw(request("GET", "/healthz", &[], "")).await.body, "alive\n");
    assert_eq!(server.raw(request("GET", "/readyz", &[], "")).await.status, 200);
    server.shutdown.begin(Duration::from_secs(60));
    assert_eq!(server.raw(request("GET", "/readyz", &[], "")).await.status, 503);
    assert_eq!(server.raw(request("GET", "/healthz", &[], "")).await.status, 200);
}

#[tokio::test]
async fn figures_show_what_happened() {
    let server = TestServer::start(config());
    let julia = server.subscriber("julia", &["chat"]);
    server.call("POST", "/channels/chat", "[1]").await;
    julia.take();
    server.call("POST", "/channels/chat", "[2]").await;
    server.call("POST", "/channels/chat", "{").await;
    server.raw(request("GET", &format!("/1.0.0/{API_KEY}/users"), &[], "")).await;
    let answer = server.raw(request("GET", "/metrics", &[], "")).await;
    assert_eq!(answer.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    for line in [
        "planet_messages_published_total 2",
        "planet_published_bytes_total 6",
        "planet_deliveries_total 2",
        "planet_drops_total{reason=\"slow\"} 0",
        "planet_app_connections{app=\"default\"} 1",
        "planet_app_connections{app=\"other\"} 0",
        "planet_users{app=\"default\"} 1",
        "planet_channels{app=\"default\"} 1",
        "planet_queue_bytes{app=\"default\"} 8",
        "planet_rest_requests_total{status=\"2xx\"} 2",
        "planet_rest_requests_total{status=\"4xx\"} 2",
        "planet_rest_refusals_total{reason=\"unauthorized\"} 1",
        "planet_write_latency_seconds_count 1",
        "planet_write_latency_seconds_bucket{le=\"+Inf\"} 1",
        "# EOF",
    ] {
        assert!(answer.body.lines().any(|found| found == line), "{line} is missing in\n{}", answer.body);
    }
}

#[tokio::test]
async fn figures_may_ask_for_a_token() {
    let server = TestServer::start_with(config(), Duration::from_secs(10), Some(SECRET_KEY));
    for (header, status) in [
        (vec![], 401),
        (vec![("Authorization", "Bearer wrong")], 401),
        (vec![("Authorization", "Basic correct_horse_battery")], 401),
        (vec![("Authorization", "bearer correct_horse_battery")], 200),
    ] {
        assert_eq!(server.raw(request("GET", "/metrics", &header, "")).await.status, status, "{header:?}");
    }
    assert_eq!(server.raw(request("GET", "/healthz", &[], "")).await.status, 200);
}
