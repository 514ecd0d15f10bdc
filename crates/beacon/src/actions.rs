//! What a back end may do with an app, whichever way it comes in.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use planet_hub::Disconnect;
use planet_orbit::protocol::{JsonError, codes, json};
use planet_orbit::token::BeaconKey;

use crate::apps::App;

/// What a command of a client puts around a message, which counts as depth there: the same messages pass here.
const COMMAND_DEPTH: usize = 2;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Tells clients not to come back by themselves.
const LOGGED_OUT: Disconnect = Disconnect {
    code: codes::Disconnect::FORCE_DISCONNECT.code as u16,
    reason: codes::Disconnect::FORCE_DISCONNECT.reason,
};

impl App {
    /// A message from outside as one JSON value on one line.
    pub(crate) fn message(&self, bytes: &[u8]) -> Result<Bytes, JsonError> {
        // Libraries that write text files put this in front of JSON too (RFC 8259, section 8.1).
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let message = json::payload(bytes, self.sessions().frame.depth.saturating_sub(COMMAND_DEPTH))?;
        // Copied, since the bytes are part of a larger buffer, and a message may be kept for long.
        Ok(Bytes::copy_from_slice(message.as_bytes()))
    }

    /// Closes all connections of a user for good.
    pub(crate) fn log_out(&self, user: &str) {
        self.hub().disconnect_user(user, LOGGED_OUT);
    }

    /// A Beacon token for this user or channel, from now on.
    pub(crate) fn token_for(&self, id: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        BeaconKey::new(self.sign_key().expose().as_bytes()).issue(id, now)
    }
}
