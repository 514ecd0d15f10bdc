//! Users, presence, and messages to users and to everyone.

mod common;

use bytes::Bytes;
use common::World;
use planet_hub::*;

fn social() -> ChannelOptions {
    ChannelOptions { presence: true, join_leave: true, ..ChannelOptions::default() }
}

const WITH_JOINS: Subscribe = Subscribe { recover: None, join_leave: true };

#[test]
fn presence_names_connections_and_counts_users() {
    let world = World::new(social(), AppLimits::default());
    let clients = [Some("julia"), Some("julia"), Some("romeo"), None].map(|user| world.client(user));
    clients.iter().for_each(|client| client.subscribe("chat"));

    assert_eq!(world.app.presence_stats("chat"), Some(PresenceStats { clients: 4, users: 2 }));
    let mut present: Vec<ClientId> = world.app.presence("chat").unwrap().iter().map(|info| info.client).collect();
    let mut expected = clients.each_ref().map(|client| client.connection.id());
    present.sort();
    expected.sort();
    assert_eq!(present, expected);
    let mut users = world.app.users_in("chat");
    users.sort();
    assert_eq!(users.iter().map(|user| &**user).collect::<Vec<_>>(), ["julia", "romeo"]);

    clients[0].connection.end();
    assert_eq!(world.app.presence_stats("chat"), Some(PresenceStats { clients: 3, users: 2 }));
    assert!(clients[1].connection.unsubscribe("chat"));
    assert!(!clients[1].connection.unsubscribe("chat"));
    assert_eq!(world.app.presence_stats("chat"), Some(PresenceStats { clients: 2, users: 1 }));
}

#[test]
fn a_channel_without_presence_says_so_and_still_knows_its_users() {
    let world = World::new(ChannelOptions::default(), AppLimits::default());
    let clients = [world.client(Some("julia")), world.client(Some("julia"))];
    clients.iter().for_each(|client| client.subscribe("chat"));
    assert_eq!(world.app.presence("chat"), None);
    assert_eq!(world.app.presence_stats("chat"), None);
    assert_eq!(world.app.users_in("chat").len(), 1);
    assert_eq!(world.users.lock().unwrap().len(), 0);
}

#[test]
fn joins_and_leaves_are_told_to_those_who_asked() {
    let world = World::new(social(), AppLimits::default());
    let (curious, other) = (world.client(Some("julia")), world.client(Some("nurse")));
    curious.try_subscribe("chat", WITH_JOINS).unwrap();
    other.subscribe("chat");
    let romeo = world.client(Some("romeo"));
    romeo.try_subscribe("chat", WITH_JOINS).unwrap();
    romeo.connection.end();
    assert_eq!(curious.lines(), ["chat subscribed", "chat +nurse", "chat +romeo", "chat -romeo"]);
    assert_eq!(other.lines(), ["chat subscribed"]);
    assert_eq!(romeo.lines(), ["chat subscribed"]);
}

#[test]
fn the_observer_hears_of_users_rather_than_of_connections() {
    let world = World::new(social(), AppLimits::default());
    let (first, second) = (world.client(Some("julia")), world.client(Some("julia")));
    let anonymous = world.client(None);
    for client in [&first, &second, &anonymous] {
        client.subscribe("chat");
    }
    first.connection.end();
    anonymous.connection.end();
    assert_eq!(*world.users.lock().unwrap(), ["app/chat +julia"]);
    second.connection.unsubscribe("chat");
    assert_eq!(*world.users.lock().unwrap(), ["app/chat +julia", "app/chat -julia"]);
}

#[test]
fn who_is_named_after_subscribing_does_not_disturb_the_count() {
    let world = World::new(social(), AppLimits::default());
    let (early, late) = (world.client(Some("julia")), world.stranger(FormatId(0)));
    early.subscribe("chat");
    late.subscribe("chat");
    late.connection.identify(Some("julia"), None).unwrap();
    late.connection.end();
    assert_eq!(world.app.presence_stats("chat"), Some(PresenceStats { clients: 1, users: 1 }));
    assert_eq!(*world.users.lock().unwrap(), ["app/chat +julia"]);
}

#[test]
fn a_message_reaches_all_of_a_user_and_nobody_else() {
    let world = World::new(ChannelOptions::default(), AppLimits::default());
    let julias = [world.client(Some("julia")), world.client(Some("julia"))];
    let romeo = world.client(Some("romeo"));
    assert_eq!(world.app.tell_user("julia", &Bytes::from_static(b"1")), 2);
    assert_eq!(world.app.tell_user("nobody", &Bytes::from_static(b"2")), 0);
    assert_eq!(world.app.tell_everyone(&Bytes::from_static(b"3")), 3);
    for julia in &julias {
        assert_eq!(julia.lines(), ["message 1", "message 3"]);
    }
    assert_eq!(romeo.lines(), ["message 3"]);
}

#[test]
fn a_channel_named_after_a_user_reaches_each_of_its_connections_once() {
    for options in [ChannelOptions::default(), common::with_history(10)] {
        let world = World::new(options, AppLimits::default());
        let (subscribed, other) = (world.client(Some("julia")), world.client(Some("julia")));
        assert_eq!(world.publish("@julia", "1").sent, 2);
        subscribed.subscribe("@julia");
        assert_eq!(world.publish("@julia", "2").sent, 2);
        let offset = if options.history_size > 0 { 2 } else { 0 };
        assert_eq!(subscribed.lines(), ["message 1", "@julia subscribed", &format!("@julia #{offset} 2")]);
        assert_eq!(other.lines(), ["message 1", "message 2"]);
    }
}

#[test]
fn a_user_is_online_as_long_as_one_connection_is() {
    let world = World::new(ChannelOptions::default(), AppLimits::default());
    let (first, second) = (world.client(Some("julia")), world.client(Some("julia")));
    assert_eq!((world.app.users_online(), world.app.is_online("julia")), (1, true));
    first.connection.end();
    first.connection.end();
    assert_eq!((world.app.is_online("julia"), world.app.connection_count()), (true, 1));
    second.connection.end();
    assert_eq!((world.app.users_online(), world.app.connection_count()), (0, 0));
    assert_eq!(second.connection.identify(Some("julia"), None), Err(IdentifyError::AlreadyIdentified));
    assert_eq!(second.try_subscribe("chat", Subscribe::default()), Err(SubscribeError::Ended));
}

#[test]
fn disconnecting_a_user_says_why_after_what_was_queued() {
    let world = World::new(ChannelOptions::default(), AppLimits::default());
    let (julia, romeo) = (world.client(Some("julia")), world.client(Some("romeo")));
    world.app.tell_everyone(&Bytes::from_static(b"1"));
    let why = Disconnect { code: 3503, reason: "force disconnect" };
    assert_eq!(world.app.disconnect_user("julia", why), 1);
    world.app.tell_everyone(&Bytes::from_static(b"2"));
    assert_eq!(julia.lines(), ["message 1", "disconnect 3503"]);
    assert_eq!(julia.peer.stopped(), Some(Drained::Finished(Some(why))));
    assert_eq!(romeo.lines(), ["message 1", "message 2"]);
}

#[test]
fn whoever_has_not_said_who_it_is_is_told_nothing() {
    let world = World::new(ChannelOptions::default(), AppLimits::default());
    let (julia, stranger) = (world.client(Some("julia")), world.stranger(FormatId(0)));
    assert_eq!(world.app.tell_everyone(&Bytes::from_static(b"1")), 1);
    assert_eq!((julia.lines(), stranger.lines()), (vec!["message 1".to_owned()], vec![]));
    stranger.connection.identify(None, None).unwrap();
    assert_eq!(world.app.tell_everyone(&Bytes::from_static(b"2")), 2);
    assert_eq!(stranger.lines(), ["message 2"]);
}

#[test]
fn an_event_is_encoded_once_for_each_format_in_use() {
    let world = World::new(common::with_history(10), AppLimits::default());
    let clients: Vec<_> = (0..20).map(|at| world.stranger(FormatId(at % 2))).collect();
    clients.iter().for_each(|client| client.connection.identify(None, None).unwrap());
    clients.iter().for_each(|client| client.subscribe("chat"));
    let calls = || world.encoded.each_ref().map(|calls| calls.load(std::sync::atomic::Ordering::Relaxed));
    assert_eq!(world.publish("chat", "1").sent, 20);
    assert_eq!(calls(), [1, 1]);
    assert_eq!(world.app.tell_everyone(&Bytes::from_static(b"2")), 20);
    assert_eq!(calls(), [2, 2]);
    clients
        .iter()
        .filter(|client| client.connection.format() == FormatId(1))
        .for_each(|client| client.connection.end());
    world.publish("chat", "3");
    assert_eq!(calls(), [3, 2]);
}
