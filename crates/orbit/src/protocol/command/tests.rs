use proptest::prelude::*;

use super::*;
use crate::protocol::json::JsonError;

fn parse_all(frame: &str) -> Vec<Result<Command<'_>, CommandError>> {
    parse(frame.as_bytes(), FrameLimits::default()).unwrap().collect()
}

fn parse_one(line: &str) -> Result<Command<'_>, CommandError> {
    let mut commands = parse_all(line);
    assert_eq!(commands.len(), 1, "{line}");
    commands.remove(0)
}

fn problem(line: &str) -> (Option<u32>, Problem) {
    let error = parse_one(line).unwrap_err();
    (error.id, error.problem)
}

#[test]
fn each_method_is_told_by_its_field() {
    for name in [
        "connect",
        "subscribe",
        "unsubscribe",
        "publish",
        "presence",
        "presence_stats",
        "history",
        "ping",
        "send",
        "rpc",
        "refresh",
        "sub_refresh",
    ] {
        let line = format!("{{\"id\":7,\"{name}\":{{}}}}");
        let command = parse_one(&line).unwrap();
        assert_eq!((command.id, command.method.name()), (7, name));
        assert!(!matches!(command.method, Method::Unknown(_)));
    }
}

#[test]
fn parameters_arrive() {
    let command =
        parse_one(r#"{"subscribe":{"channel":"chat:1","recover":true,"offset":9,"epoch":"x","flag":1},"id":2}"#)
            .unwrap();
    let Method::Subscribe(request) = command.method else { panic!("{command:?}") };
    assert_eq!((request.channel.as_ref(), request.offset, request.recover), ("chat:1", 9, true));

    let command = parse_one(r#"{"id":1,"publish":{"channel":"c","data":{"a": [1,2]},"new":[{}]}}"#).unwrap();
    let Method::Publish(request) = command.method else { panic!("{command:?}") };
    assert_eq!(request.data.unwrap().get(), r#"{"a": [1,2]}"#);

    let command =
        parse_one(r#"{"id":1,"history":{"channel":"c","limit":-1,"since":{"offset":3,"epoch":"e"},"reverse":true}}"#)
            .unwrap();
    let Method::History(request) = command.method else { panic!("{command:?}") };
    assert_eq!((request.limit, request.reverse), (-1, true));
    assert_eq!(request.since.unwrap().offset, 3);
}

#[test]
fn the_empty_object_is_a_pong() {
    assert!(matches!(parse_one("{}").unwrap(), Command { id: 0, method: Method::Pong }));
    assert!(matches!(parse_one(" { } \r").unwrap().method, Method::Pong));
}

#[test]
fn a_batch_is_one_command_a_line() {
    let frame = "\r\n{\"id\":1,\"ping\":{}}\r\n\n  \n{}\n{\"id\":2,\"ping\":{}}\n";
    let ids: Vec<u32> = parse_all(frame).into_iter().map(|command| command.unwrap().id).collect();
    assert_eq!(ids, [1, 0, 2]);
    assert!(parse_all("").is_empty());
    assert!(parse_all("\n \r\n").is_empty());
}

#[test]
fn a_mistake_spoils_only_its_own_command() {
    let results = parse_all("{\"id\":1,\"ping\":{}}\nnonsense\n{\"id\":2,\"ping\":{}}");
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn one_command_too_many_refuses_the_frame() {
    let limits = FrameLimits { commands: 3, ..FrameLimits::default() };
    assert_eq!(parse(b"{}\n{}\n\n{}\n", limits).unwrap().count(), 3);
    assert_eq!(parse(b"{}\n{}\n{}\n{}", limits).unwrap_err(), FrameError::TooManyCommands { limit: 3 });
}

#[test]
fn bytes_that_are_not_utf8_refuse_the_frame() {
    assert_eq!(parse(b"{}\n\"\xff\"", FrameLimits::default()).unwrap_err(), FrameError::NotUtf8 { valid_up_to: 4 });
}

#[test]
fn an_unknown_method_can_be_answered() {
    let command = parse_one(r#"{"id":4,"teleport":{"to":"mars"}}"#).unwrap();
    assert_eq!(command.id, 4);
    assert!(matches!(command.method, Method::Unknown(name) if name == "teleport"));
}

#[test]
fn an_unknown_field_beside_a_method_is_passed_over() {
    let command = parse_one(r#"{"id":4,"trace":"abc","ping":{}}"#).unwrap();
    assert!(matches!(command.method, Method::Ping));
}

#[test]
fn a_command_has_one_method_and_one_id() {
    assert_eq!(problem(r#"{"id":1,"ping":{},"presence":{}}"#), (Some(1), Problem::Ambiguous));
    assert_eq!(problem(r#"{"id":1,"ping":{},"ping":{}}"#), (Some(1), Problem::Ambiguous));
    assert_eq!(problem(r#"{"id":1,"id":2,"ping":{}}"#).1, Problem::Ambiguous);
    assert_eq!(problem(r#"{"id":1}"#), (Some(1), Problem::NoMethod));
    assert_eq!(problem(r#"{"id":0}"#), (None, Problem::NoMethod));
}

#[test]
fn a_reply_needs_an_id() {
    assert_eq!(problem(r#"{"ping":{}}"#), (None, Problem::NoId));
    assert_eq!(problem(r#"{"id":0,"subscribe":{"channel":"c"}}"#), (None, Problem::NoId));
    assert_eq!(problem(r#"{"teleport":{}}"#), (None, Problem::NoId));
    let command = parse_one(r#"{"send":{"data":1}}"#).unwrap();
    assert!(matches!(command.method, Method::Send(_)));
}

#[test]
fn a_value_of_the_wrong_type_is_answered_where_the_id_is_known() {
    assert_eq!(problem(r#"{"subscribe":{"channel":5},"id":3}"#), (Some(3), Problem::WrongType { column: 25 }));
    for line in [
        r#"{"id":3,"subscribe":{"channel":"c","offset":-1}}"#,
        r#"{"id":3,"subscribe":[]}"#,
        r#"{"id":3,"subscribe":null}"#,
        r#"{"id":3,"history":{"since":7}}"#,
        r#"{"id":3,"connect":{"headers":{"a":1}}}"#,
    ] {
        assert!(matches!(problem(line), (Some(3), Problem::WrongType { .. })), "{line}");
    }
    for line in [
        r#"{"id":-1,"ping":{}}"#,
        r#"{"id":4294967296,"ping":{}}"#,
        r#"{"id":"1","ping":{}}"#,
        r#"{"id":1.5,"ping":{}}"#,
        r#"[{"id":1,"ping":{}}]"#,
        "17",
        "null",
    ] {
        assert!(matches!(problem(line), (None, Problem::WrongType { .. })), "{line}");
    }
}

#[test]
fn text_that_is_not_json_has_no_id() {
    for line in [r#"{"id":1,"ping":{}"#, r#"{"id":1,"ping":{}} x"#, "{}{}", "hello", r#"{"id":01}"#] {
        assert!(matches!(problem(line), (None, Problem::Json(JsonError::Syntax { .. }))), "{line}");
    }
}

#[test]
fn no_error_quotes_the_command() {
    for line in [r#"{"id":1,"connect":{"token":["s3cret"]}}"#, r#"{"id":"s3cret","ping":{}}"#] {
        let error = parse_one(line).unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn deep_nesting_is_refused_in_one_pass() {
    let depth = 100_000;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let data = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        for line in [
            format!("{{\"id\":1,\"publish\":{{\"channel\":\"c\",\"data\":{data}}}}}"),
            format!("{{\"id\":1,\"unknown\":{data}}}"),
            format!("{{\"id\":{data},\"ping\":{{}}}}"),
            data,
        ] {
            assert_eq!(problem(&line), (None, Problem::TooDeep { limit: 130 }));
        }
    }
}

#[test]
fn deep_nesting_that_is_allowed_costs_no_stack() {
    let depth = 100_000;
    let data = "[".repeat(depth) + &"]".repeat(depth);
    let line = format!("{{\"id\":1,\"publish\":{{\"channel\":\"c\",\"data\":{data}}}}}");
    let limits = FrameLimits { depth: depth + 2, ..FrameLimits::default() };
    let command = parse(line.as_bytes(), limits).unwrap().next().unwrap().unwrap();
    let Method::Publish(request) = command.method else { panic!("not a publish") };
    assert_eq!(request.data.unwrap().get().len(), 2 * depth);
}

#[test]
fn a_payload_may_nest_as_deep_as_the_default_says() {
    let data = "[".repeat(DEFAULT_MAX_DEPTH) + &"]".repeat(DEFAULT_MAX_DEPTH);
    let line = format!("{{\"id\":1,\"publish\":{{\"channel\":\"c\",\"data\":{data}}}}}");
    assert!(parse_one(&line).is_ok());
}

fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("\n".to_owned()),
        Just("\"".to_owned()),
        Just(":".to_owned()),
        Just(",".to_owned()),
        Just("\"id\":".to_owned()),
        Just("\"ping\":{}".to_owned()),
        Just("\"subscribe\":{\"channel\":\"c\"".to_owned()),
        Just("\"since\":".to_owned()),
        Just("null".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        ".{0,3}",
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(frame in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(commands) = parse(&frame, FrameLimits::default()) {
            prop_assert!(commands.count() <= FrameLimits::default().commands);
        }
    }

    #[test]
    fn no_mix_of_fragments_makes_it_panic(parts in prop::collection::vec(fragment(), 0..30)) {
        let frame = parts.concat();
        for command in parse_all(&frame).into_iter().flatten() {
            prop_assert!(command.id != 0 || !command.method.needs_reply());
        }
    }

    #[test]
    fn a_publish_arrives_as_it_was_sent(id in 1..=u32::MAX, channel in ".*", text in ".*") {
        let data = serde_json::to_string(&text).unwrap();
        let name = serde_json::to_string(&channel).unwrap();
        let line = format!("{{\"id\":{id},\"publish\":{{\"channel\":{name},\"data\":{data}}}}}");
        let command = parse_one(&line).unwrap();
        prop_assert_eq!(command.id, id);
        let Method::Publish(request) = command.method else { panic!("not a publish") };
        prop_assert_eq!(request.channel.as_ref(), channel);
        prop_assert_eq!(request.data.unwrap().get(), data);
    }
}
