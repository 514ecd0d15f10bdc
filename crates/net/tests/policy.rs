//! A Flash player that asks for a policy file, and connections that only look like one.

mod common;

use std::time::Duration;

use common::{Running, read_to_end, start, start_with, until};
use planet_net::Limits;
use planet_net::policy::{PolicyFile, REQUEST};
use tokio::io::AsyncWriteExt;

const POLICY: &str = r#"<cross-domain-policy><allow-access-from domain="*" to-ports="8000"/></cross-domain-policy>"#;
const GET_AND_CLOSE: &str = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

fn start_with_policy(limits: Limits) -> Running {
    start_with(limits, None, |server| server.with_policy_file(PolicyFile::new(POLICY).unwrap()))
}

#[tokio::test]
async fn a_player_gets_the_file_and_others_are_served_as_ever() {
    let running = start_with_policy(Limits::default());
    let answer = running.exchange("<policy-file-request/>\0").await;
    assert_eq!(answer, format!("{POLICY}\0"));
    assert!(running.exchange(GET_AND_CLOSE).await.starts_with("HTTP/1.1 200"));
    assert!(running.exchange("<policy-file-request/>\r\n\r\n").await.starts_with("HTTP/1.1 400"));
    until(|| running.admission.connections() == 0).await;
    let traffic = running.admission.traffic();
    assert!(traffic.bytes_in() >= REQUEST.len() as u64 + GET_AND_CLOSE.len() as u64);
}

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_is_answered() {
    let running = start_with_policy(Limits::default());
    let mut player = running.connect().await;
    player.set_nodelay(true).unwrap();
    for byte in REQUEST {
        player.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(read_to_end(&mut player).await, format!("{POLICY}\0"));
}

#[tokio::test]
async fn a_request_that_never_ends_or_a_player_that_stays_is_cut_off() {
    let limits = Limits {
        header_timeout: Duration::from_millis(200),
        write_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let running = start_with_policy(limits);
    let mut slow = running.connect().await;
    slow.write_all(&REQUEST[..22]).await.unwrap();
    assert_eq!(read_to_end(&mut slow).await, "");
    assert_eq!(running.admission.traffic().timeouts(), 1);
    let mut stays = running.connect().await;
    stays.write_all(REQUEST).await.unwrap();
    assert_eq!(read_to_end(&mut stays).await, format!("{POLICY}\0"));
    until(|| running.admission.connections() == 0).await;
}

#[tokio::test]
async fn without_a_policy_file_such_a_request_is_not_http() {
    let running = start(Limits::default(), None);
    assert!(running.exchange("<policy-file-request/>\0").await.starts_with("HTTP/1.1 400"));
}
