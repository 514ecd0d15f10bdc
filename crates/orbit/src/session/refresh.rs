//! New tokens for old, with the connection kept.

use super::connect::refuse_token;
use super::{Answers, Refusal, Session, State};
use crate::protocol::reply::{RefreshResult, SubRefreshResult};
use crate::protocol::request::{RefreshRequest, SubRefreshRequest};
use crate::protocol::{Disconnect, ErrorCode};

impl Session {
    pub(super) fn refresh(
        &self,
        state: &mut State,
        id: u32,
        request: &RefreshRequest<'_>,
        answers: &mut Answers,
    ) -> Result<(), Refusal> {
        let user = self.connection.user().map(|user| &**user);
        let verified = self.app.verifier.connection(&request.token, user, crate::unix_seconds());
        let identity = verified.map_err(refuse_token)?;
        if identity.user.as_deref() != user {
            return Err(Refusal::End(Disconnect::INVALID_TOKEN));
        }
        state.expires_at = identity.expires_at;
        let client = self.connection.id().to_string();
        let result = RefreshResult {
            client: &client,
            version: crate::VERSION,
            expires: identity.expires_at.is_some(),
            ttl: identity.expires_at.map_or(0, crate::seconds_until),
        };
        self.answer(id, &result, answers);
        Ok(())
    }

    pub(super) fn refresh_subscription(
        &self,
        state: &mut State,
        id: u32,
        request: &SubRefreshRequest<'_>,
        answers: &mut Answers,
    ) -> Result<(), Refusal> {
        let expires_at = self.verify_subscription(&request.channel, &request.token)?;
        let grant = state.grants.iter_mut().find(|grant| *grant.channel == *request.channel);
        let Some(grant) = grant.filter(|_| self.connection.is_subscribed(&request.channel)) else {
            let text = "no subscription with a token to refresh in this channel".to_owned();
            return Err(Refusal::Explained(ErrorCode::BAD_REQUEST, text));
        };
        grant.expires_at = expires_at;
        let result =
            SubRefreshResult { expires: expires_at.is_some(), ttl: expires_at.map_or(0, crate::seconds_until) };
        self.answer(id, &result, answers);
        Ok(())
    }

    /// When the token expires that this connection shows for a channel.
    pub(super) fn verify_subscription(&self, channel: &str, token: &str) -> Result<Option<u64>, Refusal> {
        let user = self.connection.user().map(|user| &**user);
        let verified = self.app.verifier.subscription(token, channel, user, crate::unix_seconds());
        verified
            .map(|grant| grant.expires_at)
            .map_err(|error| Refusal::Explained(error.error_code(), error.to_string()))
    }
}
