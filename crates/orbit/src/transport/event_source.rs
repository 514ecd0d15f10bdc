//! `/sse`: the messages of channels alone, for any `EventSource` (the HTML standard, section 9.2), which resumes by itself
//! with `Last-Event-ID`.
//!
//! An event's id is `EPOCH:OFFSET:CHANNEL`; with several channels, the ids of all of them with spaces between, so that the
//! last one received says where each channel stands.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use planet_hub::{Epoch, Position};

use super::Transport;
use super::body::{Rewrite, streaming};
use super::emulation::open_session;
use super::routes::{Client, refuse};
use super::sse::EVENT_STREAM;
use crate::app::App;
use crate::format::Wire;
use crate::orbit::Orbit;

/// What the query asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Query {
    channels: Vec<String>,
    token: String,
    user: Option<String>,
    last_event_id: Option<String>,
}

impl Query {
    fn parse(query: &str) -> Self {
        let mut parsed = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "channel" if parsed.channels.iter().any(|known| *known == value) => {}
                "channel" => parsed.channels.push(value.into_owned()),
                "token" => parsed.token = value.into_owned(),
                "user" => parsed.user = Some(value.into_owned()),
                "lastEventId" => parsed.last_event_id = Some(value.into_owned()),
                _ => {}
            }
        }
        parsed
    }
}

pub(super) async fn open(
    State(orbit): State<Arc<Orbit>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Query::parse(query.as_deref().unwrap_or(""));
    if let Err(wrong) = check_channels(&client.app, &query.channels) {
        return refuse(StatusCode::BAD_REQUEST, wrong);
    }
    let last_event_id = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .map(str::to_owned)
        .or(query.last_event_id)
        .filter(|id| !id.is_empty());
    let session = match open_session(&orbit, &client, Wire::PlainEvents, Transport::EventSource) {
        Ok(session) => session,
        Err(refused) => return refused.into_response(),
    };
    let seen = last_event_id.as_deref().map(|id| {
        let mut seen = parse_positions(id);
        // What it says of other channels is not repeated in the ids that follow.
        seen.retain(|(channel, _)| query.channels.contains(channel));
        seen
    });
    let subscribed = session.subscribe_plainly(&query.token, query.user.as_deref(), &query.channels, |channel| {
        seen.as_ref().map(|seen| seen.iter().find(|(name, _)| name == channel).map(|(_, position)| *position))
    });
    match subscribed {
        Ok(()) => {
            let rewrite = (query.channels.len() > 1).then(|| with_all_positions(seen.unwrap_or_default()));
            streaming(session, EVENT_STREAM, rewrite)
        }
        Err((status, text)) => refuse(status, text),
    }
}

fn check_channels(app: &App, channels: &[String]) -> Result<(), String> {
    let limit = app.settings.event_stream_channels;
    match channels.len() {
        0 => Err("the query needs channel=NAME, once for each channel".to_owned()),
        count if count > limit => Err(format!("the query names {count} channels; {limit} are allowed")),
        _ => Ok(()),
    }
}

/// The positions of an event id. What is not of its form says nothing of any channel.
fn parse_positions(id: &str) -> Vec<(String, Position)> {
    let position = |part: &str| {
        let (epoch, rest) = part.split_once(':')?;
        let (offset, channel) = rest.split_once(':')?;
        let position = Position { epoch: Epoch::parse(epoch)?, offset: offset.parse().ok()? };
        Some((channel.to_owned(), position))
    };
    id.split(' ').filter_map(position).collect()
}

fn write_id(positions: &[(String, Position)], out: &mut BytesMut) {
    out.extend_from_slice(b"id:");
    for (channel, Position { epoch, offset }) in positions {
        out.extend_from_slice(format!(" {epoch}:{offset}:{channel}").as_bytes());
    }
    out.extend_from_slice(b"\n");
}

/// Makes the id of each event tell the positions of all channels, not only of its own.
fn with_all_positions(mut positions: Vec<(String, Position)>) -> Rewrite {
    Box::new(move |frame: &Bytes, out: &mut BytesMut| {
        let mut rest = &frame[..];
        // A frame may hold several events: what was missed arrives in one.
        while let Some(end) = rest.windows(2).position(|two| two == b"\n\n") {
            let (event, after) = rest.split_at(end + 2);
            rest = after;
            let id_line =
                event.strip_prefix(b"id: ").and_then(|id| Some(id.split_at(id.iter().position(|b| *b == b'\n')?)));
            let Some((id, body)) = id_line else {
                out.extend_from_slice(event);
                continue;
            };
            for (channel, position) in std::str::from_utf8(id).map(parse_positions).unwrap_or_default() {
                match positions.iter_mut().find(|(known, _)| *known == channel) {
                    Some((_, at)) => *at = position,
                    None => positions.push((channel, position)),
                }
            }
            write_id(&positions, out);
            out.extend_from_slice(&body[1..]);
        }
        out.extend_from_slice(rest);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_names_channels_and_where_to_go_on() {
        let query = Query::parse("channel=a&channel=%23b&channel=a&token=t&lastEventId=x%3A1&x=y");
        assert_eq!(query.channels, ["a", "#b"]);
        assert_eq!(query.token, "t");
        assert_eq!(query.last_event_id.as_deref(), Some("x:1"));
    }

    #[test]
    fn positions_are_read_back_and_nonsense_is_passed_over() {
        let id = "0123456789ab:7:chat:42 ba9876543210:0:news nonsense 1:2:3";
        let positions = parse_positions(id);
        assert_eq!(positions.len(), 2);
        assert_eq!((positions[0].0.as_str(), positions[0].1.offset), ("chat:42", 7));
        assert_eq!((positions[1].0.as_str(), positions[1].1.offset), ("news", 0));
    }

    #[test]
    fn each_event_tells_all_positions() {
        let mut rewrite = with_all_positions(parse_positions("0123456789ab:7:a"));
        let mut out = BytesMut::new();
        let frame = "id: 0123456789ab:8:a\ndata: 1\n\nid: ba9876543210:1:b\ndata: 2\n\n:\n\n";
        rewrite(&Bytes::from_static(frame.as_bytes()), &mut out);
        assert_eq!(
            std::str::from_utf8(&out).unwrap(),
            "id: 0123456789ab:8:a\ndata: 1\n\n\
             id: 0123456789ab:8:a ba9876543210:1:b\ndata: 2\n\n:\n\n"
        );
    }
}
