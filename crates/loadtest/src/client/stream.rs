//! Clients of the transports that are one long response: HTTP streaming, SSE, and the plain event stream.

use http_body_util::BodyExt as _;

use super::Requests;
use super::lines::Lines;
use crate::error::ClientError;
use crate::options::Transport;
use crate::protocol::PONG;
use crate::subscriber::{Heard, Subscriber};

pub(super) async fn run(mut subscriber: Subscriber) -> Result<(), ClientError> {
    let context = subscriber.context().clone();
    let (target, transport) = (&context.target, context.args.transport);
    let mut requests = Requests::connect(target, subscriber.client()).await?;
    let response = match transport {
        Transport::HttpStream => {
            requests.post(&target.path("/connection/http_stream"), &[], subscriber.first_commands()).await?
        }
        Transport::Sse => {
            let commands: String = form_urlencoded::byte_serialize(subscriber.first_commands().as_bytes()).collect();
            requests.get(&format!("{}?cf_connect={commands}", target.path("/connection/sse"))).await?
        }
        _ => {
            let response = requests.get(&format!("{}?{}", target.path("/sse"), query(&subscriber))).await?;
            subscriber.subscribed();
            response
        }
    };
    let mut body = response.into_body();
    let (mut lines, mut event) = (Lines::default(), Event::default());
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        let Some(bytes) = frame.data_ref() else { continue };
        let mut pings = 0;
        let fits = lines.feed(bytes, |line| {
            let heard = match transport {
                Transport::HttpStream if line.is_empty() => Heard::Nothing,
                Transport::HttpStream => subscriber.frame(line)?,
                Transport::Sse => match line.strip_prefix(b"data: ") {
                    Some(json) => subscriber.frame(json)?,
                    None => Heard::Nothing,
                },
                _ => {
                    event.line(line, &mut subscriber)?;
                    Heard::Nothing
                }
            };
            pings += usize::from(heard == Heard::Ping);
            Ok::<(), ClientError>(())
        })?;
        if !fits {
            return Err(ClientError::Protocol("a line without an end".to_owned()));
        }
        for _ in 0..pings {
            context.emulation.send(subscriber.connected(), PONG).await?;
        }
    }
    Err(ClientError::Disconnected { code: None, reason: String::new() })
}

fn query(subscriber: &Subscriber) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(subscriber.channel_names().map(|name| ("channel", name)));
    if let Some(user) = subscriber.user() {
        query.append_pair("user", &user);
    }
    query.finish()
}

/// An event of the plain stream, as far as it has come (the HTML standard, section 9.2.6).
#[derive(Debug, Default)]
struct Event {
    id: String,
    name: String,
    data: Vec<u8>,
}

impl Event {
    fn line(&mut self, line: &[u8], subscriber: &mut Subscriber) -> Result<(), ClientError> {
        if let Some(id) = line.strip_prefix(b"id: ") {
            self.id = String::from_utf8_lossy(id).into_owned();
        } else if let Some(name) = line.strip_prefix(b"event: ") {
            self.name = String::from_utf8_lossy(name).into_owned();
        } else if let Some(data) = line.strip_prefix(b"data: ") {
            self.data.extend_from_slice(data);
        } else if line.is_empty() {
            return std::mem::take(self).dispatch(subscriber);
        }
        Ok(())
    }

    fn dispatch(self, subscriber: &mut Subscriber) -> Result<(), ClientError> {
        match self.name.as_str() {
            "" if !self.data.is_empty() => {
                subscriber.publication_among(|channel| offset(&self.id, channel), &self.data);
                Ok(())
            }
            "disconnect" => {
                let reason = String::from_utf8_lossy(&self.data).into_owned();
                Err(ClientError::Disconnected { code: None, reason })
            }
            // A gap shows in the sequence.
            _ => Ok(()),
        }
    }
}

/// The offset of a channel in an event's id: `EPOCH:OFFSET:CHANNEL`, once for each channel.
fn offset(id: &str, channel: &str) -> Option<u64> {
    id.split(' ').find_map(|position| {
        let (_epoch, rest) = position.split_once(':')?;
        let (offset, name) = rest.split_once(':')?;
        (name == channel).then(|| offset.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_the_offset_of_each_channel() {
        let id = "0123456789ab:7:chat:42 ba9876543210:3:news";
        assert_eq!(offset(id, "chat:42"), Some(7));
        assert_eq!(offset(id, "news"), Some(3));
        assert_eq!(offset(id, "chat"), None);
        assert_eq!(offset("", "news"), None);
    }
}
