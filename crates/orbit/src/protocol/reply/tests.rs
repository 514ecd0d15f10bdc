use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn replied<R: ResultBody>(result: &R) -> Value {
    let mut out = Vec::new();
    reply(&mut out, 7, result);
    let mut value: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(value["id"], 7);
    value[R::METHOD].take()
}

fn publication(data: &[u8], offset: u64) -> Publication<'_> {
    Publication { data: RawJson::trusted(data), info: None, offset: Some(offset), tags: &[] }
}

#[test]
fn a_failure_says_whether_to_try_again() {
    let mut out = Vec::new();
    error(&mut out, 3, ErrorCode::INTERNAL);
    assert_eq!(out, br#"{"id":3,"error":{"code":100,"message":"internal server error","temporary":true}}"#);
    out.clear();
    error_explained(&mut out, 4, ErrorCode::BAD_REQUEST, "no \"channel\"");
    assert_eq!(out, br#"{"id":4,"error":{"code":107,"message":"no \"channel\""}}"#);
}

#[test]
fn empty_results_are_empty_objects() {
    let mut out = Vec::new();
    reply(&mut out, 1, &PublishResult);
    assert_eq!(out, br#"{"id":1,"publish":{}}"#);
    assert_eq!(replied(&UnsubscribeResult), json!({}));
    assert_eq!(replied(&PingResult), json!({}));
    assert_eq!(replied(&SubscribeResult::default()), json!({}));
}

#[test]
fn a_connect_result_carries_the_server_side_subscriptions() {
    let subs = [("news", SubscribeResult { recoverable: true, offset: 4, ..Default::default() })];
    let result = ConnectResult {
        client: "c-1",
        version: "0.1.0",
        expires: true,
        ttl: 300,
        data: Some(RawJson::trusted(b"{\"x\":[]}")),
        subs: &subs,
        ping: 25,
        pong: true,
        session: "s",
        node: "n",
    };
    assert_eq!(
        replied(&result),
        json!({
            "client": "c-1", "version": "0.1.0", "expires": true, "ttl": 300,
            "data": {"x": []}, "subs": {"news": {"recoverable": true, "offset": 4}},
            "ping": 25, "pong": true, "session": "s", "node": "n",
        })
    );
}

#[test]
fn a_recovered_subscription_carries_what_was_missed() {
    let publications = [publication(b"1", 5), publication(b"2", 6)];
    let result = SubscribeResult {
        recoverable: true,
        epoch: "e",
        offset: 4,
        publications: &publications,
        recovered: true,
        was_recovering: true,
        positioned: true,
        ..Default::default()
    };
    assert_eq!(
        replied(&result),
        json!({
            "recoverable": true, "epoch": "e", "offset": 4, "recovered": true,
            "was_recovering": true, "positioned": true,
            "publications": [{"data": 1, "offset": 5}, {"data": 2, "offset": 6}],
        })
    );
}

#[test]
fn presence_and_history_keep_their_fields_when_empty() {
    assert_eq!(replied(&PresenceResult::default()), json!({"presence": {}}));
    assert_eq!(replied(&PresenceStatsResult::default()), json!({"num_clients": 0, "num_users": 0}));
    assert_eq!(replied(&HistoryResult::default()), json!({"publications": [], "epoch": "", "offset": 0}));
}

#[test]
fn presence_is_by_connection() {
    let info = ClientInfo { user: "julia", client: "c-1", conn_info: None, chan_info: Some(RawJson::trusted(b"{}")) };
    assert_eq!(
        replied(&PresenceResult { presence: &[("c-1", info)] }),
        json!({"presence": {"c-1": {"user": "julia", "client": "c-1", "chan_info": {}}}})
    );
}

#[test]
fn refreshed_tokens_have_a_new_life() {
    let result = RefreshResult { client: "c-1", version: "", expires: true, ttl: 60 };
    assert_eq!(replied(&result), json!({"client": "c-1", "expires": true, "ttl": 60}));
    assert_eq!(replied(&SubRefreshResult { expires: true, ttl: 9 }), json!({"expires": true, "ttl": 9}));
}

proptest! {
    #[test]
    fn a_reply_reads_back_as_it_was(
        epoch in ".*", offset: u64, payload in ".*", client in ".*", ttl: u32,
    ) {
        let data = serde_json::to_vec(&payload).unwrap();
        let history = HistoryResult {
            publications: &[publication(&data, 1)],
            epoch: &epoch,
            offset,
        };
        prop_assert_eq!(replied(&history), json!({
            "publications": [{"data": payload, "offset": 1}], "epoch": epoch, "offset": offset,
        }));
        let connect = ConnectResult { client: &client, ttl, ..Default::default() };
        let value = replied(&connect);
        prop_assert_eq!(&value["client"], &json!(client));
        prop_assert_eq!(value["ttl"].as_u64().unwrap_or(0), u64::from(ttl));
    }

    #[test]
    fn an_explanation_reads_back_as_it_was(text in ".*") {
        let mut out = Vec::new();
        error_explained(&mut out, 1, ErrorCode::BAD_REQUEST, &text);
        prop_assert!(!out.contains(&b'\n'));
        let value: Value = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(&value["error"]["message"], &json!(text));
    }
}
