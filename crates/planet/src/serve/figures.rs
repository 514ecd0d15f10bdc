//! The figures of sessions, of listening and of memory, for `/metrics`.

use std::sync::Arc;

use planet_beacon::metrics::{Family, Source};
use planet_hub::Hub;
use planet_malloc::page;
use planet_net::Admission;
use planet_net::meter::{Registry, Snapshot};
use planet_orbit::{Flusher, Orbit, Transport};

use crate::memory::{prometheus, sample::Sample};

/// The label of what belongs to no app: pages, `/metrics`, requests that name no app there is.
pub(super) const NO_APP: &str = "(none)";

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

/// What the allocator holds: for this process, and for others if `others` says so.
pub(super) struct Memory {
    pub(super) others: bool,
}

impl Source for Memory {
    fn families(&self) -> Vec<Family> {
        let mut processes = if self.others { Sample::of_all().processes } else { Vec::new() };
        processes.push(page::own().into());
        prometheus::families(&processes)
    }
}

/// Bytes by app, and how fast they come.
pub(super) struct Bandwidth(pub(super) Arc<Registry<1>>);

impl Source for Bandwidth {
    fn families(&self) -> Vec<Family> {
        let bytes = Family::counter("app_bytes", "Bytes carried over HTTP and WebSocket, by app");
        let speed = Family::rate("app_bytes_per_second", "Bytes a second, by app, in the last second and on average");
        let (bytes, speed) = self.0.snapshot().iter().fold((bytes, speed), |(bytes, speed), label| {
            let app = ("app", label.values[0].as_str());
            let Snapshot { bytes_in, bytes_out, .. } = label.figures;
            let bytes = bytes.with(&[app, ("direction", "in")], bytes_in).with(&[app, ("direction", "out")], bytes_out);
            (bytes, with_speed(speed, &[app], label.figures))
        });
        let total = Family::rate("bytes_per_second", "Bytes a second, in the last second and on average");
        vec![bytes, speed, with_speed(total, &[], self.0.total())]
    }
}

fn with_speed(family: Family, labels: &[(&'static str, &str)], figures: Snapshot) -> Family {
    let rates = figures.rates.unwrap_or_default();
    [("in", "1s", rates.in_1s), ("in", "60s", rates.in_60s), ("out", "1s", rates.out_1s), ("out", "60s", rates.out_60s)]
        .into_iter()
        .fold(family, |family, (direction, window, rate)| {
            family.with_rate(&[labels, &[("direction", direction), ("window", window)]].concat(), rate)
        })
}
