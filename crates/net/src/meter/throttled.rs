//! A stream that keeps to a rate.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep_until};

use super::limit::{Grant, RateLimit};

/// Delays reads from `S` and writes to it, so that they keep to a [`RateLimit`] each. Nothing is lost or reordered: a peer
/// that sends faster is held back by TCP.
///
/// While nothing waits, a stream has no timer and takes no memory for its limits but two pairs of pointers.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use planet_net::meter::{RateLimit, Throttled};
/// use tokio::io::AsyncWriteExt;
///
/// let downloads = Arc::new(RateLimit::new(100_000.try_into()?, 10_000.try_into()?));
/// let mut stream = Throttled::new(tokio::io::sink()).with_write_limit(downloads);
/// let start = tokio::time::Instant::now();
/// stream.write_all(&[0; 210_000]).await?;
/// assert_eq!(start.elapsed().as_secs(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Throttled<S> {
    inner: S,
    reading: Gate,
    writing: Gate,
}

/// One direction.
#[derive(Debug)]
struct Gate {
    limit: Option<Arc<RateLimit>>,
    waiting: Option<Box<Waiting>>,
    /// What to ask for at most: twice what was used last, since buffers for reading are often much larger than what there
    /// is to read, and a turn that is not used is lost when others are in line.
    habit: usize,
}

/// The least that a stream asks for when there is more to do, and what it asks for first.
const LEAST: usize = 1024;

#[derive(Debug)]
struct Waiting {
    grant: Grant,
    sleep: Pin<Box<Sleep>>,
}

impl<S> Throttled<S> {
    /// A stream without limits yet.
    pub fn new(inner: S) -> Self {
        Self { inner, reading: Gate::new(None), writing: Gate::new(None) }
    }

    /// Delays reads.
    #[must_use]
    pub fn with_read_limit(mut self, limit: Arc<RateLimit>) -> Self {
        self.reading = Gate::new(Some(limit));
        self
    }

    /// Delays writes. It may be the limit of reads as well: both then share its rate.
    #[must_use]
    pub fn with_write_limit(mut self, limit: Arc<RateLimit>) -> Self {
        self.writing = Gate::new(Some(limit));
        self
    }

    /// The stream itself.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The stream, no longer limited.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl Gate {
    fn new(limit: Option<Arc<RateLimit>>) -> Self {
        Self { limit, waiting: None, habit: LEAST }
    }

    /// Waits for the turn of a grant of at most `wanted` bytes; a grant that was waited for before may have more.
    fn poll_grant(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<Option<Grant>> {
        let Some(limit) = &self.limit else { return Poll::Ready(None) };
        loop {
            let waiting = match &mut self.waiting {
                Some(waiting) => waiting,
                none => {
                    let grant = limit.ask(wanted.min(self.habit));
                    let Some(turn) = limit.turn(&grant) else { return Poll::Ready(Some(grant)) };
                    none.insert(Box::new(Waiting { grant, sleep: Box::pin(sleep_until(turn)) }))
                }
            };
            ready!(waiting.sleep.as_mut().poll(cx));
            let grant = self.waiting.take().map(|waiting| waiting.grant);
            if !grant.as_ref().is_some_and(|grant| limit.is_stale(grant)) {
                return Poll::Ready(grant);
            }
        }
    }

    /// Passes what is done with a grant through `act`, which is told of how many bytes it may be.
    ///
    /// When nothing can be done now, the turn is over: a stream that waits for its peer keeps no others waiting.
    fn poll_act(
        &mut self,
        cx: &mut Context<'_>,
        wanted: usize,
        act: impl FnOnce(&mut Context<'_>, usize) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if wanted == 0 {
            return act(cx, 0);
        }
        let grant = ready!(self.poll_grant(cx, wanted));
        let done = act(cx, grant.as_ref().map_or(wanted, |grant| grant.bytes.min(wanted)));
        if let (Some(limit), Some(grant)) = (&self.limit, &grant) {
            let used = if let Poll::Ready(Ok(used)) = &done { *used } else { 0 };
            limit.give_back(grant, used);
            self.habit = used.saturating_mul(2).max(LEAST);
        }
        done
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let (Some(limit), Some(waiting)) = (&self.limit, &self.waiting) {
            limit.give_back(&waiting.grant, 0);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Throttled<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { inner, reading, .. } = self.get_mut();
        if reading.limit.is_none() {
            return Pin::new(inner).poll_read(cx, buffer);
        }
        let read = reading.poll_act(cx, buffer.remaining(), |cx, most| {
            let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
            let read = Pin::new(inner).poll_read(cx, &mut part);
            let count = part.filled().len();
            buffer.advance(count);
            read.map_ok(|()| count)
        });
        read.map_ok(drop)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Throttled<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { inner, writing, .. } = self.get_mut();
        writing.poll_act(cx, bytes.len(), |cx, most| Pin::new(inner).poll_write(cx, &bytes[..most]))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { inner, writing, .. } = self.get_mut();
        let total = slices.iter().map(|slice| slice.len()).sum();
        writing.poll_act(cx, total, |cx, most| match first_of(slices, most) {
            First::Whole(slices) => Pin::new(inner).poll_write_vectored(cx, slices),
            First::Part(bytes) => Pin::new(inner).poll_write(cx, bytes),
        })
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// As many whole slices as may pass, or else a part of the first that is not empty.
enum First<'a> {
    Whole(&'a [IoSlice<'a>]),
    Part(&'a [u8]),
}

fn first_of<'a>(slices: &'a [IoSlice<'a>], most: usize) -> First<'a> {
    let mut left = most;
    let whole = slices.iter().take_while(|slice| {
        let fits = slice.len() <= left;
        left -= if fits { slice.len() } else { 0 };
        fits
    });
    let count = whole.count();
    match slices.get(count) {
        Some(next) if left == most => First::Part(&next[..most]),
        _ => First::Whole(&slices[..count]),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::*;

    fn limit(rate: u64, burst: usize) -> Arc<RateLimit> {
        Arc::new(RateLimit::new(rate.try_into().unwrap(), burst.try_into().unwrap()))
    }

    #[tokio::test(start_paused = true)]
    async fn reads_and_writes_take_the_time_of_their_bytes() {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        far.write_all(&[7; 5000]).await.unwrap();
        let mut stream = Throttled::new(near).with_read_limit(limit(1000, 1000)).with_write_limit(limit(2000, 1000));
        let start = Instant::now();
        let mut read = [0; 5000];
        stream.read_exact(&mut read).await.unwrap();
        assert_eq!(read, [7; 5000]);
        assert_eq!(start.elapsed().as_millis(), 4000);
        let start = Instant::now();
        stream.write_all(&[0; 5000]).await.unwrap();
        assert_eq!(start.elapsed().as_millis(), 2000);
    }

    #[tokio::test(start_paused = true)]
    async fn streams_of_one_limit_get_the_same_share() {
        let limit = limit(40_000, 1000);
        let tasks: Vec<_> = [100, 1000, 10_000, 100_000]
            .map(|piece| {
                let mut stream = Throttled::new(tokio::io::sink()).with_write_limit(limit.clone());
                tokio::spawn(async move {
                    let end = Instant::now() + Duration::from_secs(10);
                    let mut sent = 0;
                    while Instant::now() < end {
                        sent += stream.write(&vec![0; piece]).await.unwrap();
                    }
                    sent
                })
            })
            .into();
        let mut sent = Vec::new();
        for task in tasks {
            sent.push(task.await.unwrap());
        }
        // Whoever asks for less than a grant takes as many turns, and gets less.
        assert!(sent[0] < 20_000, "{sent:?}");
        for large in &sent[1..] {
            assert!(large.abs_diff(sent[1]) <= 2000, "{sent:?}");
        }
        let total: usize = sent.iter().sum();
        assert!((399_000..=405_000).contains(&total), "{total}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_goes_away_or_does_nothing_holds_up_nobody() {
        let limit = limit(1000, 1000);
        let stream = || Throttled::new(tokio::io::sink()).with_write_limit(limit.clone());
        let mut first = stream();
        first.write_all(&[0; 1000]).await.unwrap();
        let (mut gone, mut idle) = (stream(), stream());
        for waiting in [&mut gone, &mut idle] {
            let polled = tokio::time::timeout(Duration::ZERO, waiting.write(&[0; 1000])).await;
            assert!(polled.is_err(), "the bucket is empty");
        }
        drop(gone);
        let start = Instant::now();
        first.write_all(&[0; 1000]).await.unwrap();
        // Its own second, after the turns of the two.
        assert_eq!(start.elapsed().as_millis(), 3000);
        first.write_all(&[0; 1000]).await.unwrap();
        assert_eq!(start.elapsed().as_millis(), 4000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_finds_nothing_costs_nothing() {
        let limit = limit(1000, 1000);
        let (near, mut far) = tokio::io::duplex(4096);
        let mut stream = Throttled::new(near).with_read_limit(limit.clone());
        for _ in 0..10 {
            let read = tokio::time::timeout(Duration::ZERO, stream.read(&mut [0; 1000])).await;
            assert!(read.is_err(), "there is nothing");
        }
        far.write_all(&[0; 1000]).await.unwrap();
        let start = Instant::now();
        stream.read_exact(&mut [0; 1000]).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[test]
    fn whole_slices_pass_or_a_part_of_the_first() {
        let slices = [b"".as_slice(), b"abc", b"de"].map(IoSlice::new);
        for (most, expected) in [(1, "a"), (2, "ab"), (3, "abc"), (4, "abc"), (5, "abcde")] {
            let passed = match first_of(&slices, most) {
                First::Whole(slices) => slices.iter().flat_map(|slice| slice.iter().copied()).collect(),
                First::Part(bytes) => bytes.to_vec(),
            };
            assert_eq!(std::str::from_utf8(&passed).unwrap(), expected);
        }
    }
}
