//! Reading a message out of a request.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::EXPECT;
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;
use planet_net::{BodyError, collect};

use super::RestSettings;
use super::error::Error;
use crate::apps::App;

/// The request's body as one JSON value on one line.
pub(super) async fn read_message(request: Request, app: &App, settings: &RestSettings) -> Result<Bytes, Error> {
    let waits_for_go_ahead = request.headers().contains_key(EXPECT);
    let mut body = request.into_body();
    let bytes = match collect(&mut body, app.sessions().message_bytes, settings.body_timeout).await {
        Ok(bytes) => bytes,
        Err(error) => {
            if matches!(error, BodyError::TooLarge { .. }) && !waits_for_go_ahead {
                throw_away(body, settings).await;
            }
            return Err(error.into());
        }
    };
    Ok(app.message(&bytes)?)
}

async fn throw_away(mut body: Body, settings: &RestSettings) {
    let mut left = settings.thrown_away_bytes;
    let reading = async {
        while body.size_hint().lower() <= left {
            let Some(Ok(frame)) = body.frame().await else { return };
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len) as u64);
            if left == 0 {
                return;
            }
        }
    };
    // However it ends, the answer is the same.
    let _ = tokio::time::timeout(settings.body_timeout, reading).await;
}
