//! Who may do what in a channel.
//!
//! The configuration gives each pattern of channel names an [`Access`]; a session asks
//! [`permits`] before it does what a client wants.

use serde::{Deserialize, Serialize};

/// A group of callers, from the widest to the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// Every connection, anonymous ones as well.
    Anyone,
    /// Connections that have a user.
    User,
    /// Connections that showed a token for the channel: a subscription token, or a connection
    /// token that lists the channel.
    Token,
    /// The back end alone, by its API.
    Backend,
}

/// Who may do each thing in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// Receive what is published, which includes what was missed since a position: whoever may subscribe may resume, and
    /// says itself where it was. Default: anyone.
    pub subscribe: Who,
    /// Publish. Default: the back end.
    pub publish: Who,
    /// See who is subscribed, by list, by count, and as they come and go. Default: users.
    pub presence: Who,
    /// Ask for what was published before. It does not bound a resume, see [`subscribe`](Self::subscribe). Default: anyone.
    pub history: Who,
}

impl Access {
    /// Everything for anyone: for development, and for channels that are a public square.
    pub const OPEN: Self =
        Self { subscribe: Who::Anyone, publish: Who::Anyone, presence: Who::Anyone, history: Who::Anyone };
}

impl Default for Access {
    fn default() -> Self {
        Self { subscribe: Who::Anyone, publish: Who::Backend, presence: Who::User, history: Who::Anyone }
    }
}

/// What is known of the one who asks, with regard to one channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Caller<'a> {
    /// The user of the connection; `None` for an anonymous one.
    pub user: Option<&'a str>,
    /// Whether a token for this channel was shown and verified, and has not expired.
    pub has_token: bool,
    /// Whether this is the back end, with the app's secret key.
    pub is_backend: bool,
}

impl Caller<'_> {
    /// The back end.
    pub const BACKEND: Caller<'static> = Caller { user: None, has_token: false, is_backend: true };
}

/// Whether `caller` belongs to the group `who`. The back end belongs to every one.
#[must_use]
pub fn permits(who: Who, caller: &Caller<'_>) -> bool {
    caller.is_backend
        || match who {
            Who::Anyone => true,
            Who::User => caller.user.is_some(),
            Who::Token => caller.has_token,
            Who::Backend => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_admits_its_own() {
        let anonymous = Caller::default();
        let user = Caller { user: Some("julia"), ..anonymous };
        let token = Caller { has_token: true, ..anonymous };
        let user_with_token = Caller { has_token: true, ..user };
        let admitted =
            |who| [anonymous, user, token, user_with_token, Caller::BACKEND].map(|caller| permits(who, &caller));
        assert_eq!(admitted(Who::Anyone), [true, true, true, true, true]);
        assert_eq!(admitted(Who::User), [false, true, false, true, true]);
        assert_eq!(admitted(Who::Token), [false, false, true, true, true]);
        assert_eq!(admitted(Who::Backend), [false, false, false, false, true]);
    }

    #[test]
    fn clients_may_not_publish_unless_the_configuration_says_so() {
        let julia = Caller { user: Some("julia"), has_token: true, is_backend: false };
        assert!(!permits(Access::default().publish, &julia));
        assert!(permits(Access::OPEN.publish, &Caller::default()));
    }

    #[test]
    fn the_configuration_uses_lower_case_and_names_what_it_changes() {
        let access: Access = serde_json::from_str(r#"{"publish":"user","subscribe":"token"}"#).unwrap();
        assert_eq!(access, Access { publish: Who::User, subscribe: Who::Token, ..Access::default() });
        assert!(serde_json::from_str::<Access>(r#"{"publish":"User"}"#).is_err());
        assert!(serde_json::from_str::<Access>(r#"{"publsh":"user"}"#).is_err());
    }
}
