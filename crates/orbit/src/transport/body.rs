//! A response body that is a connection's outbound queue.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http_body::Frame;
use planet_hub::Batch;

use crate::session::Session;

/// Tells nginx and its like not to hold back what is meant to arrive now.
const NO_BUFFERING: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// A response that goes on for as long as the session does. Dropped with the request, which ends the session.
pub(super) fn streaming(session: Arc<Session>, content_type: &str, rewrite: Option<Rewrite>) -> Response {
    let headers = [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-cache, no-transform"), NO_BUFFERING];
    let body = QueueBody { session, written: Batch::default(), rewrite };
    (headers, Body::new(body)).into_response()
}

/// Changes each frame for this one connection.
pub(super) type Rewrite = Box<dyn FnMut(&Bytes, &mut BytesMut) + Send>;

struct QueueBody {
    session: Arc<Session>,
    /// The batch that hyper took last. It asks for more once that is on its way.
    written: Batch,
    rewrite: Option<Rewrite>,
}

impl QueueBody {
    /// The frames of a batch as one piece, so that they leave in one chunk.
    fn join(batch: &Batch, rewrite: &mut Option<Rewrite>) -> Bytes {
        let mut frames = batch.frames();
        if let (None, 1, Some(only)) = (&rewrite, frames.len(), frames.next()) {
            return only.clone();
        }
        let mut together = BytesMut::with_capacity(batch.size());
        for frame in batch.frames() {
            match rewrite {
                Some(rewrite) => rewrite(frame, &mut together),
                None => together.extend_from_slice(frame),
            }
        }
        together.freeze()
    }
}

impl http_body::Body for QueueBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        loop {
            let written = std::mem::take(&mut this.written);
            let Some(batch) = std::task::ready!(this.session.connection().poll_take(written, context)) else {
                return Poll::Ready(None);
            };
            let data = Self::join(&batch, &mut this.rewrite);
            this.written = batch;
            // An empty chunk would end a chunked body.
            if !data.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
        }
    }
}
