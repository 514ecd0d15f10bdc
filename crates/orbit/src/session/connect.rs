//! The connect command: who the client is, and the subscriptions that its token makes.

use serde::Deserialize;

use planet_hub::{Subscribe, Subscribed};

use super::recovery::{self, Outcome};
use super::{Answers, Grant, Refusal, Session, State};
use crate::name;
use crate::protocol::reply::{ConnectResult, SubscribeResult};
use crate::protocol::request::ConnectRequest;
use crate::protocol::{Disconnect, ErrorCode};
use crate::token::{Identity, TokenError};

/// What of a connect command's data this server understands.
#[derive(Default, Deserialize)]
struct Claims {
    #[serde(default)]
    user: Option<String>,
}

impl Session {
    pub(super) fn connect(
        &self,
        state: &mut State,
        id: u32,
        request: &ConnectRequest<'_>,
        answers: &mut Answers,
    ) -> Result<(), Refusal> {
        if state.connected {
            return Err(Refusal::Explained(ErrorCode::BAD_REQUEST, "already connected".to_owned()));
        }
        let identity = self.authenticate(request)?;
        for channel in &identity.channels {
            self.check_channel_name(channel)?;
        }
        // The answer tells of all subscriptions at once, and has to stand before the first message of any of them and
        // before the first one to the user.
        self.connection.hold();
        let made = self.admit(state, &identity).and_then(|()| self.subscribe_server_side(state, &identity, request));
        let frame =
            made.as_deref().map_or_else(|_| bytes::Bytes::new(), |made| self.frame_connected(id, &identity, made));
        answers.needs_flush |= self.connection.release(frame);
        made.map(|_| ())
    }

    fn frame_connected(&self, id: u32, identity: &Identity, made: &[(&str, Outcome)]) -> bytes::Bytes {
        let publishers: Vec<_> = made.iter().map(|(_, outcome)| recovery::publishers(outcome.missed())).collect();
        let missed: Vec<_> = made
            .iter()
            .zip(&publishers)
            .map(|((_, outcome), publishers)| recovery::lend(outcome.missed(), publishers))
            .collect();
        let subs: Vec<(&str, SubscribeResult<'_>)> = made
            .iter()
            .zip(&missed)
            .map(|((channel, outcome), missed)| (*channel, outcome.result(missed, None)))
            .collect();
        self.with_connect_result(identity, &subs, |result| self.frame_reply(id, &result))
    }

    /// Lets in a client that is known by now.
    pub(super) fn admit(&self, state: &mut State, identity: &Identity) -> Result<(), Refusal> {
        let info = identity.info.as_deref().map(bytes::Bytes::copy_from_slice);
        self.connection
            .identify(identity.user.as_deref(), info)
            .map_err(|_too_many| Refusal::End(Disconnect::CONNECTION_LIMIT))?;
        state.connected = true;
        state.expires_at = identity.expires_at;
        Ok(())
    }

    fn authenticate(&self, request: &ConnectRequest<'_>) -> Result<Identity, Refusal> {
        // Data that is no object, or has something else for a user, is the page's own business.
        let claims: Claims = request.data.and_then(|data| serde_json::from_str(data.get()).ok()).unwrap_or_default();
        self.identify(&request.token, claims.user.as_deref())
    }

    /// Who brings this token, or claims to be this user.
    pub(super) fn identify(&self, token: &str, claimed: Option<&str>) -> Result<Identity, Refusal> {
        if !token.is_empty() {
            let verified = self.app.verifier.connection(token, claimed, crate::unix_seconds());
            let identity = verified.map_err(refuse_token)?;
            if let Some(user) = &identity.user {
                self.check_user_name(user)?;
            }
            return Ok(identity);
        }
        let Some(user) = claimed else { return Ok(Identity::default()) };
        self.check_user_name(user)?;
        if !self.app.open {
            let text = "a user's name needs a token that proves it".to_owned();
            return Err(Refusal::Explained(ErrorCode::UNAUTHORIZED, text));
        }
        Ok(Identity { user: Some(user.to_owned()), ..Identity::default() })
    }

    fn check_user_name(&self, user: &str) -> Result<(), Refusal> {
        name::user(user, self.app.settings.user_name)
            .map_err(|wrong| Refusal::Explained(ErrorCode::BAD_REQUEST, wrong.to_string()))
    }

    fn subscribe_server_side<'i>(
        &self,
        state: &mut State,
        identity: &'i Identity,
        request: &ConnectRequest<'_>,
    ) -> Result<Vec<(&'i str, Outcome)>, Refusal> {
        let mut made = Vec::with_capacity(identity.channels.len());
        for channel in &identity.channels {
            state.grants.push(Grant { channel: channel.as_str().into(), expires_at: None, by_connection: true });
            let join_leave = self.check_access(state, channel, |access| access.presence).is_ok();
            let known = request.subs.iter().find(|(name, _)| name == channel).map(|(_, position)| position);
            let recover = known.and_then(|position| recovery::resume(&self.app.hub, channel, position));
            let mut outcome = Outcome::default();
            let quietly = |subscribed: &Subscribed| {
                outcome = Outcome::new(subscribed, known.map_or(0, |position| position.offset));
                bytes::Bytes::new()
            };
            let wish = Subscribe { recover, join_leave };
            match self.connection.subscribe(channel, wish, quietly) {
                // Nothing was queued, so there is nothing to flush.
                Ok(_) => {}
                Err(planet_hub::SubscribeError::AlreadySubscribed) => continue,
                Err(_) => return Err(Refusal::End(Disconnect::CHANNEL_LIMIT)),
            }
            made.push((channel.as_str(), outcome));
        }
        Ok(made)
    }

    fn with_connect_result<R>(
        &self,
        identity: &Identity,
        subs: &[(&str, SubscribeResult<'_>)],
        then: impl FnOnce(ConnectResult<'_>) -> R,
    ) -> R {
        let client = self.connection.id().to_string();
        then(ConnectResult {
            client: &client,
            version: crate::VERSION,
            expires: identity.expires_at.is_some(),
            ttl: identity.expires_at.map_or(0, crate::seconds_until),
            data: None,
            subs,
            // 0 would tell the client that there are none.
            ping: (self.app.settings.ping_interval.as_secs() as u32).max(1),
            pong: self.transport.asks_for_pongs(),
            session: self.key.as_deref().unwrap_or(""),
            node: if self.key.is_some() { self.orbit.node() } else { "" },
        })
    }
}

pub(super) fn refuse_token(error: TokenError) -> Refusal {
    match error.disconnect() {
        Some(why) => Refusal::End(why),
        None => Refusal::Error(error.error_code()),
    }
}
