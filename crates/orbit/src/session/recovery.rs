//! Resuming, between the positions of the protocol and those of the hub.

use std::sync::Arc;

use planet_hub::{Epoch, HistoryQuery, Position, Publication, Recovery, Resume, Subscribed};

use crate::protocol::json::RawJson;
use crate::protocol::push;
use crate::protocol::reply::SubscribeResult;
use crate::protocol::request::{StreamPosition, SubscribeRequest};

/// What a client is told of a new subscription.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    recoverable: bool,
    epoch: String,
    offset: u64,
    publications: Vec<Arc<Publication>>,
    recovered: bool,
    was_recovering: bool,
}

impl Outcome {
    /// `asked_from` is the offset that the client asked to resume from.
    pub(super) fn new(subscribed: &Subscribed, asked_from: u64) -> Self {
        let Some(position) = subscribed.position else {
            // A client cannot resume here, and is not told of a gap each time it tries.
            return Self::default();
        };
        let outcome =
            Self { recoverable: true, epoch: position.epoch.to_string(), offset: position.offset, ..Self::default() };
        match &subscribed.recovery {
            Recovery::NotAsked => outcome,
            Recovery::Gap => Self { was_recovering: true, ..outcome },
            Recovery::Recovered(missed) => Self {
                was_recovering: true,
                recovered: true,
                offset: asked_from,
                publications: missed.clone(),
                ..outcome
            },
        }
    }

    /// Whether messages may be missing.
    pub(super) fn is_gap(&self) -> bool {
        self.was_recovering && !self.recovered
    }

    /// It in the form of the protocol, with `ttl`, the life of the subscription's token. `missed` is what
    /// [`lend`] makes of [`missed`](Self::missed).
    pub(super) fn result<'a>(&'a self, missed: &'a [push::Publication<'a>], ttl: Option<u32>) -> SubscribeResult<'a> {
        SubscribeResult {
            expires: ttl.is_some(),
            ttl: ttl.unwrap_or(0),
            recoverable: self.recoverable,
            epoch: &self.epoch,
            offset: self.offset,
            publications: missed,
            recovered: self.recovered,
            was_recovering: self.was_recovering,
            positioned: self.recoverable,
            data: None,
        }
    }

    /// The messages that were missed.
    pub(super) fn missed(&self) -> &[Arc<Publication>] {
        &self.publications
    }
}

/// The ids of those who published, for [`lend`].
pub(super) fn publishers(publications: &[Arc<Publication>]) -> Vec<Option<String>> {
    publications.iter().map(|publication| publication.info.as_ref().map(|info| info.client.to_string())).collect()
}

/// Publications of the hub in the form of the protocol.
pub(super) fn lend<'a>(
    publications: &'a [Arc<Publication>],
    publishers: &'a [Option<String>],
) -> Vec<push::Publication<'a>> {
    publications
        .iter()
        .zip(publishers)
        .map(|(publication, client)| push::Publication {
            data: RawJson::trusted(&publication.data),
            info: publication.info.as_ref().map(|info| push::ClientInfo {
                user: info.user.as_deref().unwrap_or(""),
                client: client.as_deref().unwrap_or(""),
                conn_info: info.info.as_deref().map(RawJson::trusted),
                chan_info: None,
            }),
            offset: (publication.offset > 0).then_some(publication.offset),
            tags: &[],
        })
        .collect()
}

/// Where a client wants to resume, if it does.
pub(super) fn resume(app: &planet_hub::App, channel: &str, request: &SubscribeRequest<'_>) -> Option<Resume> {
    request.recover.then(|| match position(app, channel, &request.epoch, request.offset) {
        Some(position) => Resume::After(position),
        None => Resume::Unknown,
    })
}

/// A position of the protocol; `None` when its epoch is none of this server's.
pub(super) fn stream_position(app: &planet_hub::App, channel: &str, since: &StreamPosition<'_>) -> Option<Position> {
    position(app, channel, &since.epoch, since.offset)
}

/// An empty epoch stands for the present one.
fn position(app: &planet_hub::App, channel: &str, epoch: &str, offset: u64) -> Option<Position> {
    let epoch = if epoch.is_empty() {
        let nothing = HistoryQuery { limit: Some(0), ..HistoryQuery::default() };
        app.history(channel, &nothing).ok()?.position.epoch
    } else {
        Epoch::parse(epoch)?
    };
    Some(Position { epoch, offset })
}
