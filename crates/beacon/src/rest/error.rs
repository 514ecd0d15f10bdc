//! Why a request is refused, and how that is told.

use std::time::Duration;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use planet_hub::PublishError;
use planet_net::BodyError;
use planet_orbit::name::NameError;
use planet_orbit::protocol::JsonError;
use serde_json::json;

use crate::quota::OverQuota;

/// A refusal. Nothing was published.
#[derive(Debug)]
pub(super) enum Error {
    UnknownApp,
    NoSuchPath,
    WrongMethod,
    WrongSecret,
    WrongOrigin,
    NoChannel,
    NameNotUtf8,
    Name(NameError),
    IdempotencyKey { limit: usize },
    NotJson(JsonError),
    TooLarge { limit: usize },
    TooSlow { limit: Duration },
    BodyLost,
    OverQuota { retry_after: Duration },
    NotPublished(PublishError),
}

impl Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::UnknownApp | Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::WrongSecret => StatusCode::UNAUTHORIZED,
            Self::WrongOrigin => StatusCode::FORBIDDEN,
            Self::NoChannel
            | Self::NameNotUtf8
            | Self::Name(_)
            | Self::IdempotencyKey { .. }
            | Self::NotJson(_)
            | Self::BodyLost => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::OverQuota { .. } | Self::NotPublished(PublishError::TooManyChannels { .. }) => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::NotPublished(PublishError::Stopped) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::UnknownApp => "there is no app with this API key".into(),
            Self::NoSuchPath => {
                "there is nothing here; the paths are /channels/{channel}, /users and /users/{user}".into()
            }
            Self::WrongMethod => "this path does not take this method; see the Allow header".into(),
            Self::WrongSecret => "send the app's secret key in the header X-Beacon-Secret-Key".into(),
            Self::WrongOrigin => "pages of this origin may not use the app; add it to the app's origins".into(),
            Self::NoChannel => "the channel name is missing; a # in a name is written %23 in a URL".into(),
            Self::NameNotUtf8 => "the name is not UTF-8 once its %XX are decoded".into(),
            Self::Name(error) => error.to_string(),
            Self::IdempotencyKey { limit } => format!("an Idempotency-Key has 1 to {limit} visible ASCII characters"),
            Self::NotJson(error) => format!("the body is {error}"),
            Self::TooLarge { limit } => format!("the body is longer than {limit} bytes"),
            Self::TooSlow { limit } => format!("the body did not come within {} s", limit.as_secs_f32()),
            Self::BodyLost => "the body broke off".into(),
            Self::OverQuota { .. } => "the app publishes more often than its quota allows; try again later".into(),
            Self::NotPublished(error) => error.to_string(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(json!({ "error": self.text() }))).into_response();
        let headers = response.headers_mut();
        match self {
            // RFC 9110, section 15.5.2, has a 401 name a scheme. No registered one fits, and with one of those that
            // browsers know they would ask the visitor for a password.
            Self::WrongSecret => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("X-Beacon-Secret-Key"));
            }
            Self::OverQuota { retry_after } => {
                let seconds = retry_after.as_secs() + 1;
                headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            _ => {}
        }
        response
    }
}

impl From<NameError> for Error {
    fn from(error: NameError) -> Self {
        Self::Name(error)
    }
}

impl From<JsonError> for Error {
    fn from(error: JsonError) -> Self {
        Self::NotJson(error)
    }
}

impl From<OverQuota> for Error {
    fn from(OverQuota { retry_after }: OverQuota) -> Self {
        Self::OverQuota { retry_after }
    }
}

impl From<PublishError> for Error {
    fn from(error: PublishError) -> Self {
        Self::NotPublished(error)
    }
}

impl<E> From<BodyError<E>> for Error {
    fn from(error: BodyError<E>) -> Self {
        match error {
            BodyError::TooLarge { limit } => Self::TooLarge { limit },
            BodyError::TooSlow { limit } => Self::TooSlow { limit },
            BodyError::Read(_) => Self::BodyLost,
        }
    }
}
