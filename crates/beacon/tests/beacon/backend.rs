//! `BackendService`, called over Thrift.

#[path = "../../src/backend/backend_service.rs"]
#[allow(dead_code, missing_docs, unreachable_pub, clippy::all, reason = "generated")]
mod backend_service;

use std::sync::Arc;

use backend_service::{BackendServiceSyncClient, TBackendServiceSyncClient};
use planet_beacon::metrics::Metrics;
use planet_beacon::{AppConfig, BackendService};
use planet_net::{Listener, Shutdown};
use planet_thrift::{Client, ClientError, ClientSettings, Encoding, ServerSettings};

use crate::support::{API_KEY, TestServer, config};

struct Backend {
    server: TestServer,
    client: Client,
    metrics: Metrics,
}

fn start(config: AppConfig, encoding: Encoding) -> Backend {
    let server = TestServer::start(config);
    let settings = ServerSettings::default();
    let address = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(&[address], settings.limits(), Shutdown::new()).unwrap();
    let address = listener.addresses()[0].to_string();
    let service = BackendService::new(server.apps.clone(), settings);
    let metrics = Metrics::new(vec![Arc::new(service.clone())]);
    tokio::spawn(async move { service.serve(listener).await });
    let client = Client::framed(address, ClientSettings { encoding, ..ClientSettings::default() });
    Backend { server, client, metrics }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

macro_rules! call {
    ($backend:expr, $method:ident($($argument:expr),*)) => {
        $backend.client.call(|input, output| BackendServiceSyncClient::new(input, output).$method($($argument.into()),*)).await
    };
}

/// What a refusal says.
fn refusal<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> String {
    match answer {
        Err(ClientError::Thrift(planet_thrift::thrift::Error::Application(error))) => error.message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn messages_reach_channels_and_users_in_every_protocol() {
    for encoding in Encoding::ALL {
        let backend = start(config(), encoding);
        let julia = backend.server.subscriber("julia", &["chat", "news"]);
        let romeo = backend.server.subscriber("romeo", &["chat"]);
        let sent = call!(backend, send_channel_message(texts(&["chat", "news", "empty"]), "{\"a\": 1}", "default"));
        assert_eq!(sent.unwrap(), 3);
        assert_eq!(julia.take(), ["chat {\"a\": 1}", "news {\"a\": 1}"]);
        assert_eq!(romeo.take(), ["chat {\"a\": 1}"]);
        let sent = call!(backend, send_user_message(texts(&["romeo", "nobody"]), "[\n1]", API_KEY));
        assert_eq!(sent.unwrap(), 1);
        assert_eq!((julia.take(), romeo.take()), (vec![], vec!["[1]".to_owned()]));
    }
}

#[tokio::test]
async fn data_that_is_not_json_becomes_a_json_string() {
    let backend = start(config(), Encoding::Binary);
    let julia = backend.server.subscriber("julia", &["chat"]);
    let sent = call!(backend, send_channel_message(texts(&["chat"]), "say \"hi\"\n", "default"));
    assert_eq!(sent.unwrap(), 1);
    assert_eq!(julia.take(), ["chat \"say \\\"hi\\\"\\n\""]);
}

#[tokio::test]
async fn who_is_there() {
    let backend = start(config(), Encoding::Binary);
    let _subscribers = [("julia", "chat"), ("julia", "news"), ("romeo", "chat")]
        .map(|(user, channel)| backend.server.subscriber(user, &[channel]));
    assert_eq!(call!(backend, get_num_users_online("default")).unwrap(), 2);
    let online = call!(backend, get_users_online(texts(&["romeo", "nobody", "julia", "not a name"]), "default"));
    assert_eq!(online.unwrap(), ["romeo", "julia"]);
    let mut users = call!(backend, get_users_in_channel("chat", "default")).unwrap();
    users.sort();
    assert_eq!(users, ["julia", "romeo"]);
    assert!(call!(backend, get_users_in_channel("empty", "default")).unwrap().is_empty());
    assert_eq!(call!(backend, get_num_users_online("other")).unwrap(), 0);
}

#[tokio::test]
async fn a_logout_closes_all_connections_of_the_user() {
    let backend = start(config(), Encoding::Binary);
    let (julia, romeo) = (backend.server.subscriber("julia", &[]), backend.server.subscriber("romeo", &[]));
    call!(backend, logout("julia", "default")).unwrap();
    call!(backend, logout("nobody", "default")).unwrap();
    assert_eq!(julia.take(), ["closed 3503 force disconnect"]);
    assert_eq!(romeo.take(), Vec::<String>::new());
}

#[tokio::test]
async fn a_token_lets_a_client_in_as_that_user() {
    let backend = start(config(), Encoding::Binary);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let token = call!(backend, generate_token("julia", "default")).unwrap();
    let verifier = &backend.server.apps.default_app().orbit().verifier;
    let identity = verifier.connection(&token, Some("julia"), now).unwrap();
    assert_eq!(identity.user.as_deref(), Some("julia"));
    assert!(identity.expires_at.unwrap() >= now + 4320);
    assert!(verifier.connection(&token, Some("romeo"), now).is_err());
    let token = call!(backend, generate_token("#private", "default")).unwrap();
    assert!(verifier.subscription(&token, "#private", None, now).is_ok());
}

#[tokio::test]
async fn what_is_refused_is_said_and_sends_nothing() {
    let backend = start(config(), Encoding::Compact);
    let julia = backend.server.subscriber("julia", &["chat"]);
    let answer = call!(backend, send_channel_message(texts(&["chat"]), "1", "nobody's"));
    assert!(refusal(answer).contains("no app"));
    let answer = call!(backend, send_channel_message(texts(&["chat", "not a name"]), "1", "default"));
    assert!(refusal(answer).contains("channel"));
    let answer = call!(backend, send_user_message(texts(&["julia", ""]), "1", "default"));
    assert!(refusal(answer).contains("user"));
    let long = format!("\"{}\"", "x".repeat(999));
    let answer = call!(backend, send_channel_message(texts(&["chat"]), long.clone(), "default"));
    assert!(refusal(answer).contains("1000 bytes"));
    // Fits as it is, and not as a JSON string.
    let answer = call!(backend, send_channel_message(texts(&["chat"]), "\"".repeat(600), "default"));
    assert!(refusal(answer).contains("1000 bytes"));
    assert!(refusal(call!(backend, generate_token("not a name", "default"))).contains("user"));
    assert_eq!(julia.take(), Vec::<String>::new());
}

#[tokio::test]
async fn the_quota_counts_each_channel_and_each_user() {
    let config = AppConfig { rest_publications_per_second: 1, rest_publication_burst: 3, ..config() };
    let backend = start(config, Encoding::Binary);
    let julia = backend.server.subscriber("julia", &["a", "b", "c", "d"]);
    let answer = call!(backend, send_channel_message(texts(&["a", "b", "c", "d"]), "1", "default"));
    assert!(refusal(answer).contains("quota"));
    assert_eq!(julia.take(), Vec::<String>::new());
    assert_eq!(call!(backend, send_channel_message(texts(&["a", "b"]), "1", "default")).unwrap(), 2);
    assert!(refusal(call!(backend, send_user_message(texts(&["julia", "julia"]), "1", "default"))).contains("quota"));
}

#[tokio::test]
async fn calls_are_shown_in_the_figures() {
    let backend = start(config(), Encoding::Binary);
    call!(backend, get_num_users_online("default")).unwrap();
    let text = backend.metrics.text();
    let text = std::str::from_utf8(&text).unwrap();
    assert!(text.contains("planet_thrift_calls_total{end=\"answered\"} 1\n"), "{text}");
    assert!(text.contains("planet_thrift_connections 1\n"), "{text}");
    assert!(text.contains("planet_thrift_malformed_total 0\n"), "{text}");
}
