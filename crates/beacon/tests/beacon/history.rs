//! History from one run to the next.

use std::fs;

use planet_beacon::{AppConfig, Apps, DataDir, FileStore};
use planet_hub::{AppSettings, ChannelOptions, HistoryQuery, Message, Rules, Store};

fn config() -> AppConfig {
    let channels = Rules::new(ChannelOptions { history_size: 10, ..ChannelOptions::default() });
    AppConfig { hub: AppSettings { channels, ..AppSettings::default() }, ..AppConfig::new("default") }
}

#[test]
fn a_graceful_restart_goes_on_where_the_last_run_ended() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataDir::open(folder.path()).unwrap();
    let hub = crate::support::hub(&data);
    let apps = Apps::open(&data, vec![config()], &hub).unwrap();
    for at in 0..12 {
        apps.default_app().hub().publish("chat", Message::new(at.to_string())).unwrap();
    }
    let before = apps.default_app().hub().history("chat", &HistoryQuery::default()).unwrap();
    hub.save().unwrap();
    assert!(data.path().join("history/default.log").exists());

    let hub = crate::support::hub(&data);
    let apps = Apps::open(&data, vec![config()], &hub).unwrap();
    let after = apps.default_app().hub().history("chat", &HistoryQuery::default()).unwrap();
    assert_eq!(after.position, before.position);
    assert_eq!(after.publications, before.publications);
    assert_eq!(after.publications.len(), 10);
    let next = apps.default_app().hub().publish("chat", Message::new("12")).unwrap().position.unwrap();
    assert_eq!((next.epoch, next.offset), (before.position.epoch, 13));
}

#[test]
fn a_crash_after_a_restart_begins_a_new_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataDir::open(folder.path()).unwrap();
    let hub = crate::support::hub(&data);
    let apps = Apps::open(&data, vec![config()], &hub).unwrap();
    let first = apps.default_app().hub().publish("chat", Message::new("1")).unwrap().position.unwrap();
    hub.save().unwrap();

    let apps = Apps::open(&data, vec![config()], &crate::support::hub(&data)).unwrap();
    apps.default_app().hub().publish("chat", Message::new("2")).unwrap();
    // Not saved this time.
    let apps = Apps::open(&data, vec![config()], &crate::support::hub(&data)).unwrap();
    let third = apps.default_app().hub().publish("chat", Message::new("3")).unwrap().position.unwrap();
    assert_ne!(third.epoch, first.epoch);
}

#[test]
fn a_damaged_file_is_set_aside_and_the_server_starts() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataDir::open(folder.path()).unwrap();
    let hub = crate::support::hub(&data);
    let apps = Apps::open(&data, vec![config()], &hub).unwrap();
    apps.default_app().hub().publish("chat", Message::new("1")).unwrap();
    hub.save().unwrap();
    let file = data.path().join("history/default.log");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, &bytes).unwrap();

    let apps = Apps::open(&data, vec![config()], &crate::support::hub(&data)).unwrap();
    let history = apps.default_app().hub().history("chat", &HistoryQuery::default()).unwrap();
    assert!(history.publications.is_empty());
    assert!(!file.exists());
    assert_eq!(fs::read(data.path().join("history/default.log.damaged")).unwrap(), bytes);
}

#[test]
fn a_start_that_fails_gives_back_what_it_has_taken() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataDir::open(folder.path()).unwrap();
    let hub = crate::support::hub(&data);
    let apps = Apps::open(&data, vec![config()], &hub).unwrap();
    apps.default_app().hub().publish("chat", Message::new("1")).unwrap();
    hub.save().unwrap();
    let saved = fs::read(data.path().join("history/default.log")).unwrap();
    // A folder opens like a file, and cannot be read like one.
    fs::create_dir(data.path().join("history/other.log")).unwrap();
    let both = vec![config(), AppConfig::new("other")];
    let error = Apps::open(&data, both, &crate::support::hub(&data)).unwrap_err().to_string();
    assert!(error.starts_with("cannot take over the history of the app other: "), "{error}");
    assert_eq!(fs::read(data.path().join("history/default.log")).unwrap(), saved);
}

#[test]
fn names_cannot_lead_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(&DataDir::open(folder.path()).unwrap()).unwrap();
    for name in ["", ".", "../apps", "a/b", "a\0b"] {
        assert_eq!(store.save(name, &[]).unwrap_err().kind(), std::io::ErrorKind::InvalidInput, "{name:?}");
        assert_eq!(store.load(name).unwrap_err().kind(), std::io::ErrorKind::InvalidInput, "{name:?}");
    }
}
