//! The figures of sessions and of listening, for `/metrics`.

use std::sync::Arc;

use planet_beacon::metrics::{Family, Source};
use planet_hub::Hub;
use planet_net::Admission;
use planet_orbit::{Flusher, Orbit, Transport};

/// Sessions and their writers.
pub(super) struct Sessions {
    orbit: Arc<Orbit>,
    flusher: Flusher,
}

impl Sessions {
    pub(super) fn new(orbit: Arc<Orbit>, flusher: Flusher) -> Self {
        Self { orbit, flusher }
    }
}

impl Source for Sessions {
    fn families(&self) -> Vec<Family> {
        let open = Transport::ALL.iter().fold(
            Family::gauge("sessions", "Sessions now open, by transport"),
            |family, transport| {
                let count = self.orbit.open_sessions().count(*transport);
                family.with(&[("transport", transport.name())], count as u64)
            },
        );
        let waiting = Family::gauge("flush_waiting", "Connections that wait to be written")
            .with(&[], self.flusher.waiting() as u64);
        vec![open, waiting]
    }
}

/// Sockets.
pub(super) struct Listening {
    admission: Arc<Admission>,
    hub: Arc<Hub>,
}

impl Listening {
    pub(super) fn new(admission: Arc<Admission>, hub: Arc<Hub>) -> Self {
        Self { admission, hub }
    }
}

impl Source for Listening {
    fn families(&self) -> Vec<Family> {
        let traffic = self.admission.traffic();
        // What the hub writes to sockets itself goes past the streams that count for the listener.
        let bytes_out = traffic.bytes_out() + self.hub.counters().sink_bytes.get();
        vec![
            Family::gauge("sockets", "Connections now open").with(&[], self.admission.connections() as u64),
            Family::counter("accepted", "Connections accepted").with(&[], traffic.accepted()),
            Family::counter("refused", "Connections refused, by reason")
                .with(&[("reason", "total")], traffic.refused_total())
                .with(&[("reason", "address")], traffic.refused_address()),
            Family::counter("accept_failures", "Failures to accept for want of descriptors or memory")
                .with(&[], traffic.accept_failures()),
            Family::counter("tls_handshake_failures", "TLS handshakes that failed or took too long")
                .with(&[], traffic.handshake_failures()),
            Family::counter("timeouts", "Connections closed for a late request or an unread answer")
                .with(&[], traffic.timeouts()),
            Family::counter("bytes", "Bytes carried, by direction")
                .with(&[("direction", "in")], traffic.bytes_in())
                .with(&[("direction", "out")], bytes_out),
        ]
    }
}
