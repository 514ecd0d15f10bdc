//! What a subscriber asks for when it comes, or comes back, and what it is told.

use std::sync::Arc;

use crate::event::Publication;
use crate::log::Position;

/// What a new subscriber is told.
#[derive(Clone, Debug)]
pub struct Subscribed {
    /// Where the channel's log ends now, if the channel has a history.
    pub position: Option<Position>,
    /// What came of the wish to resume.
    pub recovery: Recovery,
}

/// What came of the wish to resume.
#[derive(Clone, Debug)]
pub enum Recovery {
    /// There was no such wish.
    NotAsked,
    /// These are all messages after the position asked for.
    Recovered(Vec<Arc<Publication>>),
    /// Messages may be missing between the position asked for and the present one.
    Gap,
}

/// What a subscriber wants of a channel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subscribe {
    /// Resume from here.
    pub recover: Option<Resume>,
    /// Be told of others joining and leaving, if the channel allows it.
    pub join_leave: bool,
}

/// Where a subscriber wants to resume.
#[derive(Clone, Copy, Debug)]
pub enum Resume {
    /// After this position.
    After(Position),
    /// From a position that cannot be read, for example with an epoch of another server.
    Unknown,
}
