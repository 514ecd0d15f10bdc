//! Many requests for the same thing at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::Response;
use planet_web::cache::{Cache, Settings};
use tokio::task::JoinSet;

use crate::support::{Answer, Harness, body, get, numbered, text, until};

const CROWD: usize = 1000;

/// An origin whose first answer comes when it is let go.
fn held(answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> (Harness, tokio::sync::watch::Sender<bool>) {
    let (release, wait) = tokio::sync::watch::channel(false);
    let answer = Arc::new(answer);
    let settings = Settings { wait: Duration::from_secs(600), ..Settings::default() };
    let harness = Harness::slow(settings, move |_, number| {
        let (mut wait, answer) = (wait.clone(), Arc::clone(&answer));
        async move {
            if number == 0 {
                wait.wait_for(|is_released| *is_released).await?;
            }
            answer(number)
        }
    });
    (harness, release)
}

fn crowd(harness: &Harness, count: usize) -> JoinSet<String> {
    let mut crowd = JoinSet::new();
    for _ in 0..count {
        let harness = harness.clone();
        crowd.spawn(async move { text(harness.get("/a").await).await });
    }
    crowd
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_requests_make_one_fetch() {
    let (harness, release) = held(|number| numbered("max-age=60", number));
    let crowd = crowd(&harness, CROWD);
    until(|| harness.fetches() == 1).await;
    release.send_replace(true);
    let answers = crowd.join_all().await;
    assert!(answers.iter().all(|answer| answer == "answer 0"));
    assert_eq!(harness.fetches(), 1);
    let counters = harness.counters();
    assert_eq!(counters.misses, 1);
    assert_eq!(counters.hits + counters.coalesced, CROWD as u64 - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_expired_answer_is_validated_once() {
    let harness = Harness::slow(Settings::default(), |request, number| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let response = Response::builder().header("cache-control", "max-age=60").header("etag", "\"v\"");
        let is_known = request.headers().contains_key("if-none-match");
        Ok(response.status(if is_known { 304 } else { 200 }).body(body(format!("answer {number}")))?)
    });
    harness.get("/a").await;
    harness.advance(60);
    let answers = crowd(&harness, CROWD).join_all().await;
    assert!(answers.iter().all(|answer| answer == "answer 0"));
    assert_eq!((harness.fetches(), harness.counters().revalidated), (2, 1));
}

#[tokio::test]
async fn when_it_is_not_for_all_everybody_asks_at_once() {
    // Each but the first waits until all of the others are there too: one after the other would never end.
    let barrier = Arc::new(tokio::sync::Barrier::new(CROWD - 1));
    let (release, wait) = tokio::sync::watch::channel(false);
    let settings = Settings { wait: Duration::from_secs(600), ..Settings::default() };
    let harness = Harness::slow(settings, move |_, number| {
        let (mut wait, barrier) = (wait.clone(), Arc::clone(&barrier));
        async move {
            if number == 0 {
                wait.wait_for(|is_released| *is_released).await?;
            } else {
                barrier.wait().await;
            }
            numbered("private", number)
        }
    });
    let crowd = crowd(&harness, CROWD);
    until(|| harness.fetches() == 1).await;
    tokio::task::yield_now().await;
    release.send_replace(true);
    let mut answers = crowd.join_all().await;
    answers.sort();
    answers.dedup();
    assert_eq!(answers.len(), CROWD, "everybody got an answer of its own");
}

#[tokio::test]
async fn when_the_one_who_fetches_goes_away_another_takes_over() {
    let (harness, _release) = held(|number| numbered("max-age=60", number));
    let first = tokio::spawn({
        let harness = harness.clone();
        async move { harness.get("/a").await }
    });
    until(|| harness.fetches() == 1).await;
    let crowd = crowd(&harness, 10);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(harness.fetches(), 1, "they wait");
    first.abort();
    let answers = crowd.join_all().await;
    assert!(answers.iter().all(|answer| answer == "answer 1"));
    assert_eq!(harness.fetches(), 2);
}

#[tokio::test]
async fn each_variant_is_fetched_once() {
    let harness = Harness::slow(Settings::default(), |_, number| async move {
        tokio::task::yield_now().await;
        let response = Response::builder().header("cache-control", "max-age=60").header("vary", "x");
        Ok(response.body(body(format!("answer {number}")))?)
    });
    let mut crowd = JoinSet::new();
    for number in 0..100 {
        let harness = harness.clone();
        crowd.spawn(async move { text(harness.send(get("/a").header("x", number % 4)).await).await });
    }
    crowd.join_all().await;
    assert_eq!(harness.fetches(), 4);
}

/// What happened at an origin in a minute of many clients.
async fn minute(cache_control: &'static str) -> (Harness, usize, u64) {
    let (flying, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let harness = Harness::of(Cache::default(), Arc::default(), move |_, number| {
        let (flying, most) = (Arc::clone(&flying), Arc::clone(&most));
        async move {
            most.fetch_max(flying.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(100)).await;
            flying.fetch_sub(1, Ordering::SeqCst);
            numbered(cache_control, number)
        }
    });
    let started = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CROWD {
        let harness = harness.clone();
        clients.spawn(async move {
            let mut answers = 0_u64;
            while started.elapsed() < Duration::from_secs(60) {
                assert_eq!(harness.get("/a").await.status(), 200);
                answers += 1;
                tokio::task::yield_now().await;
            }
            answers
        });
    }
    let answers = clients.join_all().await.into_iter().sum();
    (harness, seen.load(Ordering::SeqCst), answers)
}

async fn check_minute(cache_control: &'static str, most_fetches: usize) {
    let (harness, at_once, answers) = minute(cache_control).await;
    println!("{cache_control}: {} fetches for {answers} answers, {:?}", harness.fetches(), harness.counters());
    assert_eq!(at_once, 1, "never two at once");
    assert!((1..=most_fetches).contains(&harness.fetches()), "{} fetches", harness.fetches());
    assert!(answers > 100 * harness.fetches() as u64, "{answers} answers");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: cargo test -p planet-web --release --test cache -- --ignored --nocapture minute"]
async fn a_minute_with_a_lasting_answer_makes_one_fetch() {
    check_minute("max-age=600", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: cargo test -p planet-web --release --test cache -- --ignored --nocapture minute"]
async fn a_minute_with_an_expiring_answer_makes_one_fetch_for_each_second() {
    check_minute("max-age=1", 61).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: cargo test -p planet-web --release --test cache -- --ignored --nocapture minute"]
async fn a_minute_with_revalidation_in_the_background_makes_one_fetch_for_each_second() {
    check_minute("max-age=1, stale-while-revalidate=10", 61).await;
}
