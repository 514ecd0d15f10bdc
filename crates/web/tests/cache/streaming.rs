//! Bodies on their way into the store.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use http_body_util::BodyExt as _;
use planet_web::cache::Settings;
use planet_web::{Body, BoxError};

use crate::support::{Answer, Harness, text, until};

const PIECE: usize = 1000;

/// A body of so many pieces. It counts those that were taken, pauses before each, and may break off at its end.
struct Pieces {
    left: usize,
    taken: Arc<AtomicUsize>,
    has_paused: bool,
    breaks: bool,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.has_paused = !self.has_paused;
        if self.has_paused {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.left == 0 {
            return Poll::Ready(self.breaks.then(|| Err("the origin is gone".into())));
        }
        self.left -= 1;
        self.taken.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'x'; PIECE])))))
    }
}

fn pieces(count: usize, breaks: bool, length: Option<usize>, taken: &Arc<AtomicUsize>) -> Answer {
    let body = Pieces { left: count, taken: Arc::clone(taken), has_paused: false, breaks };
    let mut response = Response::builder().header("cache-control", "max-age=60");
    if let Some(length) = length {
        response = response.header("content-length", length);
    }
    Ok(response.body(planet_web::body::boxed(body))?)
}

fn harness(settings: Settings, count: usize, breaks: bool, length: Option<usize>) -> (Harness, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    (Harness::with(settings, move |_, _| pieces(count, breaks, length, &counted)), taken)
}

/// So small that the rest of an answer, which is not its body, is in the way of larger ones.
fn small() -> Settings {
    Settings { max_response: 20 * PIECE, ..Settings::default() }
}

#[tokio::test]
async fn a_streamed_body_is_stored_when_it_is_complete() {
    for length in [None, Some(10 * PIECE)] {
        let (harness, _) = harness(Settings::default(), 10, false, length);
        assert_eq!(text(harness.get("/a").await).await.len(), 10 * PIECE);
        let second = harness.get("/a").await;
        assert_eq!(second.headers()["content-length"], "10000");
        assert_eq!(text(second).await.len(), 10 * PIECE);
        assert_eq!(harness.fetches(), 1);
    }
}

#[tokio::test]
async fn a_body_is_stored_even_if_its_first_client_went_away() {
    let (harness, _) = harness(Settings::default(), 10, false, None);
    drop(harness.get("/a").await);
    until(|| harness.counters().stored_bytes > 0).await;
    assert_eq!(text(harness.get("/a").await).await.len(), 10 * PIECE);
    assert_eq!(harness.fetches(), 1);
}

#[tokio::test]
async fn a_body_over_the_limit_streams_past_whole() {
    for length in [None, Some(20 * PIECE)] {
        let (harness, _) = harness(small(), 20, false, length);
        assert_eq!(text(harness.get("/a").await).await.len(), 20 * PIECE);
        assert_eq!(text(harness.get("/a").await).await.len(), 20 * PIECE);
        assert_eq!((harness.fetches(), harness.counters().stored_bytes), (2, 0));
    }
}

#[tokio::test]
async fn a_slow_reader_holds_no_more_than_the_limit() {
    let (harness, taken) = harness(small(), 1000, false, None);
    let mut response = harness.get("/a").await;
    // More turns than there are pieces: the origin would have given all of them.
    for _ in 0..5000 {
        tokio::task::yield_now().await;
    }
    let held = taken.load(Ordering::Relaxed);
    assert!(held > 10 && held <= 20, "{held} pieces were taken that nobody read");
    let mut read = 0;
    while let Some(frame) = response.body_mut().frame().await {
        read += frame.expect("the body is whole").into_data().map_or(0, |data| data.len());
    }
    assert_eq!(read, 1000 * PIECE);
}

#[tokio::test]
async fn an_incomplete_body_is_not_stored_and_its_reader_is_told() {
    for (breaks, length) in [(true, None), (true, Some(11 * PIECE)), (false, Some(11 * PIECE))] {
        let (harness, _) = harness(Settings::default(), 10, breaks, length);
        let collected = harness.get("/a").await.into_body().collect().await;
        assert!(collected.is_err(), "{breaks} {length:?}");
        assert_eq!(harness.counters().stored_bytes, 0);
    }
}

#[tokio::test]
async fn a_body_that_takes_too_long_streams_past() {
    let (send, receive) = tokio::sync::mpsc::channel(1);
    let receive = Mutex::new(Some(receive));
    let settings = Settings { collect_time: Duration::from_millis(1), ..Settings::default() };
    let harness = Harness::with(settings, move |_, _| {
        let held = Held(receive.lock().expect("nobody panics").take().expect("it is asked for once"));
        Ok(Response::builder().header("cache-control", "max-age=60").body(planet_web::body::boxed(held))?)
    });
    send.send("first ").await.expect("the body is there");
    let mut response = harness.get("/a").await;
    let first = response.body_mut().frame().await.expect("there is more").expect("it is whole");
    assert_eq!(first.into_data().expect("it is data"), "first ");
    // The time of the collector is over first, since it began first.
    tokio::time::sleep(Duration::from_millis(20)).await;
    send.send("second").await.expect("the body is there");
    drop(send);
    assert_eq!(text(response).await, "second");
    assert_eq!(harness.counters().stored_bytes, 0);
}

/// A body whose pieces come when they are sent.
struct Held(tokio::sync::mpsc::Receiver<&'static str>);

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))))
    }
}

#[tokio::test]
async fn when_too_much_is_on_its_way_an_answer_streams_past() {
    let settings = Settings { max_collecting: 15 * PIECE, ..small() };
    let (harness, _) = harness(settings, 10, false, Some(10 * PIECE));
    let first: http::Response<Body> = harness.get("/first").await;
    let second = harness.get("/second").await;
    assert_eq!(second.headers()["cache-status"], "Planet; fwd=uri-miss");
    assert_eq!(text(second).await.len(), 10 * PIECE);
    assert_eq!(text(first).await.len(), 10 * PIECE);
    assert_eq!(harness.get("/third").await.headers()["cache-status"], "Planet; fwd=uri-miss; stored");
}
