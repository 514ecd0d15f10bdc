//! What a value alone cannot show to be wrong.

use std::collections::BTreeSet;

use planet_hub::Pattern;
use planet_net::limits::MIN_HEADER_BYTES;

use super::{App, Config, Period, Problem, Server, Size};

/// Everything that is wrong with settings whose values are each of the right kind.
pub(super) fn check(config: &Config) -> Vec<Problem> {
    let mut checker = Checker { config, problems: Vec::new() };
    checker.server(&config.settings.server);
    if config.settings.app.is_empty() {
        checker.wrong("app", "there must be at least one app");
    }
    let (mut names, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for (index, app) in config.settings.app.iter().enumerate() {
        let path = format!("app[{index}]");
        if !names.insert(&app.name) {
            checker.wrong(&format!("{path}.name"), "another app has this name");
        }
        if let Some(key) = &app.api_key
            && !keys.insert(key)
        {
            checker.wrong(&format!("{path}.api_key"), "another app has this key");
        }
        if index > 0 && (app.api_key.is_none() || app.secret_key.is_none()) {
            checker.wrong(&path, "only the first app gets keys by itself: set its `api_key` and `secret_key`");
        }
        checker.app(app, &path);
    }
    checker.problems
}

struct Checker<'a> {
    config: &'a Config,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn wrong(&mut self, path: &str, message: impl Into<String>) {
        let at = self.config.origin(path);
        self.problems.push(Problem::BadValue { key: path.to_owned(), at, message: message.into() });
    }

    fn server(&mut self, server: &Server) {
        if server.listen.is_empty() {
            self.wrong("server.listen", "there must be at least one address");
        }
        match (&server.tls_cert, &server.tls_key) {
            (Some(_), None) => self.wrong("server.tls_cert", "TLS needs `tls_key` as well"),
            (None, Some(_)) => self.wrong("server.tls_key", "TLS needs `tls_cert` as well"),
            _ => {}
        }
        if server.tls_cert.is_some() && server.flash_policy_file.is_some() {
            self.wrong("server.flash_policy_file", "Flash players do not ask over TLS, which every address speaks");
        }
        if server.header_bytes < Size(MIN_HEADER_BYTES) {
            let least = Size(MIN_HEADER_BYTES);
            self.wrong("server.header_bytes", format!("{} is too small; the least is {least}", server.header_bytes));
        }
        for (key, period) in [
            ("handshake_timeout", server.handshake_timeout),
            ("header_timeout", server.header_timeout),
            ("body_timeout", server.body_timeout),
            ("first_command_timeout", server.first_command_timeout),
            ("idle_timeout", server.idle_timeout),
            ("thrift_idle_timeout", server.thrift_idle_timeout),
            ("write_timeout", server.write_timeout),
            ("ping_interval", server.ping_interval),
            ("pong_timeout", server.pong_timeout),
            ("poll_wait", server.poll_wait),
            ("poll_gap", server.poll_gap),
        ] {
            if period == Period::seconds(0) {
                self.wrong(&format!("server.{key}"), "it must be longer than nothing");
            }
        }
        if server.pong_timeout >= server.ping_interval {
            self.wrong(
                "server.pong_timeout",
                format!("{} is not shorter than `ping_interval`, {}", server.pong_timeout, server.ping_interval),
            );
        }
    }

    fn app(&mut self, app: &App, path: &str) {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let begins_well = app.name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if !begins_well || app.name.len() > 64 || !app.name.chars().all(is_name) {
            let message = "write 1 to 64 of the characters `A-Z a-z 0-9 . _ -`, and not `.` or `-` first";
            self.wrong(&format!("{path}.name"), message);
        }
        for (key, length) in [("channel_name", app.limits.channel_name), ("user_name", app.limits.user_name)] {
            if !(1..=128).contains(&length) {
                self.wrong(&format!("{path}.limits.{key}"), format!("{length} is not between 1 and 128"));
            }
        }
        if let Some(key) = &app.api_key
            && !is_key(key, 8)
        {
            self.wrong(&format!("{path}.api_key"), "write at least 8 of the characters `A-Z a-z 0-9 _`");
        }
        if let Some(key) = &app.secret_key
            && !is_key(key.expose(), 15)
        {
            self.wrong(&format!("{path}.secret_key"), "write at least 15 of the characters `A-Z a-z 0-9 _`");
        }
        if let Some(key) = &app.sign_key
            && !is_key(key.expose(), 15)
        {
            self.wrong(&format!("{path}.sign_key"), "write at least 15 of the characters `A-Z a-z 0-9 _`");
        }
        // RFC 7518, section 3.2: a key as long as the hash.
        if app.jwt.hs256_secret.as_ref().is_some_and(|secret| secret.expose().len() < 32) {
            self.wrong(&format!("{path}.jwt.hs256_secret"), "it must have at least 32 characters (RFC 7518)");
        }
        if app.limits.frame_bytes < app.limits.message_bytes {
            let message = format!(
                "{} is less than `message_bytes`, {}: no client could publish a message of that size",
                app.limits.frame_bytes, app.limits.message_bytes
            );
            self.wrong(&format!("{path}.limits.frame_bytes"), message);
        }
        for (index, rule) in app.channel.iter().enumerate() {
            if let Err(error) = rule.pattern.parse::<Pattern>() {
                let path = format!("{path}.channel[{index}]");
                let key = if rule.pattern.is_empty() { path } else { format!("{path}.pattern") };
                self.wrong(&key, error.to_string());
            }
        }
    }
}

fn is_key(text: &str, least: usize) -> bool {
    text.len() >= least && text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
