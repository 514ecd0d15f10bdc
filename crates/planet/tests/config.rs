//! Settings through the public face: which layer wins, what is refused, and what is shown.

use std::{collections::BTreeSet, path::Path};

use clap::Parser;
use planet::{
    cli::{Cli, Command},
    config::{
        Access, Config, ConfigError, Overflow, Settings,
        overrides::singles,
        print::print,
        reference,
        schema::{Key, Kind, Table},
    },
};

/// Loads a file with that text, environment variables and flags, as `planet serve` does.
fn load(file: &str, variables: &[(&str, &str)], flags: &[&str]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("planet.toml");
    std::fs::write(&path, file).unwrap();
    let mut line = vec!["planet", "serve", "--config", path.to_str().unwrap()];
    line.extend_from_slice(flags);
    let Command::Serve(args) = Cli::parse_from(line).command else { panic!("it is serve") };
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let loaded = args.layers(variables).and_then(Config::load);
    loaded.map_err(|error| error.to_string().replace(path.to_str().unwrap(), "planet.toml"))
}

#[test]
fn flags_beat_variables_beat_the_file_beats_defaults() {
    let file = "[server]\nlisten = ['127.0.0.1:1']\nidle_timeout = '1s'\nlog_level = 'debug'\nheaders = 50\n\
                [app]\nopen = true\n";
    let variables = [("PLANET_LISTEN", "127.0.0.1:2,127.0.0.1:3"), ("PLANET_IDLE_TIMEOUT", "2s"), ("PLANET_DEMO", "")];
    let flags = ["--listen", "127.0.0.1:4", "--listen", "127.0.0.1:5", "--set", "app.limits.channels=6"];
    let config = load(file, &variables, &flags).unwrap();
    let server = &config.settings.server;
    assert_eq!(server.listen, ["127.0.0.1:4".parse().unwrap(), "127.0.0.1:5".parse().unwrap()]);
    assert_eq!(server.idle_timeout.to_string(), "2s");
    assert_eq!(server.log_level.as_str(), "debug");
    assert_eq!(server.headers, 50);
    assert_eq!(server.url_bytes, Settings::default().server.url_bytes);
    assert!(server.demo, "an empty variable says nothing");
    assert!(config.settings.default_app().open);
    assert_eq!(config.settings.default_app().limits.channels, 6);
    for (path, origin) in [
        ("server.listen", "--listen"),
        ("server.idle_timeout", "PLANET_IDLE_TIMEOUT"),
        ("server.headers", "planet.toml:5:1"),
        ("server.url_bytes", "default"),
        ("app[0].limits.channels", "--set app.limits.channels"),
    ] {
        assert!(config.origin(path).to_string().ends_with(origin), "{path}: {}", config.origin(path));
    }
}

#[test]
fn the_file_may_be_named_by_a_variable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("planet.toml");
    std::fs::write(&path, "[server]\nheaders = 7\n").unwrap();
    let Command::Serve(args) = Cli::parse_from(["planet", "serve"]).command else { panic!("it is serve") };
    let layers = args.layers([("PLANET_CONFIG".into(), path.into())]).unwrap();
    assert_eq!(Config::load(layers).unwrap().settings.server.headers, 7);
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let error = load("[server]\nlisen = []\n", &[("PLANET_OPNE", "1")], &["--log-level", "loud"]).unwrap_err();
    assert_eq!(
        error,
        "unknown key `lisen` at planet.toml:2:1; did you mean `listen`?\n\
         unknown environment variable `PLANET_OPNE`; did you mean `PLANET_OPEN`?\n\
         bad value for `server.log_level` at --log-level: unknown log level `loud` (known: `error`, `warn`, `info`, \
         `debug`, `trace`)"
    );
}

#[test]
fn what_does_not_go_together_is_refused_where_it_was_set() {
    for (file, expected) in [
        (
            "[server]\ntls_cert = 'c.pem'",
            "bad value for `server.tls_cert` at planet.toml:2:1: TLS needs `tls_key` as well",
        ),
        (
            "[server]\ntls_cert = 'c.pem'\ntls_key = 'k.pem'\nflash_policy_file = 'p.xml'",
            "bad value for `server.flash_policy_file` at planet.toml:4:1: Flash players do not ask over TLS, which every \
             address speaks",
        ),
        (
            "[server]\nlisten = []",
            "bad value for `server.listen` at planet.toml:2:1: there must be at least one address",
        ),
        (
            "[server]\nheader_bytes = '4KiB'",
            "bad value for `server.header_bytes` at planet.toml:2:1: 4KiB is too small; the least is 8KiB",
        ),
        (
            "[server]\npong_timeout = '1m'",
            "bad value for `server.pong_timeout` at planet.toml:2:1: 1m is not shorter than `ping_interval`, 25s",
        ),
        (
            "[app]\nsecret_key = 'short'",
            "bad value for `app[0].secret_key` at planet.toml:2:1: write at least 15 of the characters `A-Z a-z 0-9 _`",
        ),
        (
            "[app]\njwt.hs256_secret = 'short'",
            "bad value for `app[0].jwt.hs256_secret` at planet.toml:2:5: it must have at least 32 characters (RFC 7518)",
        ),
        (
            "[[app.channel]]\npattern = '{user}*'",
            "bad value for `app[0].channel[0].pattern` at planet.toml:2:1: {user} can only stand at the end of a channel \
             pattern",
        ),
        (
            "[[app]]\n[[app]]\nname = 'two'",
            "bad value for `app[1]` at planet.toml:2:1: only the first app gets keys by itself: set its `api_key` and \
             `secret_key`",
        ),
    ] {
        assert_eq!(load(file, &[], &[]).unwrap_err(), expected, "{file}");
    }
    let error = load("[[app.channel]]\npresence = true", &[], &[]).unwrap_err();
    assert!(
        error.starts_with("bad value for `app[0].channel[0]` at planet.toml:1:1: a channel pattern cannot be empty")
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let missing = Path::new("no-such-folder/planet.toml");
    let layers = planet::config::Layers { file: Some(missing.into()), ..Default::default() };
    let error = Config::load(layers).unwrap_err();
    assert!(matches!(&error, ConfigError::Read { path, .. } if path == missing));
    assert!(error.to_string().starts_with("cannot read no-such-folder/planet.toml: "), "{error}");
}

#[test]
fn what_is_printed_can_be_loaded_again_and_is_the_same() {
    let full = "[server]\nlisten = ['[::1]:1']\nevents = 'off'\nidle_timeout = '90s'\ntrusted_proxies = ['10.0.0.0/8']\n\
                allowed_origins = ['https://example.org']\n\
                [[app]]\napi_key = 'first_key'\nrest_auth = 'none'\nlimits.message_bytes = '1000B'\n\
                [[app.channel]]\npattern = 'chat:*'\noverflow = 'conflate'\n[[app.channel]]\npattern = '*'\n\
                [[app]]\nname = 'two'\napi_key = 'second_key'\nsecret_key = 'fifteen_letters_'\nchannel = []\n";
    for file in ["", full] {
        let config = load(file, &[("PLANET_DATA", "/var/lib/planet \"1\"")], &["--open"]).unwrap();
        let printed = print(&config);
        let mut expected = config.settings.clone();
        // Secrets are not shown, so the second app has to be given its own again.
        let again = if file.is_empty() {
            load(&printed, &[], &[])
        } else {
            expected.app[1].secret_key = Some(planet::config::Secret::new("another_secret_"));
            load(&printed.replace("# secret_key is set and not shown", "secret_key = 'another_secret_'"), &[], &[])
        };
        assert_eq!(again.unwrap_or_else(|error| panic!("{error}\n{printed}")).settings, expected, "{printed}");
    }
}

#[test]
fn what_is_printed_names_origins_and_shows_no_secret() {
    let file = "[app]\nsecret_key = 'very_very_secret'\njwt.hs256_secret = 'hidden-hidden-hidden-hidden-hidden'\n";
    let config = load(file, &[("PLANET_SIGN_KEY", "sign_sign_sign_sign")], &["--listen", "127.0.0.1:9"]).unwrap();
    let printed = print(&config);
    for secret in ["very_very_secret", "hidden-hidden", "sign_sign"] {
        assert!(!printed.contains(secret), "{printed}");
        assert!(!format!("{:?}", config.settings).contains(secret));
    }
    let lines: BTreeSet<_> = printed.lines().collect();
    for line in [
        "listen = [\"127.0.0.1:9\"]  # --listen",
        "idle_timeout = \"75s\"",
        "# tls_cert is not set",
        "# sign_key is set and not shown  # PLANET_SIGN_KEY",
        "[app.limits]",
        "[[app.channel]]",
    ] {
        assert!(lines.contains(line), "{line}\n{printed}");
    }
}

#[test]
fn the_default_rules_are_safe() {
    let config = load("", &[], &[]).unwrap();
    let rules = &config.settings.default_app().channel;
    let publishers: Vec<_> = rules.iter().map(|rule| (rule.pattern.as_str(), rule.publish)).collect();
    let (anyone, backend) = (Access::Anyone, Access::Backend);
    assert_eq!(publishers, [("demo:*.typing", anyone), ("demo:*", anyone), ("@{user}", backend), ("*", backend)]);
    assert_eq!(rules[2].subscribe, Access::User);
    assert!(rules.iter().all(|rule| rule.overflow == Overflow::Disconnect));

    let without_demo = load("", &[], &["--no-demo"]).unwrap().settings;
    assert_eq!(without_demo.default_app().channel, rules[2..]);
    let own = load("[[app.channel]]\npattern = 'demo:*'", &[], &["--no-demo"]).unwrap().settings;
    assert_eq!(own.default_app().channel[0].pattern, "demo:*");
}

#[test]
fn the_reference_is_what_the_declarations_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(
        page == reference::markdown(),
        "docs/configuration.md is out of date; run: cargo run -- reference > docs/configuration.md"
    );
    fn every_key<'a>(keys: &'a [Key], all: &mut Vec<&'a str>) {
        for key in keys {
            match key.kind {
                Kind::Value(_) => all.push(key.name),
                Kind::Table(keys) | Kind::Tables(keys) => every_key(keys, all),
            }
        }
    }
    let mut all = Vec::new();
    every_key(Settings::KEYS, &mut all);
    assert!(all.len() > 60);
    for name in all {
        assert!(page.contains(&format!("\n| `{name}`")), "{name} is not in the reference");
    }
    for single in singles() {
        assert!(page.contains(&format!("<br>`{}`", single.variable)), "{} is not in the reference", single.variable);
    }
}

#[test]
fn the_examples_of_the_reference_work() {
    let page = reference::markdown();
    let examples: Vec<_> = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 2);
    let first = load(examples[0], &[], &[]).unwrap().settings;
    assert_eq!(first.default_app().channel[0].history_size, 200);
    let defaults = load(examples[1], &[], &[]).unwrap().settings;
    assert_eq!(defaults, Settings::default());
}
