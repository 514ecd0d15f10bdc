//! Long-polling clients: a request at a time, each held until there is something to say.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::Requests;
use super::http::body;
use crate::error::ClientError;
use crate::subscriber::Subscriber;

/// The answer to a poll.
#[derive(Debug, Deserialize)]
struct Frames<'a> {
    /// Only in the first answer.
    session: Option<String>,
    cursor: u64,
    #[serde(borrow)]
    frames: Vec<&'a RawValue>,
}

pub(super) async fn run(mut subscriber: Subscriber) -> Result<(), ClientError> {
    let context = subscriber.context().clone();
    let path = context.target.path("/connection/long_poll");
    let mut requests = Requests::connect(&context.target, subscriber.client()).await?;
    let mut poll = subscriber.first_commands();
    let mut session = String::new();
    loop {
        let answer = body(requests.post(&path, &[], poll).await?).await?;
        let answer: Frames<'_> = serde_json::from_slice(&answer)
            .map_err(|error| ClientError::Protocol(format!("an answer to a poll that is none: {error}")))?;
        for frame in answer.frames {
            // A ping is answered by the next poll itself.
            subscriber.frame(frame.get().as_bytes())?;
        }
        if let Some(name) = answer.session {
            session = name;
        }
        poll = json!({ "session": session, "cursor": answer.cursor }).to_string();
    }
}
