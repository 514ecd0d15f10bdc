//! Who is there: users with their connections, and the subscribers of channels.

use std::sync::Arc;

use super::App;
use crate::channel::PresenceStats;
use crate::connection::Connection;
use crate::event::{ClientInfo, Disconnect};
use crate::sync::lock;

impl App {
    /// Every connection of a user.
    pub fn connections_of(&self, user: &str) -> Vec<Arc<Connection>> {
        lock(&self.users).get(user).map(|of_user| of_user.to_vec()).unwrap_or_default()
    }

    /// Closes every connection of a user; says how many there were.
    pub fn disconnect_user(&self, user: &str, why: Disconnect) -> usize {
        let connections = self.connections_of(user);
        for connection in &connections {
            connection.flush(connection.close(why));
        }
        connections.len()
    }

    /// How many users are connected.
    pub fn users_online(&self) -> usize {
        lock(&self.users).len()
    }

    /// Whether a user is connected.
    pub fn is_online(&self, user: &str) -> bool {
        lock(&self.users).contains_key(user)
    }

    /// The users subscribed to a channel, each once, in no order.
    pub fn users_in(&self, channel: &str) -> Vec<Arc<str>> {
        self.channel(channel).map(|channel| channel.users()).unwrap_or_default()
    }

    /// The connections subscribed to a channel; `None` where the channel keeps no presence.
    pub fn presence(&self, channel: &str) -> Option<Vec<ClientInfo>> {
        let found = self.channel(channel).map(|channel| channel.presence()).unwrap_or_default();
        self.options(channel).presence.then_some(found)
    }

    /// How many are subscribed to a channel; `None` where the channel keeps no presence.
    pub fn presence_stats(&self, channel: &str) -> Option<PresenceStats> {
        let found = self.channel(channel).map(|channel| channel.presence_stats()).unwrap_or_default();
        self.options(channel).presence.then_some(found)
    }
}
