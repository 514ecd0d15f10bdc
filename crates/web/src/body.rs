//! The body that every service of this crate answers with.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};

/// Why a body ended before its end.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer: it streams, and may come from anywhere. Its default is empty.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A body that is there already.
///
/// ```
/// use http_body::Body as _;
///
/// let body = planet_web::body::full("hello");
/// assert_eq!(body.size_hint().exact(), Some(5));
/// ```
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Any other body, as one of ours.
pub fn boxed<B>(body: B) -> Body
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    // Boxing nothing would cost an allocation for each answer without a body.
    if body.is_end_stream() { Body::default() } else { body.map_err(Into::into).boxed_unsync() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::Body as _;

    #[tokio::test]
    async fn bodies_keep_what_they_carry() {
        let boxed = boxed(Full::new(Bytes::from("hello")));
        assert_eq!(boxed.size_hint().exact(), Some(5));
        assert_eq!(boxed.collect().await.expect("it does not fail").to_bytes(), "hello");
    }

    #[test]
    fn an_empty_body_is_the_default_one() {
        assert!(boxed(Full::new(Bytes::new())).is_end_stream());
        assert!(Body::default().is_end_stream());
    }
}
