//! Calls of every method with every type, whose answers have to be right.

use std::collections::{BTreeMap, BTreeSet};

use planet_thrift::thrift::{ApplicationErrorKind, Error, OrderedFloat};
use planet_thrift::{Client, ClientError};

use super::probe::{Everything, Place, ProbeSyncClient, Refused, TProbeSyncClient, Tree, Value, Weather};

/// A value for every field, the most awkward one there is.
pub(crate) fn everything() -> Everything {
    let place = |name: &str, height: Option<f64>| Place::new(name.to_owned(), height.map(OrderedFloat), "Ǻ".to_owned());
    Everything {
        truth: Some(true),
        tiny: Some(i8::MIN),
        small: Some(i16::MIN),
        medium: Some(i32::MIN),
        large: Some(i64::MIN),
        real: Some(OrderedFloat(-1.5e-300)),
        text: Some("🪐 planet\n".to_owned()),
        bytes: Some((0..=255).collect()),
        weather: Some(Weather::SNOW),
        place: Some(place("Ω", Some(0.1))),
        rows: Some(vec![vec![], vec![1, -1], (0..40).collect()]),
        names: Some(BTreeSet::from(["".to_owned(), "julia".to_owned()])),
        places: Some(BTreeMap::from([("a".to_owned(), vec![place("b", None)]), ("c".to_owned(), vec![])])),
        groups: Some(BTreeMap::from([(-1, BTreeSet::from([i64::MAX, 0])), (i32::MAX, BTreeSet::new())])),
        value: Some(Value::Bytes(vec![0xff, 0xfe, 0x00])),
        absent: None,
        answer: Some(43),
        age: Some(-4320),
        flags: Some(vec![true, false, true]),
        far: Some(false),
    }
}

/// Makes the calls.
///
/// # Errors
///
/// When one fails, or its answer is not the right one.
pub(crate) async fn check(client: &Client) -> Result<(), String> {
    let sent = everything();
    let call = client.call(|input, output| ProbeSyncClient::new(input, output).echo(sent.clone()));
    expect("echo", call.await, &sent)?;
    for value in [Value::Number(-7), Value::Text("text".to_owned()), Value::Numbers(vec![1, 2])] {
        let sent = Everything { value: Some(value), weather: Some(Weather::RAIN), ..everything() };
        let call = client.call(|input, output| ProbeSyncClient::new(input, output).echo(sent.clone()));
        expect("echo", call.await, &sent)?;
    }
    let call = client.call(|input, output| ProbeSyncClient::new(input, output).negate(true));
    expect("negate", call.await, &false)?;
    let call = client.call(|input, output| ProbeSyncClient::new(input, output).add(-5, 3));
    expect("add", call.await, &-2)?;
    let call = client.call(|input, output| ProbeSyncClient::new(input, output).reverse(vec![0x00, 0xff, 0x80]));
    expect("reverse", call.await, &vec![0x80, 0xff, 0x00])?;
    let call = client.call(|input, output| ProbeSyncClient::new(input, output).nothing());
    expect("nothing", call.await, &())?;
    let leaf = |weight| Box::new(Tree::new(weight, None));
    let tree = Tree::new(1, vec![leaf(2), Box::new(Tree::new(3, vec![leaf(4)]))]);
    let call = client.call(|input, output| ProbeSyncClient::new(input, output).weigh(tree.clone()));
    expect("weigh", call.await, &10)?;
    check_exceptions(client).await?;
    check_oneway(client).await
}

async fn check_exceptions(client: &Client) -> Result<(), String> {
    let call = client.call(|input, output| ProbeSyncClient::new(input, output).refuse(-3)).await;
    match call.as_ref().map_err(ClientError::exception::<Refused>) {
        Err(Some(refused)) if *refused == Refused::new(-3, "as asked".to_owned()) => {}
        _ => return Err(format!("refuse gave {call:?}")),
    }
    let call = client.call(|input, mut output| {
        use planet_thrift::thrift::protocol::{TMessageIdentifier, TMessageType, TOutputProtocol, TStructIdentifier};
        output.write_message_begin(&TMessageIdentifier::new("juggle", TMessageType::Call, 1))?;
        output.write_struct_begin(&TStructIdentifier::new("juggle_args"))?;
        output.write_field_stop()?;
        output.write_struct_end()?;
        output.write_message_end()?;
        read_exception(input)
    });
    expect("juggle", call.await, &ApplicationErrorKind::UnknownMethod)
}

fn read_exception(mut input: planet_thrift::Input<'_>) -> planet_thrift::thrift::Result<ApplicationErrorKind> {
    use planet_thrift::thrift::protocol::TInputProtocol;
    input.read_message_begin()?;
    Error::read_application_error_from_in_protocol(&mut input).map(|error| error.kind)
}

async fn check_oneway(client: &Client) -> Result<(), String> {
    let text = format!("note {:?}", std::time::Instant::now());
    let noted = client.call(|input, output| ProbeSyncClient::new(input, output).note(text.clone())).await;
    expect("note", noted, &())?;
    // Over another connection the note may still be on its way.
    for _ in 0..100 {
        let notes = client.call(|input, output| ProbeSyncClient::new(input, output).notes()).await;
        if notes.map_err(|error| format!("notes: {error}"))?.contains(&text) {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Err("the note did not arrive".to_owned())
}

fn expect<T: PartialEq + std::fmt::Debug>(
    method: &str,
    answer: Result<T, ClientError>,
    expected: &T,
) -> Result<(), String> {
    match answer {
        Ok(answer) if answer == *expected => Ok(()),
        other => Err(format!("{method} gave {other:?} instead of {expected:?}")),
    }
}
