//! The framed connections to one server.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::time::timeout;

use super::ClientError;
use super::connection::{self, Failure, Request};
use crate::ClientSettings;

/// A fixed number of places for connections. Each is connected when a call comes to it and it has no connection that
/// lives.
#[derive(Debug)]
pub(super) struct Pool {
    address: String,
    settings: ClientSettings,
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    /// Calls that wait for this place or are under way on it.
    load: AtomicUsize,
    /// Calls that may be under way at once.
    room: Semaphore,
    connection: Mutex<Option<mpsc::Sender<Request>>>,
}

/// Counts a call against a place for as long as it lives.
struct Load<'a>(&'a AtomicUsize);

impl<'a> Load<'a> {
    fn new(load: &'a AtomicUsize) -> Self {
        load.fetch_add(1, Ordering::Relaxed);
        Self(load)
    }
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    pub(super) fn new(address: String, settings: &ClientSettings) -> Self {
        let place = || Place {
            load: AtomicUsize::new(0),
            room: Semaphore::new(settings.calls_in_flight.max(1)),
            connection: Mutex::new(None),
        };
        let places = std::iter::repeat_with(place).take(settings.connections.max(1)).collect();
        Self { address, settings: settings.clone(), places }
    }

    /// Sends a message, and gives the answer to it if one is expected.
    pub(super) async fn exchange(&self, message: Bytes, expects_answer: bool) -> Result<Bytes, ClientError> {
        // The first of the least loaded: few calls stay on few connections.
        let Some(place) = self.places.iter().min_by_key(|place| place.load.load(Ordering::Relaxed)) else {
            return Err(ClientError::Lost);
        };
        let _load = Load::new(&place.load);
        let Ok(_room) = place.room.acquire().await else { return Err(ClientError::Lost) };
        match self.exchange_at(place, message.clone(), expects_answer).await {
            Err(Failure::Stale) => {}
            other => return other.map_err(Into::into),
        }
        self.exchange_at(place, message, expects_answer).await.map_err(Into::into)
    }

    async fn exchange_at(&self, place: &Place, message: Bytes, expects_answer: bool) -> Result<Bytes, Failure> {
        let connection = self.connection(place).await?;
        let (request, answer) = Request::new(message, expects_answer);
        connection.send(request).await.map_err(|_| Failure::Stale)?;
        answer.await.unwrap_or(Err(Failure::Stale))
    }

    /// The connection of the place, made if there is none that lives.
    async fn connection(&self, place: &Place) -> Result<mpsc::Sender<Request>, Failure> {
        let mut connection = place.connection.lock().await;
        if let Some(living) = connection.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(living.clone());
        }
        let failure = |source| Failure::Other(ClientError::Connect { address: self.address.clone(), source });
        let connecting = timeout(self.settings.connect_timeout, TcpStream::connect(&self.address));
        let tcp = connecting.await.map_err(|late| failure(late.into()))?.map_err(|error| failure(error.into()))?;
        tcp.set_nodelay(true).map_err(|error| failure(error.into()))?;
        Ok(connection.insert(connection::start(tcp, &self.settings)).clone())
    }
}
