//! A session: one client of one app, speaking the client protocol over whichever transport.
//!
//! A transport gives [`Session::receive`] the frames that come in; what goes out leaves through the connection's
//! outbound queue, already framed. The clock calls [`Tick::tick`] for pings, for clients that never connect and for
//! tokens that expire.

mod channels;
mod connect;
mod plain;
mod recovery;
mod refresh;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use planet_hub::{Connection, Drained, NeedsFlush};

use crate::access::Caller;
use crate::addresses::AddressGuard;
use crate::app::App;
use crate::clock::{Seconds, Tick};
use crate::format::{Wire, reason};
use crate::orbit::Orbit;
use crate::protocol::reply::{self, ResultBody};
use crate::protocol::{Command, CommandError, Disconnect, ErrorCode, Method, command};
use crate::rate::{Rate, Used, since_start};
use crate::transport::Transport;

/// A client.
pub struct Session {
    orbit: Arc<Orbit>,
    app: Arc<App>,
    connection: Arc<Connection>,
    wire: Wire,
    transport: Transport,
    /// The secret by which requests other than the one that opened it find the session.
    key: Option<Box<str>>,
    /// Boxed, since only sessions behind proxies have one.
    _address: Option<Box<AddressGuard>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When the transport was opened.
    opened_at: Seconds,
    /// The connect command has succeeded.
    connected: bool,
    /// When the connection's token expires, in seconds since 1970.
    expires_at: Option<u64>,
    /// Channels that a token was shown for.
    grants: Vec<Grant>,
    commands: Used,
    publications: Used,
    /// The clock's last visit sent a ping; the next one looks for the pong.
    pinged: bool,
    /// A ping has been sent and nothing has come since.
    awaits_pong: bool,
    /// The clock has found the connection closed; at its next visit it is over, whatever the peer has taken by then.
    seen_closed: bool,
}

/// A channel that a token was shown for.
struct Grant {
    channel: Box<str>,
    /// When that token expires, in seconds since 1970.
    expires_at: Option<u64>,
    /// The connection's own token lists the channel: it is granted for as long as the connection lasts.
    by_connection: bool,
}

/// What the commands of one frame have come to so far.
struct Answers {
    needs_flush: NeedsFlush,
    json: Vec<u8>,
}

/// Bytes of an answer that leaves at once rather than with those of the rest of its frame.
const LARGE_ANSWER: usize = 16 << 10;

/// A command cannot be done, and the client is told so in one of two ways.
pub(crate) enum Refusal {
    /// An error reply; the connection stays.
    Error(ErrorCode),
    /// An error reply with a text that says more.
    Explained(ErrorCode, String),
    /// The connection ends.
    End(Disconnect),
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self::Error(code)
    }
}

impl Session {
    /// A session for a connection that was just opened. It has to connect within its app's time.
    pub(crate) fn open(
        orbit: &Arc<Orbit>,
        app: &Arc<App>,
        connection: Arc<Connection>,
        wire: Wire,
        transport: Transport,
        address: Option<Box<AddressGuard>>,
    ) -> Arc<Self> {
        let session = Arc::new(Self {
            orbit: orbit.clone(),
            app: app.clone(),
            connection,
            wire,
            transport,
            key: transport.takes_requests().then(|| format!("{:032x}", rand::random::<u128>()).into()),
            _address: address,
            state: Mutex::default(),
        });
        if let Some(key) = session.key() {
            orbit.sessions().insert(key, &session);
        }
        orbit.open_sessions().opened(transport);
        let first = app.settings.connect_timeout.min(app.settings.ping_interval);
        session.lock().opened_at = orbit.clock().now();
        orbit.clock().schedule(&session, first.as_secs() as Seconds);
        // Whoever was not there yet when all were asked to reconnect is asked now.
        if orbit.shutdown().has_begun() {
            session.close(Disconnect::SHUTDOWN);
        }
        session
    }

    /// The secret by which further requests find it, on transports that have such requests.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// How it is framed.
    pub fn wire(&self) -> Wire {
        self.wire
    }

    /// Its connection in the hub.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Its app.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Does the commands of one frame, in order, and queues their answers. What a client still sends after its connection
    /// was closed is passed over.
    pub fn receive(&self, frame: &[u8]) {
        let mut state = self.lock();
        if self.connection.outbound().closed().is_some() {
            return;
        }
        state.awaits_pong = false;
        let mut answers = Answers { needs_flush: NeedsFlush::default(), json: Vec::new() };
        match command::parse(frame, self.app.settings.frame) {
            Ok(commands) => {
                for command in commands {
                    if let Err(why) = self.handle(&mut state, command, &mut answers) {
                        answers.needs_flush |= self.connection.close(reason(why));
                        break;
                    }
                    // A batch may ask for more than the queue holds at once.
                    if answers.json.len() > LARGE_ANSWER {
                        answers.json = Vec::new();
                        self.connection.flush(std::mem::take(&mut answers.needs_flush));
                    }
                }
            }
            Err(_not_a_frame) => answers.needs_flush |= self.connection.close(reason(Disconnect::BAD_REQUEST)),
        }
        drop(state);
        self.connection.flush(answers.needs_flush);
    }

    /// Something came from the client that was not a frame of the protocol, such as a WebSocket pong.
    pub fn heard(&self) {
        self.lock().awaits_pong = false;
    }

    /// Closes the connection from the server's side.
    pub fn close(&self, why: Disconnect) {
        self.connection.flush(self.connection.close(reason(why)));
    }

    fn handle(
        &self,
        state: &mut State,
        command: Result<Command<'_>, CommandError>,
        answers: &mut Answers,
    ) -> Result<(), Disconnect> {
        let Command { id, method } = match command {
            Ok(command) => command,
            Err(CommandError { id: Some(id), problem }) if state.connected => {
                self.refuse(id, ErrorCode::BAD_REQUEST, &problem.to_string(), answers);
                return Ok(());
            }
            Err(_) => return Err(Disconnect::BAD_REQUEST),
        };
        if matches!(method, Method::Pong) {
            return Ok(());
        }
        let settings = &self.app.settings;
        if !state.commands.allow(Rate::per_second(settings.command_rate, settings.command_burst), since_start()) {
            return Err(Disconnect::TOO_MANY_REQUESTS);
        }
        if !state.connected && !matches!(method, Method::Connect(_)) {
            return Err(Disconnect::BAD_REQUEST);
        }
        let done = match method {
            Method::Connect(request) => self.connect(state, id, &request, answers),
            Method::Subscribe(request) => self.subscribe(state, id, &request, answers),
            Method::Unsubscribe(request) => self.unsubscribe(state, id, &request, answers),
            Method::Publish(request) => self.publish(state, id, &request, answers),
            Method::Presence(request) => self.presence(state, id, &request, answers),
            Method::PresenceStats(request) => self.presence_stats(state, id, &request, answers),
            Method::History(request) => self.history(state, id, &request, answers),
            Method::Ping => {
                self.answer(id, &reply::PingResult, answers);
                Ok(())
            }
            Method::Refresh(request) => self.refresh(state, id, &request, answers),
            Method::SubRefresh(request) => self.refresh_subscription(state, id, &request, answers),
            // There is no application behind this server to take them; a message without an answer is dropped.
            Method::Send(_) | Method::Pong => Ok(()),
            Method::Rpc(_) | Method::Unknown(_) => Err(ErrorCode::METHOD_NOT_FOUND.into()),
        };
        match done {
            Ok(()) => Ok(()),
            Err(Refusal::Error(code)) => {
                self.refuse(id, code, code.message, answers);
                Ok(())
            }
            Err(Refusal::Explained(code, text)) => {
                self.refuse(id, code, &text, answers);
                Ok(())
            }
            Err(Refusal::End(why)) => Err(why),
        }
    }

    fn answer<R: ResultBody>(&self, id: u32, result: &R, answers: &mut Answers) {
        answers.json.clear();
        reply::reply(&mut answers.json, id, result);
        answers.needs_flush |= self.connection.send(self.wire.frame(&answers.json));
    }

    fn refuse(&self, id: u32, code: ErrorCode, text: &str, answers: &mut Answers) {
        answers.json.clear();
        reply::error_explained(&mut answers.json, id, code, text);
        answers.needs_flush |= self.connection.send(self.wire.frame(&answers.json));
    }

    /// One reply as a frame.
    fn frame_reply<R: ResultBody>(&self, id: u32, result: &R) -> Bytes {
        let mut json = Vec::new();
        reply::reply(&mut json, id, result);
        self.wire.frame(&json)
    }

    fn caller<'a>(&'a self, state: &State, channel: &str) -> Caller<'a> {
        Caller {
            user: self.connection.user().map(|user| &**user),
            has_token: state.grants.iter().any(|grant| &*grant.channel == channel),
            is_backend: false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a session that was closed and whose peer has not taken its last words in time.
    fn give_up(&self) {
        self.connection.end();
        if let Some(sink) = self.connection.sink() {
            sink.clone().stopped(&self.connection, Drained::Failed);
        }
        self.orbit.long_polls().remove(self);
    }

    /// What the clock finds amiss with the session.
    fn overdue(&self, state: &State) -> Option<Disconnect> {
        let now = crate::unix_seconds();
        let grace = self.app.settings.refresh_grace.as_secs();
        if !state.connected {
            return Some(Disconnect::STALE);
        }
        if state.expires_at.is_some_and(|expires| now > expires.saturating_add(grace)) {
            return Some(Disconnect::EXPIRED);
        }
        (state.awaits_pong && self.transport.shows_life()).then_some(Disconnect::NO_PONG)
    }
}

impl Tick for Session {
    /// Comes round twice for each ping: once to send it, once to see whether it was answered.
    fn tick(self: Arc<Self>, now: Seconds) -> Option<Seconds> {
        let settings = &self.app.settings;
        let ping = settings.ping_interval.as_secs();
        // Whoever polls answers a ping with the next poll.
        let polls = self.transport == Transport::LongPoll;
        let patience =
            if polls { settings.poll_gap } else { settings.pong_timeout.min(settings.ping_interval) }.as_secs();
        let mut state = self.lock();
        if self.connection.outbound().closed().is_some() {
            if !std::mem::replace(&mut state.seen_closed, true) {
                return Some(patience as Seconds);
            }
            drop(state);
            self.give_up();
            return None;
        }
        let may_connect_until = state.opened_at + settings.connect_timeout.as_secs() as Seconds;
        if !state.connected && now < may_connect_until {
            return Some(may_connect_until - now);
        }
        if let Some(why) = self.overdue(&state) {
            state.seen_closed = true;
            drop(state);
            self.close(why);
            return Some(patience as Seconds);
        }
        let mut needs_flush = self.end_expired_subscriptions(&mut state);
        state.pinged = !state.pinged;
        let next = if state.pinged {
            state.awaits_pong = true;
            needs_flush |= self.connection.send(self.wire.ping());
            patience
        } else {
            ping.saturating_sub(patience)
        };
        drop(state);
        self.connection.flush(needs_flush);
        Some(next as Seconds)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.orbit.sessions().remove(key);
        }
        self.connection.end();
        self.orbit.open_sessions().closed(self.transport);
    }
}
