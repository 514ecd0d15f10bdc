//! What is stored, and what is served from it.

use http::{Method, Request, Response, StatusCode};

use crate::support::{Harness, body, field, get, numbered, text};

#[tokio::test]
async fn a_second_request_is_answered_from_the_store() {
    let harness = Harness::new(|_, number| numbered("max-age=60", number));
    let first = harness.get("/a").await;
    assert_eq!(field(&first, "cache-status"), "Planet; fwd=uri-miss; stored");
    assert_eq!(text(first).await, "answer 0");
    harness.advance(59);
    let second = harness.get("/a").await;
    assert_eq!((field(&second, "age"), field(&second, "cache-status")), ("59", "Planet; hit"));
    assert!(!second.headers().contains_key("connection"), "a hit is no reason to close the connection");
    assert_eq!(text(second).await, "answer 0");
    let counters = harness.counters();
    assert_eq!((harness.fetches(), counters.hits, counters.misses), (1, 1, 1));
    assert!(counters.stored_bytes > 0);
}

#[tokio::test]
async fn an_expired_answer_is_replaced() {
    let harness = Harness::new(|_, number| numbered("max-age=60", number));
    harness.get("/a").await;
    harness.advance(60);
    assert_eq!(text(harness.get("/a").await).await, "answer 1");
    assert_eq!(text(harness.get("/a").await).await, "answer 1");
    assert_eq!(harness.fetches(), 2);
}

#[tokio::test]
async fn what_is_not_for_all_is_not_stored() {
    for cache_control in ["private, max-age=60", "no-store", "max-age=0"] {
        let harness = Harness::new(move |_, number| numbered(cache_control, number));
        harness.get("/a").await;
        assert_eq!(text(harness.get("/a").await).await, "answer 1", "{cache_control}");
        assert_eq!(harness.counters().stored_bytes, 0, "{cache_control}");
    }
}

#[tokio::test]
async fn an_answer_to_a_login_is_stored_only_if_it_says_so() {
    let harness = Harness::new(|request, number| match request.uri().path() {
        "/public" => numbered("public, max-age=60", number),
        _ => numbered("max-age=60", number),
    });
    for (path, second) in [("/own", "answer 1"), ("/public", "answer 2")] {
        harness.send(get(path).header("authorization", "Basic one")).await;
        let other = harness.send(get(path).header("authorization", "Basic two")).await;
        assert_eq!(text(other).await, second, "{path}");
    }
}

#[tokio::test]
async fn fields_that_are_named_private_are_not_stored() {
    let harness = Harness::new(|_, _| {
        let response = Response::builder().header("cache-control", "max-age=60, private=\"x-user\"");
        Ok(response.header("x-user", "one").header("x-other", "all").body(body("a"))?)
    });
    assert_eq!(field(&harness.get("/a").await, "x-user"), "one");
    let second = harness.get("/a").await;
    assert_eq!((field(&second, "x-user"), field(&second, "x-other")), ("", "all"));
}

#[tokio::test]
async fn each_variant_is_stored() {
    let harness = Harness::new(|request, number| {
        let language = request.headers().get("accept-language").map_or("none", |value| value.to_str().unwrap());
        let response = Response::builder().header("cache-control", "max-age=60").header("vary", "Accept-Language");
        Ok(response.body(body(format!("{language} {number}")))?)
    });
    let ask = |language| harness.send(get("/a").header("accept-language", language));
    assert_eq!(text(ask("en").await).await, "en 0");
    let second = ask("de").await;
    assert_eq!(field(&second, "cache-status"), "Planet; fwd=vary-miss; stored");
    assert_eq!(text(second).await, "de 1");
    assert_eq!(text(ask("EN").await).await, "en 0");
    assert_eq!(text(ask("de").await).await, "de 1");
    assert_eq!(text(harness.get("/a").await).await, "none 2");
    assert!(harness.cache.purge("origin.example/a"));
    assert_eq!(text(ask("en").await).await, "en 3", "a purge takes all of them");
}

#[tokio::test]
async fn head_conditions_and_ranges_are_answered_from_a_stored_get() {
    let harness = Harness::new(|_, _| {
        let response = Response::builder().header("cache-control", "max-age=60").header("etag", "\"v\"");
        Ok(response.header("content-type", "text/plain").body(body("0123456789"))?)
    });
    harness.get("/a").await;

    let head = harness.send(Request::head("http://origin.example/a")).await;
    assert_eq!(field(&head, "content-length"), "10");
    assert_eq!(text(head).await, "");

    let known = harness.send(get("/a").header("if-none-match", "\"u\", W/\"v\"")).await;
    assert_eq!((known.status(), field(&known, "etag")), (StatusCode::NOT_MODIFIED, "\"v\""));
    assert_eq!(field(&known, "content-length"), "");

    let part = harness.send(get("/a").header("range", "bytes=2-4")).await;
    assert_eq!((part.status(), field(&part, "content-range")), (StatusCode::PARTIAL_CONTENT, "bytes 2-4/10"));
    assert_eq!(text(part).await, "234");

    let beyond = harness.send(get("/a").header("range", "bytes=10-")).await;
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(field(&beyond, "content-range"), "bytes */10");
    assert_eq!((harness.fetches(), harness.counters().hits), (1, 4));
}

#[tokio::test]
async fn a_condition_on_a_miss_is_looked_at_here() {
    let harness = Harness::new(|_, _| {
        let response = Response::builder().header("cache-control", "max-age=60").header("etag", "\"v\"");
        Ok(response.body(body("whole"))?)
    });
    let known = harness.send(get("/a").header("if-none-match", "\"v\"")).await;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(harness.asked_with("if-none-match"), None, "the whole answer was asked for");
    assert_eq!(text(harness.get("/a").await).await, "whole");
    assert_eq!(harness.fetches(), 1);
}

#[tokio::test]
async fn a_stale_answer_is_validated_and_renewed() {
    let harness = Harness::new(|request, number| {
        let response = Response::builder().header("cache-control", "max-age=60").header("x-number", number);
        match request.headers().get("if-none-match") {
            Some(etag) if etag == "\"v\"" => Ok(response.status(304).header("etag", "\"v\"").body(body(""))?),
            _ => Ok(response.header("etag", "\"v\"").body(body("kept"))?),
        }
    });
    harness.get("/a").await;
    harness.advance(60);
    let renewed = harness.get("/a").await;
    assert_eq!(field(&renewed, "cache-status"), "Planet; fwd=stale; fwd-status=304");
    assert_eq!((renewed.status(), field(&renewed, "x-number"), field(&renewed, "age")), (StatusCode::OK, "1", "0"));
    assert_eq!(text(renewed).await, "kept");
    harness.advance(59);
    assert_eq!(field(&harness.get("/a").await, "x-number"), "1");
    let counters = harness.counters();
    assert_eq!((counters.misses, counters.revalidated, counters.hits), (1, 1, 1));
}

#[tokio::test]
async fn a_change_makes_its_target_and_what_it_names_invalid() {
    let harness = Harness::new(|request, number| match *request.method() {
        Method::GET => numbered("max-age=60", number),
        _ if request.uri().path() == "/refused" => Ok(Response::builder().status(500).body(body(""))?),
        _ => Ok(Response::builder().header("location", "/named").body(body(""))?),
    });
    for path in ["/changed", "/named", "/refused", "/other"] {
        harness.get(path).await;
    }
    harness.send(Request::put("http://origin.example/changed")).await;
    harness.send(Request::delete("http://origin.example/refused")).await;
    for (path, is_kept) in [("/changed", false), ("/named", false), ("/refused", true), ("/other", true)] {
        let response = harness.get(path).await;
        assert_eq!(field(&response, "cache-status") == "Planet; hit", is_kept, "{path}");
    }
    assert_eq!(harness.counters().bypassed, 2);
}

#[tokio::test]
async fn an_answer_that_was_asked_for_before_a_change_is_not_stored_after_it() {
    let (release, wait) = tokio::sync::watch::channel(false);
    let harness = Harness::slow(Default::default(), move |request, number| {
        let mut wait = wait.clone();
        async move {
            if request.method() == Method::GET && number == 0 {
                wait.wait_for(|is_released| *is_released).await?;
            }
            numbered("max-age=60", number)
        }
    });
    let early = tokio::spawn({
        let harness = harness.clone();
        async move { text(harness.get("/a").await).await }
    });
    crate::support::until(|| harness.fetches() == 1).await;
    harness.send(Request::post("http://origin.example/a")).await;
    release.send_replace(true);
    assert_eq!(early.await.expect("it does not panic"), "answer 0");
    assert_eq!(text(harness.get("/a").await).await, "answer 2");
}

#[tokio::test]
async fn purging_a_prefix_leaves_the_rest() {
    let harness = Harness::new(|_, number| numbered("max-age=60", number));
    for path in ["/img/a", "/img/b", "/page"] {
        harness.get(path).await;
    }
    assert_eq!(harness.cache.purge_prefix("origin.example/img/"), 2);
    harness.get("/page").await;
    assert_eq!(harness.counters().hits, 1);
    assert_eq!(harness.cache.purge_prefix(""), 1);
    assert!(!harness.cache.purge("origin.example/page"));
    assert_eq!(harness.counters().stored_bytes, 0);
}

#[tokio::test]
async fn requests_that_are_not_for_caches_go_past() {
    let harness = Harness::new(|_, number| numbered("max-age=60", number));
    harness.get("/a").await;
    for (name, value) in [("cache-control", "no-store"), ("upgrade", "websocket"), ("if-match", "\"x\"")] {
        let response = harness.send(get("/a").header(name, value)).await;
        assert_eq!(field(&response, "cache-status"), "Planet; fwd=bypass", "{name}");
    }
    assert_eq!((harness.fetches(), harness.counters().bypassed), (4, 3));
}
