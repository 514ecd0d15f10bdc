//! What is served stale, and what never is.

use http::{Response, StatusCode};
use planet_web::cache::Settings;
use std::time::Duration;

use crate::support::{Harness, body, field, get, numbered, text, until};

/// An origin whose first answer has these directives, and that fails from then on.
fn failing(cache_control: &'static str, settings: Settings) -> Harness {
    Harness::with(settings, move |request, number| match number {
        0 => numbered(cache_control, number),
        _ if request.uri().path() == "/503" => Ok(Response::builder().status(503).body(body("busy"))?),
        _ => Err("the origin is gone".into()),
    })
}

fn lenient() -> Settings {
    Settings { stale_if_error: Duration::from_secs(3600), ..Settings::default() }
}

#[tokio::test]
async fn a_stale_answer_stands_in_for_errors_as_long_as_it_says() {
    for path in ["/gone", "/503"] {
        let harness = failing("max-age=10, stale-if-error=20", Settings::default());
        harness.get(path).await;
        harness.advance(29);
        let response = harness.get(path).await;
        assert!(field(&response, "cache-status").ends_with("detail=stale-if-error"), "{path}");
        assert_eq!(text(response).await, "answer 0", "{path}");
        harness.advance(1);
        assert!(harness.get(path).await.status().is_server_error(), "{path}");
        assert_eq!(harness.counters().stale, 1, "{path}");
    }
}

#[tokio::test]
async fn the_settings_count_for_answers_that_say_nothing() {
    let harness = failing("max-age=10", lenient());
    harness.get("/a").await;
    harness.advance(3600);
    assert_eq!(text(harness.get("/a").await).await, "answer 0");
    let plain = failing("max-age=10", Settings::default());
    plain.get("/a").await;
    plain.advance(10);
    assert_eq!(plain.get("/a").await.status(), StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn strict_answers_are_never_served_stale() {
    for strict in ["must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=2"] {
        let cache_control: &'static str = format!("max-age=2, {strict}").leak();
        let harness = failing(cache_control, lenient());
        harness.get("/a").await;
        harness.advance(2);
        let response = harness.send(get("/a").header("cache-control", "max-stale")).await;
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY, "{strict}");
    }
}

#[tokio::test]
async fn a_client_that_reloads_is_told_of_the_error() {
    let harness = failing("max-age=10, stale-if-error=20", Settings::default());
    harness.get("/a").await;
    let response = harness.send(get("/a").header("cache-control", "no-cache")).await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn a_stale_answer_is_served_while_one_newer_is_fetched() {
    let harness = Harness::new(|_, number| numbered("max-age=10, stale-while-revalidate=20", number));
    harness.get("/a").await;
    harness.advance(15);
    let stale = harness.get("/a").await;
    assert_eq!(field(&stale, "cache-status"), "Planet; hit; ttl=-5");
    assert_eq!(text(stale).await, "answer 0");
    until(|| harness.fetches() == 2).await;
    tokio::task::yield_now().await;
    let fresh = harness.get("/a").await;
    assert_eq!((field(&fresh, "cache-status"), field(&fresh, "age")), ("Planet; hit", "0"));
    assert_eq!(text(fresh).await, "answer 1");
    harness.advance(30);
    assert_eq!(text(harness.get("/a").await).await, "answer 2", "after both times it is fetched first");
}

#[tokio::test]
async fn requests_say_how_fresh_an_answer_must_be() {
    let harness = Harness::new(|_, number| numbered("max-age=60", number));
    let ask = |says| harness.send(get("/a").header("cache-control", says));
    harness.get("/a").await;
    harness.advance(30);
    assert_eq!(text(ask("max-age=30").await).await, "answer 0");
    assert_eq!(text(ask("min-fresh=30").await).await, "answer 0");
    assert_eq!(text(ask("only-if-cached").await).await, "answer 0");
    assert_eq!(text(ask("max-age=29").await).await, "answer 1");
    harness.advance(61);
    assert_eq!(text(ask("max-stale=1").await).await, "answer 1");
    let none = ask("only-if-cached").await;
    assert_eq!(none.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(text(ask("max-stale=0").await).await, "answer 2");
    assert_eq!(text(ask("no-cache").await).await, "answer 3");
    assert_eq!(text(harness.send(get("/a").header("pragma", "no-cache")).await).await, "answer 4");
    assert_eq!(harness.fetches(), 5);
}
