//! Reading a request body within a size and a time.

use std::{fmt, pin::pin, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;

/// Why a body was not read to its end.
#[derive(Debug)]
pub enum BodyError<E> {
    /// It is longer than allowed (answer with 413).
    TooLarge {
        /// The most bytes allowed.
        limit: usize,
    },
    /// It did not come within the time allowed (answer with 408).
    TooSlow {
        /// The time allowed.
        limit: Duration,
    },
    /// Reading failed, as when the client went away.
    Read(E),
}

impl<E: fmt::Display> fmt::Display for BodyError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit } => write!(f, "the body is longer than {limit} bytes"),
            Self::TooSlow { limit } => {
                write!(f, "the body did not come within {} s", limit.as_secs_f32())
            }
            Self::Read(error) => write!(f, "the body could not be read: {error}"),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for BodyError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            Self::TooLarge { .. } | Self::TooSlow { .. } => None,
        }
    }
}

/// Reads a whole body of at most `limit` bytes within `timeout`.
///
/// A body that announces a greater length is refused before a byte of it is read. A body that
/// comes in one piece is not copied.
///
/// # Errors
///
/// When it is too long or too slow, or cannot be read.
pub async fn collect<B>(body: B, limit: usize, timeout: Duration) -> Result<Bytes, BodyError<B::Error>>
where
    B: Body<Data = Bytes>,
{
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyError::TooLarge { limit });
    }
    tokio::time::timeout(timeout, collect_within(body, limit))
        .await
        .unwrap_or(Err(BodyError::TooSlow { limit: timeout }))
}

async fn collect_within<B>(body: B, limit: usize) -> Result<Bytes, BodyError<B::Error>>
where
    B: Body<Data = Bytes>,
{
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(BodyError::Read)?.into_data() else { continue };
        if first.len() + all.len() + data.len() > limit {
            return Err(BodyError::TooLarge { limit });
        }
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        pin::Pin,
        task::{Context, Poll},
    };

    use http_body::Frame;
    use http_body_util::Full;

    use super::*;

    /// Gives its pieces and then ends, or never does.
    struct Pieces {
        left: Vec<&'static str>,
        ends: bool,
    }

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match self.left.pop() {
                Some(piece) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(piece.as_bytes()))))),
                None if self.ends => Poll::Ready(None),
                None => Poll::Pending,
            }
        }
    }

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn pieces_are_put_together_up_to_the_limit() {
        let body = || Pieces { left: vec!["c", "b", "a"], ends: true };
        assert_eq!(collect(body(), 3, LONG).await.unwrap(), "abc");
        let error = collect(body(), 2, LONG).await.unwrap_err();
        assert_eq!(error.to_string(), "the body is longer than 2 bytes");
        let empty = Pieces { left: Vec::new(), ends: true };
        assert_eq!(collect(empty, 0, LONG).await.unwrap(), "");
    }

    #[tokio::test]
    async fn an_announced_length_is_enough_to_refuse() {
        let error = collect(Full::new(Bytes::from_static(b"abc")), 2, LONG).await.unwrap_err();
        assert!(matches!(error, BodyError::TooLarge { limit: 2 }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_is_given_up() {
        let body = Pieces { left: vec!["a"], ends: false };
        let error = collect(body, 10, Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(error.to_string(), "the body did not come within 5 s");
    }
}
