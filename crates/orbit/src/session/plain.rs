//! Sessions that speak no protocol: an `EventSource` says all it wants in its request.

use bytes::Bytes;
use http::StatusCode;
use planet_hub::{Event, Format, Gap, Position, Recovery, Resume, Subscribe, Subscribed};

use super::{Grant, Refusal, Session};
use crate::format::Wire;
use crate::protocol::{Disconnect, ErrorCode};

impl Session {
    /// Connects and subscribes at once. `seen` says for a channel whether the client resumes, and from where, if it told.
    ///
    /// # Errors
    /// The status to answer with, and why. The session is of no use then.
    pub(crate) fn subscribe_plainly(
        &self,
        token: &str,
        user: Option<&str>,
        channels: &[String],
        seen: impl Fn(&str) -> Option<Option<Position>>,
    ) -> Result<(), (StatusCode, String)> {
        let mut state = self.lock();
        let identity = self.identify(token, user).map_err(status)?;
        self.admit(&mut state, &identity).map_err(status)?;
        state.grants.extend(identity.channels.iter().map(|channel| Grant {
            channel: channel.as_str().into(),
            expires_at: None,
            by_connection: true,
        }));
        let mut needs_flush = planet_hub::NeedsFlush::default();
        for channel in channels {
            self.check_access(&state, channel, |access| access.subscribe).map_err(status)?;
            let recover = seen(channel).map(|position| position.map_or(Resume::Unknown, Resume::After));
            let wish = Subscribe { recover, join_leave: false };
            let welcome = |subscribed: &Subscribed| welcome(channel, subscribed);
            let subscribed = self.connection.subscribe(channel, wish, welcome);
            needs_flush |= subscribed.map_err(super::channels::refuse_subscription).map_err(status)?;
        }
        drop(state);
        self.connection.flush(needs_flush);
        Ok(())
    }
}

/// What a subscriber is sent first: what it missed, or that it missed something, and where it stands.
fn welcome(channel: &str, subscribed: &Subscribed) -> Bytes {
    let Some(position) = subscribed.position else { return Bytes::new() };
    let here = format!("id: {}:{}:{channel}\n\n", position.epoch, position.offset);
    match &subscribed.recovery {
        Recovery::NotAsked => here.into(),
        Recovery::Gap => {
            let gap = Gap { dropped: 0, first: 0, last: 0 };
            [&Wire::PlainEvents.encode(&Event::Gap { channel, gap })[..], here.as_bytes()].concat().into()
        }
        Recovery::Recovered(missed) => {
            let events = missed.iter().map(|publication| {
                let position = Some(position);
                Wire::PlainEvents.encode(&Event::Publication { channel, publication, position })
            });
            events.collect::<Vec<_>>().concat().into()
        }
    }
}

fn status(refusal: Refusal) -> (StatusCode, String) {
    match refusal {
        Refusal::Error(code) => (status_of(code), code.to_string()),
        Refusal::Explained(code, text) => (status_of(code), text),
        Refusal::End(why @ (Disconnect::CONNECTION_LIMIT | Disconnect::CHANNEL_LIMIT)) => {
            (StatusCode::TOO_MANY_REQUESTS, why.to_string())
        }
        Refusal::End(why) => (StatusCode::UNAUTHORIZED, why.to_string()),
    }
}

fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::UNAUTHORIZED | ErrorCode::TOKEN_EXPIRED | ErrorCode::EXPIRED => StatusCode::UNAUTHORIZED,
        ErrorCode::PERMISSION_DENIED => StatusCode::FORBIDDEN,
        ErrorCode::LIMIT_EXCEEDED | ErrorCode::TOO_MANY_REQUESTS => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::BAD_REQUEST,
    }
}
