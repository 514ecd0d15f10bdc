//! The figures of the hub.

use std::sync::Arc;

use planet_hub::{App, Hub, LATENCY_BOUNDS_US};

use super::{Family, Source};

/// Shows what the hub counts, and what its apps hold now.
pub struct HubFigures(Arc<Hub>);

impl HubFigures {
    /// The figures of this hub.
    pub fn new(hub: Arc<Hub>) -> Self {
        Self(hub)
    }

    fn totals(&self) -> Vec<Family> {
        let counters = self.0.counters();
        let latency = &counters.write_latency;
        let bounds = LATENCY_BOUNDS_US.iter().map(|us| *us as f64 / 1e6).chain([f64::INFINITY]);
        vec![
            Family::counter("messages_published", "Messages published to channels").with(&[], counters.published.get()),
            Family::counter("published_bytes", "Bytes of the payloads of published messages")
                .with(&[], counters.published_bytes.get()),
            Family::counter(
                "messages_repeated",
                "Publications answered as an earlier one with the same idempotency key",
            )
            .with(&[], counters.repeated.get()),
            Family::counter("deliveries", "Messages queued for connections").with(&[], counters.deliveries.get()),
            Family::counter("delivered_bytes", "Bytes of these messages, framing included")
                .with(&[], counters.delivered_bytes.get()),
            Family::counter("written_bytes", "Bytes taken from the outbound queues and written")
                .with(&[], counters.written_bytes.get()),
            Family::counter("drops", "Messages not delivered, by reason")
                .with(&[("reason", "slow")], counters.dropped_slow.get())
                .with(&[("reason", "oldest")], counters.dropped_oldest.get())
                .with(&[("reason", "conflated")], counters.dropped_conflated.get()),
            Family::counter("slow_connections", "Connections closed because they could not keep up")
                .with(&[], counters.slow_connections.get()),
            Family::counter("history_evictions", "Messages that left the history early because it was full")
                .with(&[], counters.evicted.get()),
            Family::counter("resumes", "Subscribers that came back, by what they were told")
                .with(&[("outcome", "recovered")], counters.recovered.get())
                .with(&[("outcome", "gap")], counters.unrecovered.get()),
            Family::histogram(
                "write_latency_seconds",
                "From publishing to writing, for the oldest message of each write",
                bounds.zip(latency.buckets()).collect(),
                latency.sum_us() as f64 / 1e6,
            ),
        ]
    }
}

impl Source for HubFigures {
    fn families(&self) -> Vec<Family> {
        let apps = self.0.apps();
        let by_app = |name, help, figure: fn(&App) -> usize| {
            apps.iter()
                .fold(Family::gauge(name, help), |family, app| family.with(&[("app", app.name())], figure(app) as u64))
        };
        let mut families = self.totals();
        families.extend([
            by_app("app_connections", "Connections, by app", App::connection_count),
            by_app("users", "Users connected, by app", App::users_online),
            by_app("channels", "Channels, by app", App::channel_count),
            by_app("history_bytes", "Bytes that the history takes, by app", App::history_bytes),
            by_app("queue_bytes", "Bytes queued for connections, by app", queued_bytes),
        ]);
        families
    }
}

fn queued_bytes(app: &App) -> usize {
    app.connections().iter().map(|connection| connection.outbound().bytes()).sum()
}
