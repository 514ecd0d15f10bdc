//! Apps and their keys from one start to the next.

use std::fs;

use planet_beacon::{AppConfig, Apps, AppsError, DataDir};

fn open(data: &DataDir, configs: Vec<AppConfig>) -> Result<Apps, AppsError> {
    Apps::open(data, configs, &crate::support::hub(data))
}

#[test]
fn keys_are_made_once_and_stay_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataDir::open(folder.path().join("new/data")).unwrap();
    let first = open(&data, vec![AppConfig::new("default")]).unwrap();
    let (app, file) = (first.default_app(), data.path().join("apps.toml"));
    assert!(app.keys_are_new());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let written = fs::read_to_string(&file).unwrap();
    let again = open(&data, vec![AppConfig::new("default")]).unwrap();
    let same = again.by_api_key(app.api_key().as_str()).unwrap();
    assert!(!same.keys_are_new());
    assert_eq!(same.secret_key().expose(), app.secret_key().expose());
    assert_eq!(same.sign_key().expose(), app.sign_key().expose());
    assert_eq!(fs::read_to_string(&file).unwrap(), written);
}

#[test]
fn configured_keys_count_and_are_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataDir::open(folder.path()).unwrap();
    let partly = AppConfig { sign_key: None, ..crate::support::config() };
    let apps = open(&data, vec![partly]).unwrap();
    let app = apps.by_name("default").unwrap();
    assert_eq!(
        (app.api_key().as_str(), app.secret_key().expose()),
        (crate::support::API_KEY, crate::support::SECRET_KEY)
    );
    assert!(app.keys_are_new());
    let written = fs::read_to_string(data.path().join("apps.toml")).unwrap();
    assert!(written.contains(app.sign_key().expose()));
    assert!(!written.contains(crate::support::SECRET_KEY));
    assert!(!format!("{apps:?}").contains(crate::support::SECRET_KEY), "{apps:?}");
    assert!(!format!("{:?}", crate::support::config()).contains(crate::support::SECRET_KEY));
}

#[test]
fn a_key_file_that_cannot_be_understood_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataDir::open(folder.path()).unwrap();
    let file = data.path().join("apps.toml");
    fs::write(&file, "[default\n").unwrap();
    let error = open(&data, vec![AppConfig::new("default")]).unwrap_err().to_string();
    assert!(
        error.ends_with("apps.toml has a mistake at line 1; mend it, or move it away to have new keys made"),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "[default\n");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let error = open(&data, vec![AppConfig::new("default")]).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the keys of apps in "), "{error}");
}

#[test]
fn many_apps_are_told_apart_and_the_first_is_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataDir::open(folder.path()).unwrap();
    let apps = open(&data, vec![AppConfig::new("shop"), AppConfig::new("game")]).unwrap();
    assert_eq!(apps.default_app().name(), "shop");
    let game = apps.by_name("game").unwrap();
    assert_eq!(apps.by_api_key(game.api_key().as_str()).unwrap().name(), "game");
    assert_ne!(apps.default_app().api_key(), game.api_key());
    assert!(apps.by_api_key("no_such_key").is_none() && apps.by_api_key("..").is_none());
    assert_eq!(apps.iter().len(), 2);
}

#[test]
fn apps_that_cannot_be_told_apart_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataDir::open(folder.path()).unwrap();
    let with_key = |name: &str| AppConfig { api_key: Some("the_same_key".parse().unwrap()), ..AppConfig::new(name) };
    for (configs, expected) in [
        (vec![], "there is no app"),
        (vec![AppConfig::new("a"), AppConfig::new("a")], "two apps are named a"),
        (vec![with_key("a"), with_key("b")], "the apps a and b have the same API key"),
        (vec![AppConfig::new("")], "\"\" cannot be the name of an app"),
        (vec![AppConfig::new("../etc")], "\"../etc\" cannot be the name of an app"),
        (vec![AppConfig::new("a\tb")], "\"a\\tb\" cannot be the name of an app"),
        (vec![AppConfig::new("a".repeat(65))], "\"aaaa"),
    ] {
        let error = open(&data, configs).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    assert!(!data.path().join("apps.toml").exists());
}
