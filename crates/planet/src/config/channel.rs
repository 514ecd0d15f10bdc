//! `[[app.channel]]`: what channels keep, and who may use them.

use super::{
    schema::{choice, table},
    units::Period,
};

table! {
    /// What the channels with a name like `pattern` keep, and who may use them.
    pub struct ChannelRule {
        /// Names it is for: `*` stands for any characters, `{user}` at the end for the name of the user, who alone may then subscribe. Needed in every rule.
        pub pattern: String = String::new(),
        /// Messages kept for history and for clients that come back. With 0 nothing is kept.
        pub history_size: usize = 0,
        /// How long a message is kept.
        pub history_ttl: Period = Period::seconds(300),
        /// Whether it is known who is in the channel.
        pub presence: bool = false,
        /// Whether subscribers are told of others joining and leaving.
        pub join_leave: bool = false,
        /// What happens to a subscriber that cannot keep up.
        pub overflow: Overflow = Overflow::Disconnect,
        /// Who may subscribe.
        pub subscribe: Access = Access::Anyone,
        /// Who may publish.
        pub publish: Access = Access::Backend,
        /// Which subscribers may ask who is in the channel.
        pub presence_access: Access = Access::User,
        /// Which subscribers may ask for its history.
        pub history_access: Access = Access::Anyone,
    }
}

choice! {
    /// What happens to a subscriber that cannot keep up.
    pub enum Overflow as "overflow policy" {
        /// Its connection is closed, and resumes when it comes back.
        Disconnect = "disconnect",
        /// The oldest messages that wait for it make room, and it is told of the gap.
        DropOldest = "drop_oldest",
        /// Only the newest message waits for it.
        Conflate = "conflate",
    }
}

choice! {
    /// Who may do something. The back end always may.
    pub enum Access as "access" {
        /// Every connection.
        Anyone = "anyone",
        /// Connections that have proved to be a user.
        User = "user",
        /// Those that present a token for the channel.
        Token = "token",
        /// No connection.
        Backend = "backend",
    }
}

/// Channels that the demo page uses.
pub const DEMO_PATTERN: &str = "demo:*";

/// Those of them in which its visitors tell that they are typing.
pub const DEMO_TYPING_PATTERN: &str = "demo:*.typing";

/// The rules of an app that has none of its own: anyone may read, and only the back end writes, save for the demo's
/// channels; `@julia` is julia's own.
pub fn default_rules() -> Vec<ChannelRule> {
    let keeping = ChannelRule { history_size: 100, ..ChannelRule::default() };
    let lively = ChannelRule { presence: true, join_leave: true, ..keeping.clone() };
    vec![
        // That somebody types now is of no interest later.
        ChannelRule { pattern: DEMO_TYPING_PATTERN.to_owned(), publish: Access::Anyone, ..ChannelRule::default() },
        ChannelRule {
            pattern: DEMO_PATTERN.to_owned(),
            publish: Access::Anyone,
            presence_access: Access::Anyone,
            ..lively.clone()
        },
        ChannelRule { pattern: "@{user}".to_owned(), subscribe: Access::User, ..keeping },
        ChannelRule { pattern: "*".to_owned(), ..lively },
    ]
}
