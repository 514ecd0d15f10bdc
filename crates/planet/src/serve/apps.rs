//! The apps, from their settings.

use std::fs;
use std::path::Path;

use planet_beacon::{AppConfig, Apps, DataDir};
use planet_hub::{AppSettings, ChannelOptions, Hub, Rules};
use planet_net::meter::Registry;
use planet_orbit::SessionSettings;
use planet_orbit::access::{Access, Who};
use planet_orbit::origin::AllowedOrigins;
use planet_orbit::protocol::FrameLimits;
use planet_orbit::token::{JwtKey, JwtVerifier, KeyError};

use super::ServeError;
use crate::config::{self, App, ChannelRule, Server, Settings};

/// Makes the apps in the hub, each with its meter.
pub(super) fn open(
    settings: &Settings,
    data: &DataDir,
    hub: &Hub,
    bandwidth: &Registry<1>,
) -> Result<Apps, ServeError> {
    let config = |app: &App| {
        let config = app_config(&settings.server, app)?;
        Ok(AppConfig { meter: bandwidth.meter([&app.name]), ..config })
    };
    let configs = settings.app.iter().map(config).collect::<Result<Vec<_>, _>>()?;
    Apps::open(data, configs, hub).map_err(ServeError::Apps)
}

fn in_app(app: &App, problem: impl ToString) -> ServeError {
    ServeError::Setting { of: format!("app {}", app.name), problem: problem.to_string() }
}

fn app_config(server: &Server, app: &App) -> Result<AppConfig, ServeError> {
    let parse_secret = |secret: &config::Secret| secret.expose().parse().map_err(|error| in_app(app, error));
    let origins = AllowedOrigins::parse(server.allowed_origins.iter().map(config::PageOrigin::as_str));
    Ok(AppConfig {
        api_key: app.api_key.as_deref().map(str::parse).transpose().map_err(|error| in_app(app, error))?,
        secret_key: app.secret_key.as_ref().map(parse_secret).transpose()?,
        sign_key: app.sign_key.as_ref().map(parse_secret).transpose()?,
        open: app.open,
        rest_auth: app.rest_auth == config::RestAuth::Secret,
        rest_publications_per_second: app.limits.rest_publish_rate,
        rest_publication_burst: app.limits.rest_publish_burst,
        origins: origins.map_err(|error| in_app(app, error))?,
        access: access(app),
        jwt: jwt_verifier(app)?,
        sessions: session_settings(server, app),
        hub: hub_settings(app),
        ..AppConfig::new(app.name.clone())
    })
}

fn hub_settings(app: &App) -> AppSettings {
    let limits = &app.limits;
    AppSettings {
        channels: rules(app, ChannelOptions::default(), |rule| ChannelOptions {
            history_size: rule.history_size,
            history_ttl: rule.history_ttl.duration(),
            presence: rule.presence,
            join_leave: rule.join_leave,
            overflow: match rule.overflow {
                config::Overflow::Disconnect => planet_hub::Overflow::Disconnect,
                config::Overflow::DropOldest => planet_hub::Overflow::DropOldest,
                config::Overflow::Conflate => planet_hub::Overflow::Conflate,
            },
        }),
        limits: planet_hub::AppLimits {
            connections: limits.connections,
            connections_per_user: limits.connections_per_user,
            channels_per_connection: limits.channels_per_connection,
            channels: limits.channels,
            history_bytes: limits.history_bytes.bytes(),
            outbound_bytes: limits.outbound_bytes.bytes(),
            recovery_bytes: limits.recovery_bytes.bytes(),
            idempotency_window: limits.idempotency_window.duration(),
            idempotency_keys: limits.idempotency_keys,
            position_ttl: limits.position_ttl.duration(),
        },
    }
}

fn access(app: &App) -> Rules<Access> {
    let nobody =
        Access { subscribe: Who::Backend, publish: Who::Backend, presence: Who::Backend, history: Who::Backend };
    let who = |access: config::Access| match access {
        config::Access::Anyone => Who::Anyone,
        config::Access::User => Who::User,
        config::Access::Token => Who::Token,
        config::Access::Backend => Who::Backend,
    };
    rules(app, nobody, |rule| Access {
        subscribe: who(rule.subscribe),
        publish: who(rule.publish),
        presence: who(rule.presence_access),
        history: who(rule.history_access),
    })
}

fn rules<T>(app: &App, otherwise: T, value: impl Fn(&ChannelRule) -> T) -> Rules<T> {
    app.channel.iter().fold(Rules::new(otherwise), |rules, rule| {
        let pattern = rule.pattern.parse().expect("patterns were checked with the settings");
        rules.with(pattern, value(rule))
    })
}

fn session_settings(server: &Server, app: &App) -> SessionSettings {
    let limits = &app.limits;
    SessionSettings {
        frame_bytes: limits.frame_bytes.bytes(),
        message_bytes: limits.message_bytes.bytes(),
        // A command is two levels around its message.
        frame: FrameLimits { commands: limits.commands_per_batch, depth: limits.json_depth + 2 },
        command_rate: limits.command_rate,
        command_burst: limits.command_burst,
        publish_rate: limits.publish_rate,
        publish_burst: limits.publish_burst,
        channel_name: limits.channel_name,
        user_name: limits.user_name,
        connections_per_address: limits.connections_per_address,
        history_page: limits.history_page,
        presence_clients: limits.presence_clients,
        event_stream_channels: limits.event_stream_channels,
        poll_unacknowledged_bytes: limits.poll_unacknowledged_bytes.bytes(),
        connect_timeout: server.first_command_timeout.duration(),
        ping_interval: server.ping_interval.duration(),
        pong_timeout: server.pong_timeout.duration(),
        refresh_grace: server.refresh_grace.duration(),
        poll_wait: server.poll_wait.duration(),
        poll_gap: server.poll_gap.duration(),
        body_timeout: server.body_timeout.duration(),
    }
}

fn jwt_verifier(app: &App) -> Result<Option<JwtVerifier>, ServeError> {
    let mut keys = Vec::new();
    if let Some(secret) = &app.jwt.hs256_secret {
        keys.push(JwtKey::hs256(secret.expose().as_bytes()).map_err(|error| in_app(app, error))?);
    }
    let files: [(_, ReadKey); 2] =
        [(&app.jwt.rs256_public_key, JwtKey::rs256), (&app.jwt.es256_public_key, JwtKey::es256)];
    for (path, read) in files {
        if let Some(path) = path {
            keys.push(read_key(path, read).map_err(|problem| in_app(app, problem))?);
        }
    }
    if keys.is_empty() {
        return Ok(None);
    }
    let mut verifier = JwtVerifier::new(keys);
    if let Some(audience) = &app.jwt.audience {
        verifier = verifier.with_audience(audience);
    }
    if let Some(issuer) = &app.jwt.issuer {
        verifier = verifier.with_issuer(issuer);
    }
    Ok(Some(verifier))
}

/// Reads a key out of PEM text.
type ReadKey = fn(&str) -> Result<JwtKey, KeyError>;

fn read_key(path: &Path, read: ReadKey) -> Result<JwtKey, String> {
    let pem = fs::read_to_string(path).map_err(|error| format!("cannot read the key {}: {error}", path.display()))?;
    read(&pem).map_err(|error| format!("cannot use the key {}: {error}", path.display()))
}
