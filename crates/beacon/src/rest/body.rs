//! Reading a message out of a request.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::EXPECT;
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;
use planet_net::{BodyError, collect};
use planet_orbit::SessionSettings;
use planet_orbit::protocol::json;

use super::RestSettings;
use super::error::Error;

/// What a command of a client puts around a message, which counts as depth there: the same messages pass here.
const COMMAND_DEPTH: usize = 2;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The request's body as one JSON value on one line.
pub(super) async fn read_message(
    request: Request,
    limits: &SessionSettings,
    settings: &RestSettings,
) -> Result<Bytes, Error> {
    let waits_for_go_ahead = request.headers().contains_key(EXPECT);
    let mut body = request.into_body();
    let bytes = match collect(&mut body, limits.message_bytes, settings.body_timeout).await {
        Ok(bytes) => bytes,
        Err(error) => {
            if matches!(error, BodyError::TooLarge { .. }) && !waits_for_go_ahead {
                throw_away(body, settings).await;
            }
            return Err(error.into());
        }
    };
    // Libraries that write text files put this in front of JSON too (RFC 8259, section 8.1).
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    let message = json::payload(bytes, limits.frame.depth.saturating_sub(COMMAND_DEPTH))?;
    // Copied, since the bytes are part of a larger buffer, and a message may be kept for long.
    Ok(Bytes::copy_from_slice(message.as_bytes()))
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
