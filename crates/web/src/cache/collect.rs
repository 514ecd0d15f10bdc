//! A body on its way to the first client and into the store at once.
//!
//! It is collected at the pace of the service, not of that client, whom others may be waiting for. The client reads what
//! was collected. When the body turns out too large or too slow, collecting ends, and the client gets the rest straight
//! from the service, at its own pace: so no more than the limit is ever held.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, timeout_at};

use crate::BoxError;

/// The largest piece that is read at once from what was collected.
const PIECE: usize = 64 * 1024;

/// Bytes that may be on their way into the store.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<AtomicUsize>);

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    /// Takes some. `None` if there is less.
    pub(crate) fn reserve(&self, bytes: usize) -> Option<Reservation> {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.ok().map(|_| Reservation { budget: Arc::clone(&self.0), bytes })
    }
}

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// Why a body was not collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uncollected {
    /// It is larger than the limit, or took longer than it may.
    TooMuch,
    /// It broke off.
    Incomplete,
}

/// Both ends of a body that is to be collected.
///
/// `expected` is its length, if the service told it.
pub(crate) fn collect<B>(
    body: B,
    limit: usize,
    expected: Option<u64>,
    reservation: Reservation,
) -> (Collector<B>, Reader<B>) {
    let known = expected.and_then(|length| usize::try_from(length).ok()).unwrap_or(0).min(limit);
    let state = State { collected: Vec::with_capacity(known), trailers: None, end: None, waiting: None };
    let shared = Arc::new(Shared { state: Mutex::new(state), _reservation: reservation });
    let reader = Reader { shared: Arc::clone(&shared), read: 0, expected, rest: None };
    (Collector { body: Some(Box::pin(body)), limit, expected, shared }, reader)
}

struct Shared<B> {
    state: Mutex<State<B>>,
    _reservation: Reservation,
}

struct State<B> {
    collected: Vec<u8>,
    trailers: Option<HeaderMap>,
    end: Option<End<B>>,
    waiting: Option<Waker>,
}

enum End<B> {
    /// All of it is here, and no longer in `collected`.
    Complete(Bytes),
    /// After what was collected comes an error, once.
    Broken(Option<BoxError>),
    /// After what was collected comes this piece, and then the rest of the body.
    Rest(Option<(Bytes, Pin<Box<B>>)>),
}

impl<B> Shared<B> {
    fn lock(&self) -> MutexGuard<'_, State<B>> {
        self.state.lock().expect("nothing panics under this lock")
    }
}

impl<B> State<B> {
    /// What a reader has not read yet: a piece of what was collected, or the rest of a complete body.
    fn piece(&self, read: usize) -> Option<Bytes> {
        let piece = match &self.end {
            Some(End::Complete(body)) => body.slice(read..),
            _ => Bytes::copy_from_slice(&self.collected[read..self.collected.len().min(read + PIECE)]),
        };
        (!piece.is_empty()).then_some(piece)
    }

    fn wake(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }
}

/// Pulls the body out of the service.
pub(crate) struct Collector<B> {
    body: Option<Pin<Box<B>>>,
    limit: usize,
    expected: Option<u64>,
    shared: Arc<Shared<B>>,
}

impl<B> Collector<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    /// Runs to the end of the body, but neither over the limit nor longer than `until`.
    pub(crate) async fn run(mut self, until: Instant) -> Result<Bytes, Uncollected> {
        let mut body = self.body.take().expect("it is taken only here");
        loop {
            let Ok(frame) = timeout_at(until, poll_fn(|context| body.as_mut().poll_frame(context))).await else {
                return self.hand_over(Bytes::new(), body);
            };
            let frame = match frame {
                None => return self.complete(),
                Some(Err(error)) => return self.break_off(error.into()),
                Some(Ok(frame)) => frame,
            };
            let data = match frame.into_data() {
                Ok(data) => data,
                Err(frame) => {
                    self.shared.lock().trailers = frame.into_trailers().ok();
                    continue;
                }
            };
            let mut state = self.shared.lock();
            if state.collected.len() + data.len() > self.limit {
                drop(state);
                return self.hand_over(data, body);
            }
            state.collected.extend_from_slice(&data);
            state.wake();
        }
    }

    fn complete(&self) -> Result<Bytes, Uncollected> {
        let mut state = self.shared.lock();
        if self.expected.is_some_and(|length| length != state.collected.len() as u64) {
            drop(state);
            return self.break_off("the body is not as long as its length was said to be".into());
        }
        let body = Bytes::from(std::mem::take(&mut state.collected).into_boxed_slice());
        state.end = Some(End::Complete(body.clone()));
        state.wake();
        Ok(body)
    }

    fn break_off(&self, error: BoxError) -> Result<Bytes, Uncollected> {
        let mut state = self.shared.lock();
        state.end = Some(End::Broken(Some(error)));
        state.wake();
        Err(Uncollected::Incomplete)
    }

    fn hand_over(&self, piece: Bytes, rest: Pin<Box<B>>) -> Result<Bytes, Uncollected> {
        let mut state = self.shared.lock();
        state.end = Some(End::Rest(Some((piece, rest))));
        state.wake();
        Err(Uncollected::TooMuch)
    }
}

impl<B> Drop for Collector<B> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if state.end.is_none() {
            state.end = Some(End::Broken(Some("the cache stopped reading the body".into())));
            state.wake();
        }
    }
}

/// What the first client reads.
pub(crate) struct Reader<B> {
    shared: Arc<Shared<B>>,
    read: usize,
    expected: Option<u64>,
    rest: Option<Pin<Box<B>>>,
}

impl<B> Body for Reader<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Some(rest) = &mut this.rest {
            return rest.as_mut().poll_frame(context).map_err(Into::into);
        }
        let mut state = this.shared.lock();
        if let Some(piece) = state.piece(this.read) {
            this.read += piece.len();
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let State { trailers, end, waiting, .. } = &mut *state;
        match end {
            None => {
                *waiting = Some(context.waker().clone());
                Poll::Pending
            }
            Some(End::Complete(_)) => Poll::Ready(trailers.take().map(|trailers| Ok(Frame::trailers(trailers)))),
            Some(End::Broken(error)) => Poll::Ready(error.take().map(Err)),
            Some(End::Rest(rest)) => {
                let Some((piece, mut rest)) = rest.take() else { return Poll::Ready(None) };
                let first = match piece.is_empty() {
                    false => Poll::Ready(Some(Ok(Frame::data(piece)))),
                    true => rest.as_mut().poll_frame(context).map_err(Into::into),
                };
                this.rest = Some(rest);
                first
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        if let Some(rest) = &self.rest {
            return rest.is_end_stream();
        }
        let state = self.shared.lock();
        matches!(&state.end, Some(End::Complete(body)) if body.len() == self.read && state.trailers.is_none())
    }

    fn size_hint(&self) -> SizeHint {
        match self.expected {
            Some(length) if self.rest.is_none() => SizeHint::with_exact(length.saturating_sub(self.read as u64)),
            _ => self.rest.as_ref().map(|rest| rest.size_hint()).unwrap_or_default(),
        }
    }
}
