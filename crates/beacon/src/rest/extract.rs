//! Parts of a request that handlers ask for.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use planet_orbit::name;

use super::error::Error;
use crate::apps::App;

/// The most characters of an idempotency key.
const IDEMPOTENCY_KEY_LENGTH: usize = 255;

/// The app that the request was let in to.
pub(super) struct CurrentApp(pub(super) Arc<App>);

/// A channel's name, out of the path.
pub(super) struct ChannelName(pub(super) String);

/// A user's name, out of the path.
pub(super) struct UserName(pub(super) String);

/// The key of a request that may be repeated.
pub(super) struct IdempotencyKey(pub(super) Option<Box<str>>);

/// A part of the path, its `%XX` decoded.
pub(super) fn param<'a>(params: &'a RawPathParams, name: &str) -> Option<&'a str> {
    params.iter().find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn current_app(parts: &Parts) -> Result<&Arc<App>, Error> {
    parts.extensions.get().ok_or(Error::UnknownApp)
}

async fn name_in_path(parts: &mut Parts, kind: &str) -> Result<String, Error> {
    let params = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| Error::NameNotUtf8)?;
    param(&params, kind).map(str::to_owned).ok_or(Error::NoSuchPath)
}

impl<S: Sync> FromRequestParts<S> for CurrentApp {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        current_app(parts).cloned().map(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for ChannelName {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let channel = name_in_path(parts, "channel").await?;
        name::channel(&channel, current_app(parts)?.sessions().channel_name)?;
        Ok(Self(channel))
    }
}

impl<S: Sync> FromRequestParts<S> for UserName {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let user = name_in_path(parts, "user").await?;
        name::user(&user, current_app(parts)?.sessions().user_name)?;
        Ok(Self(user))
    }
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        idempotency_key(&parts.headers).map(Self).ok_or(Error::IdempotencyKey { limit: IDEMPOTENCY_KEY_LENGTH })
    }
}

/// `None` for a header that cannot be used.
fn idempotency_key(headers: &HeaderMap) -> Option<Option<Box<str>>> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Some(None) };
    let text = value.to_str().ok().filter(|_| values.next().is_none())?;
    let fits = (1..=IDEMPOTENCY_KEY_LENGTH).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| Some(text.into()))
}
