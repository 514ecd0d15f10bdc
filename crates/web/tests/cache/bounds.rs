//! Every bound, one past it.

use http::Response;
use planet_web::cache::Settings;
use std::time::Duration;

use crate::support::{Harness, body, field, get, numbered, text, until};

#[tokio::test]
async fn a_key_over_the_limit_goes_past() {
    let settings = Settings { max_key: "origin.example/1234".len(), ..Settings::default() };
    let harness = Harness::with(settings, |_, number| numbered("max-age=60", number));
    assert_eq!(field(&harness.get("/1234").await, "cache-status"), "Planet; fwd=uri-miss; stored");
    assert_eq!(field(&harness.get("/12345").await, "cache-status"), "Planet; fwd=bypass");
}

#[tokio::test]
async fn the_oldest_variant_gives_way() {
    let settings = Settings { max_variants: 2, ..Settings::default() };
    let harness = Harness::with(settings, |_, number| {
        let response = Response::builder().header("cache-control", "max-age=60").header("vary", "x");
        Ok(response.body(body(format!("answer {number}")))?)
    });
    let ask = |value| harness.send(get("/a").header("x", value));
    for value in ["1", "2", "3"] {
        ask(value).await;
    }
    assert_eq!(text(ask("3").await).await, "answer 2");
    assert_eq!(text(ask("2").await).await, "answer 1");
    assert_eq!(text(ask("1").await).await, "answer 3");
    assert_eq!(harness.counters().evicted, 2);
}

#[tokio::test]
async fn what_is_stored_stays_under_the_capacity() {
    let settings = Settings { capacity: 200_000, max_response: 20_000, ..Settings::default() };
    let harness = Harness::with(settings, |_, _| {
        Ok(Response::builder().header("cache-control", "max-age=60").body(body(vec![b'x'; 10_000]))?)
    });
    for number in 0..100 {
        harness.get(&format!("/{number}")).await;
        assert!(harness.counters().stored_bytes <= 200_000);
    }
    let counters = harness.counters();
    assert!(counters.stored_bytes > 100_000, "{counters:?}");
    assert!(counters.evicted >= 80, "{counters:?}");
}

#[tokio::test]
async fn headers_and_key_count_too() {
    let harness = Harness::new(|_, _| {
        let response = Response::builder().header("cache-control", "max-age=60").header("x-long", "x".repeat(10_000));
        Ok(response.body(body("short"))?)
    });
    harness.get(&format!("/{}", "k".repeat(1000))).await;
    let stored = harness.counters().stored_bytes;
    assert!((11_000..13_000).contains(&stored), "{stored}");
}

#[tokio::test]
async fn no_more_revalidations_than_allowed_run_in_the_background() {
    let settings = Settings { max_background: 2, ..Settings::default() };
    let (release, wait) = tokio::sync::watch::channel(false);
    let harness = Harness::slow(settings, move |_, number| {
        let mut wait = wait.clone();
        async move {
            if number >= 3 {
                wait.wait_for(|is_released| *is_released).await?;
            }
            numbered("max-age=10, stale-while-revalidate=20", number)
        }
    });
    for path in ["/a", "/b", "/c"] {
        harness.get(path).await;
    }
    harness.advance(15);
    for path in ["/a", "/a", "/b", "/c"] {
        assert_eq!(field(&harness.get(path).await, "cache-status"), "Planet; hit; ttl=-5");
    }
    until(|| harness.fetches() == 5).await;
    release.send_replace(true);
    // The two that ran leave room for the third.
    while harness.fetches() < 6 {
        harness.get("/c").await;
        tokio::task::yield_now().await;
    }
    assert_eq!(harness.counters().misses, 3, "no client waited for any of them");
}

#[tokio::test]
async fn a_request_waits_for_another_no_longer_than_it_may() {
    let settings = Settings { wait: Duration::from_millis(10), ..Settings::default() };
    let (release, wait) = tokio::sync::watch::channel(false);
    let harness = Harness::slow(settings, move |_, number| {
        let mut wait = wait.clone();
        async move {
            if number == 0 {
                wait.wait_for(|is_released| *is_released).await?;
            }
            numbered("max-age=60", number)
        }
    });
    let slow = tokio::spawn({
        let harness = harness.clone();
        async move { text(harness.get("/a").await).await }
    });
    until(|| harness.fetches() == 1).await;
    assert_eq!(text(harness.get("/a").await).await, "answer 1");
    release.send_replace(true);
    assert_eq!(slow.await.expect("it does not panic"), "answer 0");
}
