//! `BackendService`: what back ends call over Thrift, on framed connections in any of the protocols.
//!
//! | method | does | answers |
//! | --- | --- | --- |
//! | `sendUserMessage(userIds, data, sphere)` | sends to every connection of the users | connections it was sent to |
//! | `sendChannelMessage(channels, data, sphere)` | publishes to the channels | connections it was sent to |
//! | `getNumUsersOnline(sphere)` | | users now connected |
//! | `getUsersOnline(userIds, sphere)` | | the ones online |
//! | `logout(userId, sphere)` | closes the user's connections | |
//! | `generateToken(userId, sphere)` | | a Beacon token |
//! | `getUsersInChannel(channelName, sphere)` | | users now subscribed |
//!
//! `sphere` names the app: by its API key, by its name, or as `default` the first app. `data` goes to clients as the JSON
//! value that it is; when it is not JSON, as a JSON string. What is refused is told in a `TApplicationException`, and
//! then nothing has been sent to anyone; except that when the app has no room for one more channel, the channels before
//! it in the list have the message. A message to several channels or users counts as several for the app's quota.
//!
//! The service asks for no key, so it belongs on a network that one trusts.

#[allow(missing_docs, unreachable_pub, clippy::all, dead_code, reason = "generated")]
mod backend_service;
mod service;

use std::fmt;
use std::sync::{Arc, OnceLock};

use planet_net::{Admission, Drained, Listener};
use planet_thrift::{Processor, Server, ServerSettings};

use crate::apps::Apps;
use crate::metrics::{Family, Source};
use backend_service::BackendServiceSyncProcessor;
use service::Service;

/// Serves `BackendService`. Clones are the same service.
#[derive(Clone)]
pub struct BackendService {
    server: Server<Processor<BackendServiceSyncProcessor<Service>>>,
    admission: Arc<OnceLock<Arc<Admission>>>,
}

impl fmt::Debug for BackendService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendService").finish_non_exhaustive()
    }
}

impl BackendService {
    /// Lets back ends reach these apps.
    pub fn new(apps: Apps, settings: ServerSettings) -> Self {
        // Nothing in the service waits for anything but short locks.
        let processor = Processor::inline(BackendServiceSyncProcessor::new(Service::new(apps)));
        Self { server: Server::new(processor, settings), admission: Arc::default() }
    }

    /// Serves framed connections until the shutdown of the listener begins, then answers the calls that have come, and
    /// returns when that is done or the time is up.
    pub async fn serve(&self, listener: Listener) -> Drained {
        self.admission.get_or_init(|| listener.admission().clone());
        self.server.serve_framed(listener).await
    }
}

impl Source for BackendService {
    fn families(&self) -> Vec<Family> {
        let counters = self.server.counters();
        let calls = Family::counter("thrift_calls", "Thrift calls, by how they ended")
            .with(&[("end", "answered")], counters.answered())
            .with(&[("end", "oneway")], counters.oneway())
            .with(&[("end", "failed")], counters.failed())
            .with(&[("end", "late")], counters.late());
        let malformed = Family::counter("thrift_malformed", "Thrift connections closed for what could not be read")
            .with(&[], counters.refused());
        let Some(admission) = self.admission.get() else { return vec![calls, malformed] };
        let traffic = admission.traffic();
        vec![
            calls,
            malformed,
            Family::gauge("thrift_connections", "Thrift connections now open")
                .with(&[], admission.connections() as u64),
            Family::counter("thrift_refused", "Thrift connections refused, by reason")
                .with(&[("reason", "total")], traffic.refused_total())
                .with(&[("reason", "address")], traffic.refused_address()),
            Family::counter("thrift_bytes", "Bytes carried over Thrift, by direction")
                .with(&[("direction", "in")], traffic.bytes_in())
                .with(&[("direction", "out")], traffic.bytes_out()),
        ]
    }
}
