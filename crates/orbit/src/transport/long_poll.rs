//! `/connection/long_poll`: for networks that let nothing through but short requests.
//!
//! A poll says how many frames of the session the client has, its *cursor*, and is answered with those that follow, at
//! once or when there are some. Frames stay here until a cursor has passed them, so an answer that is lost on the way
//! is given again, and a client that advances its cursor gets nothing twice.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use planet_hub::Batch;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Notify;

use super::Transport;
use super::emulation::{commands, open_session};
use super::routes::{Client, refuse};
use crate::format::Wire;
use crate::orbit::{Orbit, give_back};
use crate::session::Session;

/// Long-polling sessions between and during their polls, by their keys.
#[derive(Default)]
pub(crate) struct LongPolls(Mutex<HashMap<Box<str>, Arc<LongPoll>>>);

struct LongPoll {
    session: Arc<Session>,
    state: Mutex<Progress>,
    /// A newer poll has come: the one that waits is to give way.
    newer: Notify,
}

#[derive(Default)]
struct Progress {
    /// Polls so far; the last one is the one that counts.
    polls: u64,
    /// Frames that the client has.
    acknowledged: u64,
    /// Those it may not have yet.
    kept: VecDeque<Bytes>,
    kept_bytes: usize,
    /// What was taken from the queue last.
    taken: Batch,
    ended: bool,
}

#[derive(Deserialize)]
struct PollRequest<'a> {
    session: String,
    cursor: u64,
    #[serde(borrow, default)]
    commands: Vec<&'a RawValue>,
}

/// What a poll comes to.
enum Outcome {
    /// All frames that follow its cursor.
    Frames(Vec<Bytes>),
    Superseded,
    Ended,
}

pub(super) async fn open_or_poll(
    State(orbit): State<Arc<Orbit>>,
    Extension(client): Extension<Client>,
    body: Body,
) -> Response {
    let body = match commands(&client.app, body).await {
        Ok(body) => body,
        Err(refused) => return refused.into_response(),
    };
    match serde_json::from_slice::<PollRequest<'_>>(&body) {
        Ok(request) => poll(&orbit, &client, &request).await,
        Err(_) => open(&orbit, &client, &body).await,
    }
}

async fn open(orbit: &Arc<Orbit>, client: &Client, connect: &[u8]) -> Response {
    if orbit.shutdown().has_begun() {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down; connect again in a moment");
    }
    let session = match open_session(orbit, client, Wire::Lines, Transport::LongPoll) {
        Ok(session) => session,
        Err(refused) => return refused.into_response(),
    };
    let Some(key) = session.key().map(str::to_owned) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    session.receive(connect);
    let long_poll = Arc::new(LongPoll { session, state: Mutex::default(), newer: Notify::new() });
    // The answer to the connect command is in the queue already, and so this does not wait.
    let Outcome::Frames(frames) = long_poll.wait(0, Duration::ZERO).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let refused = long_poll.session.connection().outbound().closed().is_some();
    if !refused {
        orbit.long_polls().lock().insert(key.as_str().into(), long_poll);
    }
    answer(0, &frames, Some(&key))
}

async fn poll(orbit: &Orbit, client: &Client, request: &PollRequest<'_>) -> Response {
    let gone = || refuse(StatusCode::NOT_FOUND, "no such session on this server: it has ended; connect again");
    let found = orbit.long_polls().lock().get(request.session.as_str()).cloned();
    let Some(long_poll) = found.filter(|found| client.is_of_app(&found.session)) else { return gone() };
    let number = match long_poll.begin(request.cursor) {
        Ok(number) => number,
        Err(have) => {
            let text = format!("the cursor is {}, and {have} frames were sent; connect again", request.cursor);
            return refuse(StatusCode::BAD_REQUEST, text);
        }
    };
    long_poll.session.heard();
    if !request.commands.is_empty() {
        let lines: Vec<String> =
            request.commands.iter().map(|command| crate::protocol::json::compact(command.get()).into_owned()).collect();
        long_poll.session.receive(lines.join("\n").as_bytes());
    }
    match long_poll.wait(number, client.app.settings.poll_wait).await {
        Outcome::Frames(frames) => answer(request.cursor, &frames, None),
        Outcome::Superseded => answer(request.cursor, &[], None),
        Outcome::Ended => {
            orbit.long_polls().remove(&long_poll.session);
            gone()
        }
    }
}

impl LongPolls {
    /// Lets a session go that nobody polls any more.
    pub(crate) fn remove(&self, session: &Session) {
        if let Some(key) = session.key() {
            let removed = {
                let mut open = self.lock();
                let removed = open.remove(key);
                give_back(&mut open);
                removed
            };
            // Dropping a session takes other locks.
            drop(removed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<LongPoll>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LongPoll {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A poll begins: forgets the frames that the client has by now. Fails with the number of frames sent when the
    /// client claims to have more than that, or to want some again that it had.
    fn begin(&self, cursor: u64) -> Result<u64, u64> {
        let mut state = self.lock();
        let sent = state.acknowledged + state.kept.len() as u64;
        let Some(newly) = cursor.checked_sub(state.acknowledged).filter(|newly| *newly <= state.kept.len() as u64)
        else {
            return Err(sent);
        };
        let bytes: usize = state.kept.drain(..newly as usize).map(|frame| frame.len()).sum();
        state.kept_bytes -= bytes;
        state.acknowledged = cursor;
        state.polls += 1;
        self.newer.notify_waiters();
        Ok(state.polls)
    }

    /// Waits until there are frames for poll `number`, but not for longer than `patience`.
    async fn wait(&self, number: u64, patience: Duration) -> Outcome {
        let newer = self.newer.notified();
        let frames = poll_fn(|context| self.poll_frames(number, context));
        tokio::select! {
            biased;
            outcome = frames => outcome,
            () = newer => Outcome::Superseded,
            () = tokio::time::sleep(patience) => Outcome::Frames(Vec::new()),
        }
    }

    fn poll_frames(&self, number: u64, context: &mut Context<'_>) -> Poll<Outcome> {
        let mut state = self.lock();
        if state.polls != number {
            return Poll::Ready(Outcome::Superseded);
        }
        let has_room = state.kept_bytes < self.session.app().settings.poll_unacknowledged_bytes;
        if has_room && !state.ended {
            let last = std::mem::take(&mut state.taken);
            match self.session.connection().poll_take(last, context) {
                Poll::Ready(Some(batch)) => {
                    state.kept.extend(batch.frames().filter(|frame| !frame.is_empty()).cloned());
                    state.kept_bytes += batch.size();
                    state.taken = batch;
                }
                Poll::Ready(None) => state.ended = true,
                Poll::Pending => {}
            }
        }
        match (state.kept.is_empty(), state.ended) {
            (false, _) => Poll::Ready(Outcome::Frames(state.kept.iter().cloned().collect())),
            (true, true) => Poll::Ready(Outcome::Ended),
            (true, false) => Poll::Pending,
        }
    }
}

fn answer(cursor: u64, frames: &[Bytes], key: Option<&str>) -> Response {
    let mut json = Vec::with_capacity(64 + frames.iter().map(Bytes::len).sum::<usize>());
    json.push(b'{');
    if let Some(key) = key {
        json.extend_from_slice(format!("\"session\":\"{key}\",").as_bytes());
    }
    json.extend_from_slice(format!("\"cursor\":{},\"frames\":[", cursor + frames.len() as u64).as_bytes());
    for (at, frame) in frames.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        json.extend_from_slice(frame.trim_ascii_end());
    }
    json.extend_from_slice(b"]}");
    ([(CONTENT_TYPE, "application/json; charset=utf-8"), (CACHE_CONTROL, "no-store")], json).into_response()
}
