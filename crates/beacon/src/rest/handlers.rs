//! One function for each thing a back end may ask.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use planet_hub::Message;
use serde_json::{Value, json};

use super::Rest;
use super::body::read_message;
use super::error::Error;
use super::extract::{ChannelName, CurrentApp, IdempotencyKey, UserName};

pub(super) async fn publish(
    State(rest): State<Rest>,
    CurrentApp(app): CurrentApp,
    ChannelName(channel): ChannelName,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    request: Request,
) -> Result<Json<Value>, Error> {
    app.quota.take()?;
    let data = read_message(request, &app, &rest.settings).await?;
    let published = app.hub().publish(&channel, Message { data, info: None, idempotency_key })?;
    Ok(messages_sent(published.sent))
}

pub(super) async fn send_to_user(
    State(rest): State<Rest>,
    CurrentApp(app): CurrentApp,
    UserName(user): UserName,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    request: Request,
) -> Result<Json<Value>, Error> {
    app.quota.take()?;
    let data = read_message(request, &app, &rest.settings).await?;
    let send = || app.hub().tell_user(&user, &data);
    let sent = match idempotency_key {
        Some(key) => app.repeats.once(&user, &key, send),
        None => send(),
    };
    Ok(messages_sent(sent))
}

pub(super) async fn users_of_channel(CurrentApp(app): CurrentApp, ChannelName(channel): ChannelName) -> Json<Value> {
    let users = app.hub().users_in(&channel);
    Json(json!({ "users": users.iter().map(|user| &**user).collect::<Vec<&str>>() }))
}

pub(super) async fn count_users(CurrentApp(app): CurrentApp) -> Json<Value> {
    Json(json!({ "online": app.hub().users_online() }))
}

pub(super) async fn is_online(CurrentApp(app): CurrentApp, UserName(user): UserName) -> (StatusCode, Json<Value>) {
    let online = app.hub().is_online(&user);
    let status = if online { StatusCode::OK } else { StatusCode::NOT_FOUND };
    (status, Json(json!({ "online": online })))
}

pub(super) async fn log_out(CurrentApp(app): CurrentApp, UserName(user): UserName) -> StatusCode {
    app.log_out(&user);
    StatusCode::NO_CONTENT
}

/// What is left of a path when a client has not encoded the `#` in front of a channel's name.
pub(super) async fn no_channel() -> Error {
    Error::NoChannel
}

pub(super) async fn wrong_method() -> Response {
    Error::WrongMethod.into_response()
}

fn messages_sent(count: usize) -> Json<Value> {
    Json(json!({ "messages_sent": count }))
}
