//! The commands about channels: subscribe, unsubscribe, publish, presence, history.

use std::sync::Arc;

use bytes::Bytes;
use planet_hub::{
    HistoryError, HistoryQuery, Message, NeedsFlush, Publication, PublishError, Subscribe, SubscribeError,
};

use super::recovery::{self, Outcome};
use super::{Answers, Grant, Refusal, Session, State};
use crate::access::{Access, Who, permits};
use crate::name;
use crate::protocol::json::compact;
use crate::protocol::push::{self, ClientInfo, Push};
use crate::protocol::reply::{
    HistoryResult, PresenceResult, PresenceStatsResult, PublishResult, UnsubscribeResult, error,
};
use crate::protocol::request::{
    HistoryRequest, PresenceRequest, PresenceStatsRequest, PublishRequest, SubscribeRequest, UnsubscribeRequest,
};
use crate::protocol::{ErrorCode, Unsubscribe};
use crate::rate::{Rate, since_start};

type Done = Result<(), Refusal>;

impl Session {
    pub(super) fn subscribe(
        &self,
        state: &mut State,
        id: u32,
        request: &SubscribeRequest<'_>,
        answers: &mut Answers,
    ) -> Done {
        let channel = &*request.channel;
        let grant = self.may_subscribe(state, channel, &request.token)?;
        let ttl = grant.as_ref().and_then(|grant| grant.expires_at).map(crate::seconds_until);
        let may_see_others = |state: &State| self.check_access(state, channel, |access| access.presence).is_ok();
        let join_leave = request.join_leave && may_see_others(state);
        let wish = Subscribe { recover: recovery::resume(&self.app.hub, channel, request), join_leave };
        let mut refused = false;
        let subscribed = self.connection.subscribe(channel, wish, |subscribed| {
            let outcome = Outcome::new(subscribed, request.offset);
            refused = outcome.is_gap() && request.rejects_unrecovered();
            if refused {
                let mut json = Vec::new();
                error(&mut json, id, ErrorCode::UNRECOVERABLE_POSITION);
                return self.wire.frame(&json);
            }
            let publishers = recovery::publishers(outcome.missed());
            let missed = recovery::lend(outcome.missed(), &publishers);
            self.frame_reply(id, &outcome.result(&missed, ttl))
        });
        answers.needs_flush |= subscribed.map_err(refuse_subscription)?;
        if refused {
            self.connection.unsubscribe(channel);
        } else if let Some(grant) = grant {
            state.grants.retain(|known| known.by_connection || *known.channel != *channel);
            state.grants.push(grant);
        }
        Ok(())
    }

    /// Whether the client may subscribe, and what the token grants that it brought for this.
    fn may_subscribe(&self, state: &State, channel: &str, token: &str) -> Result<Option<Grant>, Refusal> {
        self.check_channel_name(channel)?;
        if token.is_empty() {
            self.check_access(state, channel, |access| access.subscribe)?;
            return Ok(None);
        }
        let expires_at = self.verify_subscription(channel, token)?;
        if self.app.access.find(channel).0.subscribe == Who::Backend {
            return Err(ErrorCode::PERMISSION_DENIED.into());
        }
        Ok(Some(Grant { channel: channel.into(), expires_at, by_connection: false }))
    }

    pub(super) fn check_channel_name(&self, channel: &str) -> Done {
        name::channel(channel, self.app.settings.channel_name)
            .map_err(|wrong| Refusal::Explained(ErrorCode::BAD_REQUEST, wrong.to_string()))
    }

    /// Whether the client may do with a channel what `who` of its access rule is about.
    pub(super) fn check_access(&self, state: &State, channel: &str, who: impl Fn(&Access) -> Who) -> Done {
        self.check_channel_name(channel)?;
        let (access, matched) = self.app.access.find(channel);
        let caller = self.caller(state, channel);
        let is_somebody_elses = matched.user.is_some() && matched.user != caller.user && !caller.has_token;
        if self.app.open || (permits(who(access), &caller) && !is_somebody_elses) {
            Ok(())
        } else {
            Err(ErrorCode::PERMISSION_DENIED.into())
        }
    }

    /// Whether the client may see of a channel what `who` of its access rule is about: only one that may subscribe may see
    /// anything of it.
    fn check_may_read(&self, state: &State, channel: &str, who: impl Fn(&Access) -> Who) -> Done {
        if !self.connection.is_subscribed(channel) {
            self.check_access(state, channel, |access| access.subscribe)?;
        }
        self.check_access(state, channel, who)
    }

    pub(super) fn unsubscribe(
        &self,
        state: &mut State,
        id: u32,
        request: &UnsubscribeRequest<'_>,
        answers: &mut Answers,
    ) -> Done {
        self.connection.unsubscribe(&request.channel);
        // A grant of the connection's own token outlives the subscription.
        state.grants.retain(|grant| grant.by_connection || *grant.channel != *request.channel);
        self.answer(id, &UnsubscribeResult, answers);
        Ok(())
    }

    pub(super) fn publish(
        &self,
        state: &mut State,
        id: u32,
        request: &PublishRequest<'_>,
        answers: &mut Answers,
    ) -> Done {
        let settings = &self.app.settings;
        let rate = Rate::per_second(settings.publish_rate, settings.publish_burst);
        if !state.publications.allow(rate, since_start()) {
            return Err(ErrorCode::TOO_MANY_REQUESTS.into());
        }
        self.check_access(state, &request.channel, |access| access.publish)?;
        let Some(data) = request.data else {
            return Err(Refusal::Explained(ErrorCode::BAD_REQUEST, "publish needs data".to_owned()));
        };
        let limit = settings.message_bytes;
        if data.get().len() > limit {
            let text = format!("the message is longer than {limit} bytes");
            return Err(Refusal::Explained(ErrorCode::LIMIT_EXCEEDED, text));
        }
        let message = Message {
            data: Bytes::from(compact(data.get()).into_owned()),
            info: Some(self.connection.client_info()),
            idempotency_key: None,
        };
        match self.app.hub.publish(&request.channel, message) {
            Ok(_) => {
                self.answer(id, &PublishResult, answers);
                Ok(())
            }
            Err(PublishError::Stopped) => Err(ErrorCode::INTERNAL.into()),
            Err(error @ PublishError::TooManyChannels { .. }) => {
                Err(Refusal::Explained(ErrorCode::LIMIT_EXCEEDED, error.to_string()))
            }
        }
    }

    pub(super) fn presence(
        &self,
        state: &State,
        id: u32,
        request: &PresenceRequest<'_>,
        answers: &mut Answers,
    ) -> Done {
        self.check_may_read(state, &request.channel, |access| access.presence)?;
        let hub = &self.app.hub;
        let stats = hub.presence_stats(&request.channel).ok_or(ErrorCode::NOT_AVAILABLE)?;
        let limit = self.app.settings.presence_clients;
        if stats.clients > limit {
            let text = format!("the channel has more than {limit} connections; ask for presence stats instead");
            return Err(Refusal::Explained(ErrorCode::NOT_AVAILABLE, text));
        }
        let present = hub.presence(&request.channel).unwrap_or_default();
        if present.iter().map(size_of_info).sum::<usize>() > self.most_in_an_answer() {
            let text = "the answer would be too large; ask for presence stats instead".to_owned();
            return Err(Refusal::Explained(ErrorCode::NOT_AVAILABLE, text));
        }
        let ids: Vec<String> = present.iter().map(|info| info.client.to_string()).collect();
        let presence: Vec<(&str, ClientInfo<'_>)> = present
            .iter()
            .zip(&ids)
            .map(|(info, id)| {
                let user = info.user.as_deref().unwrap_or("");
                let conn_info = info.info.as_deref().map(crate::protocol::RawJson::trusted);
                (id.as_str(), ClientInfo { user, client: id, conn_info, chan_info: None })
            })
            .collect();
        self.answer(id, &PresenceResult { presence: &presence }, answers);
        Ok(())
    }

    pub(super) fn presence_stats(
        &self,
        state: &State,
        id: u32,
        request: &PresenceStatsRequest<'_>,
        answers: &mut Answers,
    ) -> Done {
        self.check_may_read(state, &request.channel, |access| access.presence)?;
        let stats = self.app.hub.presence_stats(&request.channel).ok_or(ErrorCode::NOT_AVAILABLE)?;
        let result = PresenceStatsResult { num_clients: stats.clients as u32, num_users: stats.users as u32 };
        self.answer(id, &result, answers);
        Ok(())
    }

    pub(super) fn history(&self, state: &State, id: u32, request: &HistoryRequest<'_>, answers: &mut Answers) -> Done {
        self.check_may_read(state, &request.channel, |access| access.history)?;
        let hub = &self.app.hub;
        let since = match &request.since {
            Some(since) => {
                Some(recovery::stream_position(hub, &request.channel, since).ok_or(ErrorCode::UNRECOVERABLE_POSITION)?)
            }
            None => None,
        };
        let limit = Some(request.page(self.app.settings.history_page));
        let found = hub.history(&request.channel, &HistoryQuery { since, limit, reverse: request.reverse });
        let mut history = found.map_err(|error| match error {
            HistoryError::Off => ErrorCode::NOT_AVAILABLE,
            HistoryError::Unrecoverable => ErrorCode::UNRECOVERABLE_POSITION,
        })?;
        let mut left = self.most_in_an_answer();
        let fits = |publication: &&Arc<Publication>| {
            let size = publication.data.len() + 64 + publication.info.as_ref().map_or(0, size_of_info);
            left.checked_sub(size).inspect(|rest| left = *rest).is_some()
        };
        // One at least, or a client that reads on from where it is would never come further.
        let count = history.publications.iter().take_while(fits).count().max(1);
        history.publications.truncate(count);
        let epoch = history.position.epoch.to_string();
        let publishers = recovery::publishers(&history.publications);
        let publications = recovery::lend(&history.publications, &publishers);
        let offset = history.position.offset;
        self.answer(id, &HistoryResult { publications: &publications, epoch: &epoch, offset }, answers);
        Ok(())
    }

    /// Bytes that an answer to a question about a channel may take: beside it there has to be room in the queue for what
    /// else there is to say.
    fn most_in_an_answer(&self) -> usize {
        self.app.hub.limits().outbound_bytes / 2
    }

    /// Ends subscriptions whose tokens were not renewed in time. The client subscribes again with a new one.
    pub(super) fn end_expired_subscriptions(&self, state: &mut State) -> NeedsFlush {
        let mut needs_flush = NeedsFlush::default();
        let last = crate::unix_seconds().saturating_sub(self.app.settings.refresh_grace.as_secs());
        state.grants.retain(|Grant { channel, expires_at, .. }| {
            if expires_at.is_none_or(|expires_at| expires_at >= last) {
                return true;
            }
            if self.connection.unsubscribe(channel) {
                let mut json = Vec::new();
                push::push(&mut json, channel, &Push::Unsubscribe(Unsubscribe::EXPIRED));
                needs_flush |= self.connection.send(self.wire.frame(&json));
            }
            false
        });
        needs_flush
    }
}

/// About how many bytes a connection takes in a list of them.
fn size_of_info(info: &planet_hub::ClientInfo) -> usize {
    128 + info.user.as_ref().map_or(0, |user| user.len()) + info.info.as_ref().map_or(0, Bytes::len)
}

pub(super) fn refuse_subscription(error: SubscribeError) -> Refusal {
    match error {
        SubscribeError::AlreadySubscribed => ErrorCode::ALREADY_SUBSCRIBED.into(),
        SubscribeError::TooManyChannels { .. } | SubscribeError::AppFull { .. } => {
            Refusal::Explained(ErrorCode::LIMIT_EXCEEDED, error.to_string())
        }
        SubscribeError::Ended => Refusal::End(crate::protocol::Disconnect::CONNECTION_CLOSED),
    }
}
