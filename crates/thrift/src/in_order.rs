//! Futures that go on side by side and end in the order in which they were put in.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::{FutureExt, MaybeDone, maybe_done};

/// Futures in a row. They are polled from the first to the last, and so begin in that order too, which the order of
/// `FuturesOrdered` does not promise.
pub(crate) struct InOrder<F: Future>(VecDeque<Pin<Box<MaybeDone<F>>>>);

impl<F: Future> InOrder<F> {
    pub(crate) fn new() -> Self {
        Self(VecDeque::new())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one behind the others. It begins when [`Self::next`] is polled.
    pub(crate) fn push(&mut self, future: F) {
        self.0.push_back(Box::pin(maybe_done(future)));
    }

    /// Drops all of them.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What the first of them gives, which is taken out then; never comes when there is none. Cancel safe.
    pub(crate) async fn next(&mut self) -> F::Output {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// What the first of them gives if that is there without waiting.
    pub(crate) fn take_ready(&mut self) -> Option<F::Output> {
        self.next().now_or_never()
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<F::Output> {
        if let Some(output) = self.take_first() {
            return Poll::Ready(output);
        }
        for future in &mut self.0 {
            // Those that are done say so at once.
            let _ = future.as_mut().poll(cx);
        }
        self.take_first().map_or(Poll::Pending, Poll::Ready)
    }

    fn take_first(&mut self) -> Option<F::Output> {
        let output = self.0.front_mut()?.as_mut().take_output()?;
        self.0.pop_front();
        Some(output)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn they_begin_and_end_in_order_and_go_on_side_by_side() {
        let began = Mutex::new(Vec::new());
        let (first_done, first) = oneshot::channel::<u32>();
        let (second_done, second) = oneshot::channel::<u32>();
        let mut row = InOrder::new();
        for (index, receiver) in [first, second].into_iter().enumerate() {
            let began = &began;
            row.push(async move {
                began.lock().unwrap().push(index);
                receiver.await.unwrap()
            });
        }
        assert_eq!(row.take_ready(), None);
        assert_eq!(*began.lock().unwrap(), [0, 1]);
        second_done.send(2).unwrap();
        assert_eq!(row.take_ready(), None);
        first_done.send(1).unwrap();
        assert_eq!(row.next().await, 1);
        assert_eq!((row.len(), row.next().await, row.is_empty()), (1, 2, true));
    }
}
