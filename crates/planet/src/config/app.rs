//! `[app]`: one tenant, with its keys, its limits and the rules of its channels.

use std::path::PathBuf;

use super::{
    channel::{ChannelRule, default_rules},
    schema::{choice, table},
    units::{Period, Size},
    values::Secret,
};

table! {
    /// One app: its own users, channels, keys and limits.
    pub struct App {
        /// Its name in the event stream, metrics and logs: 1 to 64 letters, digits, `.`, `_` and `-`.
        pub name: String = "default".to_owned(),
        /// Its public name in URLs: letters, digits and `_`, at least 8. Without one, the first app gets one at the first start, kept under `data`.
        pub api_key: Option<String> = None,
        /// What back ends prove themselves with: letters, digits and `_`, at least 15. Without one, the first app gets one at the first start, kept under `data`.
        pub secret_key: Option<Secret> = None,
        /// What Beacon tokens are signed with: letters, digits and `_`, at least 15. Without one, the first app gets one at the first start, kept under `data`.
        pub sign_key: Option<Secret> = None,
        /// Lets anyone connect as any user, subscribe and publish. For development.
        pub open: bool = false,
        /// What the REST API asks for. With `none`, browsers may publish without a key.
        pub rest_auth: RestAuth = RestAuth::Secret,
        /// How JSON Web Tokens are checked.
        pub jwt: Jwt = Jwt::default(),
        /// What the app, its users and its connections may use.
        pub limits: AppLimits = AppLimits::default(),
        /// Rules for channels. The first one whose pattern matches a channel's name counts. Clients cannot use a channel that no rule matches. Your rules replace the default ones.
        pub channel: Vec<ChannelRule> = default_rules(),
    }
}

table! {
    /// Keys that JSON Web Tokens (RFC 7519) are checked with. An algorithm without a key is refused.
    pub struct Jwt {
        /// Shared secret for HS256.
        pub hs256_secret: Option<Secret> = None,
        /// Public key for RS256, a PEM file.
        pub rs256_public_key: Option<PathBuf> = None,
        /// Public key for ES256, a PEM file.
        pub es256_public_key: Option<PathBuf> = None,
        /// What `aud` has to name. Without it, tokens that have an `aud` are refused, for they are meant for somebody else.
        pub audience: Option<String> = None,
        /// What `iss` has to be. Without it, `iss` does not matter.
        pub issuer: Option<String> = None,
    }
}

table! {
    /// What an app, its users and its connections may use.
    pub struct AppLimits {
        /// Connections at once.
        pub connections: usize = 1_000_000,
        /// Connections at once of one user.
        pub connections_per_user: usize = 100,
        /// Connections at once from one client address, also behind trusted proxies.
        pub connections_per_address: usize = 1024,
        /// Channels that exist at once.
        pub channels: usize = 1_000_000,
        /// Channels that one connection is subscribed to at once.
        pub channels_per_connection: usize = 128,
        /// Characters of a channel's name; at most 128.
        pub channel_name: usize = 128,
        /// Characters of a user's name; at most 128.
        pub user_name: usize = 128,
        /// Size of one published message.
        pub message_bytes: Size = Size::kib(64),
        /// Size of what a client sends at once: a WebSocket message, or the body of a request with commands.
        pub frame_bytes: Size = Size::kib(128),
        /// Commands in one batch. A client that reconnects subscribes to all its channels in one, so this should be no less than `channels_per_connection`.
        pub commands_per_batch: usize = 256,
        /// How deep arrays and objects may nest in a message.
        pub json_depth: usize = 128,
        /// Commands that one connection may send in a second, on average.
        pub command_rate: u32 = 500,
        /// Commands that one connection may send at once before `command_rate` holds it back.
        pub command_burst: u32 = 1000,
        /// Messages that one connection may publish in a second, on average.
        pub publish_rate: u32 = 100,
        /// Messages that one connection may publish at once before `publish_rate` holds it back.
        pub publish_burst: u32 = 200,
        /// Messages published by REST in a second, on average; 0 for no bound.
        pub rest_publish_rate: u32 = 10_000,
        /// Messages published by REST at once before `rest_publish_rate` holds them back.
        pub rest_publish_burst: u32 = 20_000,
        /// Messages in one answer to a request for history.
        pub history_page: usize = 1000,
        /// Connections in one answer to a request for presence. In a larger channel such a request is refused.
        pub presence_clients: usize = 10_000,
        /// Channels in one plain event stream.
        pub event_stream_channels: usize = 16,
        /// Bytes that may wait for one connection before its channel's `overflow` applies.
        pub outbound_bytes: Size = Size::mib(1),
        /// Bytes that the answer to a resume may add to those. A longer one is told as a gap.
        pub recovery_bytes: Size = Size::mib(8),
        /// Bytes of answers that a long-polling session keeps until the client has acknowledged them.
        pub poll_unacknowledged_bytes: Size = Size::mib(1),
        /// Bytes of all messages kept in history. The oldest of the app make room.
        pub history_bytes: Size = Size::mib(256),
        /// How long an idempotency key is remembered.
        pub idempotency_window: Period = Period::seconds(300),
        /// Idempotency keys that one channel remembers.
        pub idempotency_keys: usize = 10_000,
        /// How long an unused channel's position is remembered after its last message has expired, so that a client that comes back late is told of no false gap.
        pub position_ttl: Period = Period::seconds(3600),
    }
}

choice! {
    /// What the REST API asks for.
    pub enum RestAuth as "REST authentication" {
        /// The secret key, in the header `X-Beacon-Secret-Key`.
        Secret = "secret",
        /// Nothing.
        None = "none",
    }
}
