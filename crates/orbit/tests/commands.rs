//! Every command, over every transport of the client protocol.

mod support;

use std::time::Duration;

use planet_orbit::SessionSettings;
use serde_json::{Value, json};
use support::{Client, Kind, OTHER_KEY, Setup, error_code, in_seconds, post, token};

fn julia() -> Value {
    json!({"token": token(&json!({"sub": "julia", "info": {"name": "Julia"}}))})
}

#[tokio::test]
async fn each_command_is_answered() {
    let world = Setup::default().start();
    for kind in Kind::ALL {
        let channel = format!("chat:{kind:?}");
        let (mut client, connected) = Client::connect(&world, kind, julia()).await;
        assert_eq!(connected["ping"], 25, "{kind:?}");
        assert_eq!(connected["pong"], json!((kind != Kind::LongPoll).then_some(true)), "{kind:?}");
        assert_eq!(connected["client"].as_str().unwrap().len(), 36);
        assert_eq!(connected["session"].is_string(), kind != Kind::WebSocket, "{kind:?}");

        let subscribed = client.call("subscribe", json!({"channel": channel})).await;
        assert_eq!(subscribed["subscribe"]["recoverable"], true, "{kind:?}: {subscribed}");
        let again = client.call("subscribe", json!({"channel": channel})).await;
        assert_eq!(error_code(&again), 105);

        let published = client.call("publish", json!({"channel": channel, "data": {"text": "hi"}})).await;
        assert_eq!(published["publish"], json!({}));
        let push = client.push().await;
        assert_eq!(push["channel"], channel);
        assert_eq!(push["pub"]["data"], json!({"text": "hi"}));
        assert_eq!(push["pub"]["offset"], 1);
        assert_eq!(push["pub"]["info"]["user"], "julia");
        assert_eq!(push["pub"]["info"]["conn_info"], json!({"name": "Julia"}));

        let presence = client.call("presence", json!({"channel": channel})).await;
        let id = connected["client"].as_str().unwrap();
        assert_eq!(presence["presence"]["presence"][id]["user"], "julia", "{presence}");
        let stats = client.call("presence_stats", json!({"channel": channel})).await;
        assert_eq!(stats["presence_stats"], json!({"num_clients": 1, "num_users": 1}));

        let history = client.call("history", json!({"channel": channel, "limit": -1})).await;
        assert_eq!(history["history"]["offset"], 1);
        assert_eq!(history["history"]["publications"][0]["data"], json!({"text": "hi"}));
        assert_eq!(history["history"]["epoch"], subscribed["subscribe"]["epoch"]);

        assert_eq!(client.call("ping", json!({})).await["ping"], json!({}));
        assert_eq!(error_code(&client.call("rpc", json!({"method": "x", "data": 1})).await), 104);
        assert_eq!(error_code(&client.call("dance", json!({})).await), 104);
        assert_eq!(error_code(&client.call("connect", json!({})).await), 107);

        assert_eq!(client.call("unsubscribe", json!({"channel": channel})).await["unsubscribe"], json!({}));
        world.publish(&channel, "2");
        let batch = json!({"id": 90, "history": {"channel": channel}}).to_string()
            + "\n{\"send\":{\"data\":1}}\n"
            + &json!({"id": 91, "unsubscribe": {"channel": "never"}}).to_string();
        client.send(&batch).await;
        // Nothing of the channel comes in between.
        assert_eq!(client.next().await.unwrap()["id"], 90);
        assert_eq!(client.next().await.unwrap()["id"], 91);
        client.close().await;
    }
}

#[tokio::test]
async fn a_subscription_resumes_exactly_or_says_that_it_cannot() {
    let world = Setup::default().start();
    for kind in Kind::ALL {
        let channel = format!("log:{kind:?}");
        (1..=5).for_each(|number| world.publish(&channel, &number.to_string()));
        let (mut client, _) = Client::connect(&world, kind, json!({})).await;
        let history = client.call("history", json!({"channel": channel})).await;
        let epoch = history["history"]["epoch"].clone();
        let resume = |offset: u64, flag: u64| json!({"channel": channel, "recover": true, "offset": offset, "epoch": epoch, "flag": flag});
        let subscribed = client.call("subscribe", resume(2, 0)).await["subscribe"].clone();
        assert_eq!((&subscribed["recovered"], &subscribed["was_recovering"]), (&json!(true), &json!(true)));
        let missed: Vec<_> =
            subscribed["publications"].as_array().unwrap().iter().map(|missed| missed["data"].clone()).collect();
        assert_eq!(missed, [3, 4, 5], "{kind:?}");
        world.publish(&channel, "6");
        assert_eq!(client.push().await["pub"]["offset"], 6);
        client.call("unsubscribe", json!({"channel": channel})).await;

        (7..=20).for_each(|number| world.publish(&channel, &number.to_string()));
        assert_eq!(error_code(&client.call("subscribe", resume(6, 2)).await), 112);
        let subscribed = client.call("subscribe", resume(6, 0)).await["subscribe"].clone();
        assert_eq!((&subscribed["recovered"], &subscribed["was_recovering"]), (&Value::Null, &json!(true)));
        assert_eq!((&subscribed["offset"], &subscribed["publications"]), (&json!(20), &Value::Null));
        client.close().await;
    }
}

#[tokio::test]
async fn the_connect_reply_resumes_what_the_token_subscribes_to() {
    let world = Setup::default().start();
    for kind in Kind::ALL {
        let (news, private) = (format!("news:{kind:?}"), format!("private.{kind:?}"));
        let token = token(&json!({"sub": "julia", "channels": [news, private]}));
        let (first, connected) = Client::connect(&world, kind, json!({"token": token})).await;
        assert_eq!(connected["subs"][&private]["recoverable"], true, "{kind:?}");
        let epoch = |channel: &str| connected["subs"][channel]["epoch"].clone();
        first.close().await;
        (1..=3).for_each(|number| world.publish(&news, &number.to_string()));
        (1..=12).for_each(|number| world.publish(&private, &number.to_string()));
        let positions = json!({
            news.as_str(): {"recover": true, "offset": 1, "epoch": epoch(&news)},
            private.as_str(): {"recover": true, "offset": 1, "epoch": epoch(&private)},
        });
        let (mut client, connected) = Client::connect(&world, kind, json!({"token": token, "subs": positions})).await;
        let missed: Vec<_> = connected["subs"][&news]["publications"]
            .as_array()
            .unwrap()
            .iter()
            .map(|missed| missed["offset"].clone())
            .collect();
        assert_eq!(missed, [2, 3], "{kind:?}");
        assert_eq!(connected["subs"][&private]["recovered"], Value::Null, "ten are kept, eleven were missed");
        assert_eq!(connected["subs"][&private]["was_recovering"], true);
        world.publish(&private, "13");
        assert_eq!(client.push().await["pub"]["offset"], 13);
        client.close().await;
    }
}

#[tokio::test]
async fn joins_and_leaves_are_told_to_those_who_may_see_who_is_there() {
    let world = Setup::default().start();
    for kind in Kind::ALL {
        let channel = format!("quiet.{kind:?}");
        let wish = json!({"channel": channel, "join_leave": true});
        let (mut anonymous, _) = Client::connect(&world, kind, json!({})).await;
        let (mut romeo, _) = Client::connect(&world, kind, json!({"token": token(&json!({"sub": "romeo"}))})).await;
        anonymous.call("subscribe", wish.clone()).await;
        romeo.call("subscribe", wish.clone()).await;
        let (mut julia, connected) = Client::connect(&world, Kind::WebSocket, julia()).await;
        julia.call("subscribe", wish).await;
        let join = romeo.push().await;
        assert_eq!(join["join"]["info"]["client"], connected["client"], "{kind:?}: {join}");
        julia.close().await;
        let leave = romeo.push().await;
        assert_eq!(leave["leave"]["info"]["user"], "julia", "{kind:?}: {leave}");
        world.publish(&channel, "1");
        assert_eq!(anonymous.push().await["pub"]["data"], 1, "{kind:?}: no join came before it");
        assert_eq!(error_code(&anonymous.call("presence", json!({"channel": channel})).await), 103);
        assert_eq!(error_code(&anonymous.call("history", json!({"channel": channel})).await), 103);
    }
}

#[tokio::test]
async fn whoever_does_not_answer_a_ping_is_disconnected_and_whoever_does_is_not() {
    let second = Duration::from_secs(1);
    let sessions = SessionSettings {
        connect_timeout: Duration::ZERO,
        ping_interval: 2 * second,
        pong_timeout: second,
        poll_gap: second,
        ..SessionSettings::default()
    };
    let world = Setup { sessions, ..Setup::default() }.start();
    let mut silent = Vec::new();
    for kind in [Kind::WebSocket, Kind::HttpStream, Kind::Sse] {
        let (mut client, connected) = Client::connect(&world, kind, json!({})).await;
        assert_eq!(connected["ping"], 2);
        client.answers_pings = false;
        silent.push(client);
    }
    let (_never_polls, _) = Client::connect(&world, Kind::LongPoll, json!({})).await;
    let mut lively = Vec::new();
    for kind in Kind::ALL {
        lively.push(Client::connect(&world, kind, json!({})).await.0);
    }
    let lively = tokio::spawn(async move {
        for client in &mut lively {
            client.call("subscribe", json!({"channel": "end"})).await;
        }
        let waiting = lively.into_iter().map(|mut client| tokio::spawn(async move { client.push().await }));
        for client in waiting.collect::<Vec<_>>() {
            assert_eq!(client.await.unwrap()["pub"]["data"], "the end");
        }
    });
    for client in &mut silent {
        assert_eq!(client.end().await, 3012);
    }
    drop(silent);
    world.until_connections(4).await;
    world.publish("end", "\"the end\"");
    lively.await.unwrap();
}

#[tokio::test]
async fn tokens_are_renewed_while_the_connection_goes_on() {
    let world = Setup::default().start();
    for kind in Kind::ALL {
        let channel = format!("private.{kind:?}");
        let of = |claims: &Value| token(claims);
        let short = of(&json!({"sub": "julia", "exp": in_seconds(60)}));
        let (mut client, connected) = Client::connect(&world, kind, json!({"token": short})).await;
        assert_eq!(connected["expires"], true);
        assert!((50..=60).contains(&connected["ttl"].as_u64().unwrap()), "{connected}");
        let long = of(&json!({"sub": "julia", "exp": in_seconds(600)}));
        let refreshed = client.call("refresh", json!({"token": long})).await;
        assert!((590..=600).contains(&refreshed["refresh"]["ttl"].as_u64().unwrap()), "{refreshed}");
        let late = of(&json!({"sub": "julia", "exp": in_seconds(-60)}));
        assert_eq!(error_code(&client.call("refresh", json!({"token": late})).await), 109);

        assert_eq!(error_code(&client.call("subscribe", json!({"channel": channel})).await), 103);
        let wrong = of(&json!({"sub": "julia", "channel": "private.other"}));
        let wrong = client.call("subscribe", json!({"channel": channel, "token": wrong})).await;
        assert_eq!(error_code(&wrong), 103);
        let right = |seconds| of(&json!({"sub": "julia", "channel": channel, "exp": in_seconds(seconds)}));
        let subscribed = client.call("subscribe", json!({"channel": channel, "token": right(60)})).await;
        assert_eq!(subscribed["subscribe"]["expires"], true);
        let renewed = client.call("sub_refresh", json!({"channel": channel, "token": right(600)})).await;
        assert!(renewed["sub_refresh"]["ttl"].as_u64().unwrap() > 500, "{renewed}");
        assert_eq!(client.call("publish", json!({"channel": channel, "data": 1})).await["publish"], json!({}));
        assert_eq!(client.push().await["pub"]["data"], 1);
        client.call("unsubscribe", json!({"channel": channel})).await;
        let after = client.call("publish", json!({"channel": channel, "data": 1})).await;
        assert_eq!(error_code(&after), 103, "the token went with the subscription");

        let somebody_else = of(&json!({"sub": "romeo", "exp": in_seconds(600)}));
        client.send(&json!({"id": 99, "refresh": {"token": somebody_else}}).to_string()).await;
        assert_eq!(client.end().await, 3500, "{kind:?}");
    }
}

#[tokio::test]
async fn tokens_that_are_not_renewed_end_what_they_were_for() {
    let sessions = SessionSettings {
        connect_timeout: Duration::ZERO,
        ping_interval: Duration::from_secs(1),
        pong_timeout: Duration::from_secs(1),
        refresh_grace: Duration::ZERO,
        ..SessionSettings::default()
    };
    let world = Setup { sessions, ..Setup::default() }.start();
    let lasting = token(&json!({"sub": "julia"}));
    let (mut subscriber, _) = Client::connect(&world, Kind::WebSocket, json!({"token": lasting})).await;
    let short = token(&json!({"sub": "julia", "channel": "private.x", "exp": in_seconds(2)}));
    subscriber.call("subscribe", json!({"channel": "private.x", "token": short})).await;
    let short = token(&json!({"sub": "julia", "exp": in_seconds(2)}));
    let (mut client, _) = Client::connect(&world, Kind::Sse, json!({"token": short})).await;
    let ended = tokio::spawn(async move { client.end().await });
    let push = subscriber.push().await;
    assert_eq!((&push["channel"], &push["unsubscribe"]["code"]), (&json!("private.x"), &json!(2501)));
    assert_eq!(subscriber.call("ping", json!({})).await["ping"], json!({}), "its connection goes on");
    assert_eq!(ended.await.unwrap(), 3005);
}

#[tokio::test]
async fn an_app_is_reached_by_its_key_and_its_sessions_by_nobody_else() {
    let world = Setup::default().start();
    let prefix = format!("/app/{OTHER_KEY}");
    for kind in Kind::ALL {
        let mut client = Client::open_at(world.address, &prefix, kind, json!({})).await;
        let connected = client.reply(1).await["connect"].clone();
        assert_eq!((world.other.hub.connection_count(), world.app.hub.connection_count()), (1, 0), "{kind:?}");
        if kind != Kind::WebSocket {
            let session = connected["session"].clone();
            let envelope = json!({"session": session, "node": "", "data": "{\"id\":7,\"ping\":{}}"}).to_string();
            assert_eq!(post(world.address, "/emulation", envelope.clone()).await.status, 404);
            assert_eq!(post(world.address, &format!("{prefix}/emulation"), envelope).await.status, 204);
            let poll = json!({"session": session, "cursor": 1}).to_string();
            assert_eq!(post(world.address, "/connection/long_poll", poll).await.status, 404);
        }
        if kind == Kind::LongPoll {
            let poll = json!({"session": connected["session"], "cursor": 1}).to_string();
            let answer = post(world.address, &format!("{prefix}/connection/long_poll"), poll).await;
            assert_eq!(answer.json()["frames"], json!([{"id": 7, "ping": {}}]));
            break;
        }
        client.close().await;
        while world.other.hub.connection_count() > 0 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(post(world.address, "/app/nobody/connection/http_stream", "{}").await.status, 404);
}
