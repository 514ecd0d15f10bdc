//! An answer of the service: kept if it may be, and given to the client in any case.

use std::future::{Future as _, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use tokio::time::Instant;

use super::collect::{Uncollected, collect};
use super::conditional;
use super::fields;
use super::flight::{Landing, Lead};
use super::key::Key;
use super::layer::Core;
use super::status::CACHE_STATUS;
use super::store::Asking;
use super::stored::{Stored, without_content};
use super::storing::{Exchanged, Storable, judge};
use super::vary::Selecting;
use crate::body::boxed;
use crate::{Body, BoxError};

/// For how long requests do not wait for each other after waiting was in vain.
const APART: std::time::Duration = std::time::Duration::from_secs(10);

/// What the cache adds to a stored answer: `Age`, `Date`, `Content-Length`, `Cache-Status`.
const ADDED_FIELDS: usize = 4 * 192;

/// An answer that has just come, and what it was the answer to.
pub(crate) struct Received {
    pub(crate) core: Arc<Core>,
    pub(crate) key: Key,
    pub(crate) method: Method,
    /// The fields of the request as the client sent them.
    pub(crate) request: HeaderMap,
    pub(crate) asking: Asking,
    pub(crate) exchanged: Exchanged,
    /// Why the request was handed on.
    pub(crate) reason: &'static str,
    pub(crate) lead: Option<Lead>,
}

impl Received {
    /// The service said that `stored` is still good, by an answer with the fields `newer`.
    pub(crate) fn still_good(mut self, stored: &Stored, newer: &HeaderMap) -> Response<Body> {
        let core = Arc::clone(&self.core);
        let headers = fields::renew(&stored.headers, newer);
        let storable = judge(&core.settings, &self.request, stored.status, &headers, self.exchanged);
        let selecting = Selecting::new(&headers, &self.request);
        let may_store = storable.is_some() && selecting.is_some();
        let renewed = Arc::new(Stored::new(
            stored.status,
            headers,
            stored.body.clone(),
            selecting.unwrap_or_default(),
            storable.unwrap_or(Storable { freshness: stored.freshness.clone(), withheld: Vec::new() }),
            self.exchanged.received,
            &core.cache_status,
        ));
        if may_store {
            self.put(Arc::clone(&renewed));
        } else {
            core.store.remove(&self.key.borrowed());
            self.land(Landing::Apart);
        }
        let mut response = renewed.answer(&self.method, &self.request, core.clock.elapsed());
        let did = format!("; fwd={}; fwd-status=304", self.reason);
        response.headers_mut().insert(CACHE_STATUS, renewed.cache_status(&core.cache_status, &did));
        response
    }

    /// Any other answer.
    pub(crate) async fn new_answer<R>(self, response: Response<R>) -> Response<Body>
    where
        R: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let (mut head, body) = response.into_parts();
        let storable = match self.method {
            Method::GET => judge(&self.core.settings, &self.request, head.status, &head.headers, self.exchanged),
            _ => None,
        };
        let selecting = Selecting::new(&head.headers, &self.request);
        let (Some(storable), Some(selecting)) = (storable, selecting) else {
            let replaces = head.status.is_success() || matches!(head.status.as_u16(), 404 | 410);
            if replaces && self.method == Method::GET && self.reason != "uri-miss" && self.reason != "vary-miss" {
                self.core.store.remove(&self.key.borrowed());
            }
            return self.hand_on(head, boxed(body));
        };

        let fields = fields::weight(&head.headers) + selecting.weight() + ADDED_FIELDS;
        let room = self.core.store.room(&self.key.borrowed(), fields);
        let expected = expected(&head.headers).or(body.size_hint().exact());
        let fits = usize::try_from(expected.unwrap_or(0)).is_ok_and(|length| length <= room);
        let reserved = expected.map_or(room, |length| length as usize);
        let reservation = if fits { self.core.budget.reserve(reserved) } else { None };
        let Some(reservation) = reservation else { return self.hand_on(head, boxed(body)) };

        let kept = (head.status, head.headers.clone());
        let did = format!("; fwd={}; stored", self.reason);
        head.headers.append(CACHE_STATUS, self.core.cache_status.after(None, &did));
        let is_known = head.status == StatusCode::OK && conditional::is_unmodified(&self.request, &head.headers);

        let until = Instant::now() + self.core.settings.collect_time;
        let (collector, reader) = collect(body, room, expected, reservation);
        let mut collecting = Box::pin(async move {
            let collected = collector.run(until).await;
            self.collected(collected, kept, selecting, storable);
        });
        // Most bodies are there already. Only for the others a task is worth its price.
        let is_done = poll_fn(|context| Poll::Ready(collecting.as_mut().poll(context).is_ready())).await;
        if !is_done {
            tokio::spawn(collecting);
        }
        if is_known {
            head.status = StatusCode::NOT_MODIFIED;
            without_content(&mut head.headers);
            return Response::from_parts(head, Body::default());
        }
        Response::from_parts(head, boxed(reader))
    }

    fn collected(
        mut self,
        collected: Result<Bytes, Uncollected>,
        (status, headers): (StatusCode, HeaderMap),
        selecting: Selecting,
        storable: Storable,
    ) {
        match collected {
            Ok(body) => {
                let received = self.exchanged.received;
                let status_line = &self.core.cache_status;
                let stored = Stored::new(status, headers, body, selecting, storable, received, status_line);
                self.put(Arc::new(stored));
            }
            Err(Uncollected::TooMuch) => self.land(Landing::Apart),
            Err(Uncollected::Incomplete) => self.land(Landing::Failed),
        }
    }

    /// Stores an answer, and tells those who wait whether it is for them.
    fn put(&mut self, stored: Arc<Stored>) {
        let is_fresh = stored.freshness.is_fresh(self.core.clock.elapsed());
        let is_stored = self.core.store.put(&self.key.borrowed(), &self.asking, stored);
        self.land(if is_stored && is_fresh { Landing::Stored } else { Landing::Apart });
    }

    /// Gives an answer to the client alone.
    fn hand_on(mut self, mut head: Parts, body: Body) -> Response<Body> {
        self.land(Landing::Apart);
        let did = format!("; fwd={}", self.reason);
        let status: HeaderValue = self.core.cache_status.after(None, &did);
        head.headers.append(CACHE_STATUS, status);
        Response::from_parts(head, body)
    }

    fn land(&mut self, how: Landing) {
        let waited = self.lead.take().map_or(0, |lead| lead.land(how));
        if waited > 0 && how == Landing::Apart {
            self.core.store.set_apart(&self.key.borrowed(), self.core.clock.elapsed() + APART);
        }
    }
}

/// The length that the service announced.
fn expected(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
