//! Figures for Prometheus.
//!
//! Whoever has figures is a [`Source`]; [`Metrics`] asks all of them when it is asked itself, so that nothing is counted
//! twice and an idle server does nothing. Parts that know nothing of Prometheus are given to it as closures.

mod hub;
mod routes;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

pub use hub::HubFigures;
pub use routes::routes;

/// The media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What has figures to show.
pub trait Source: Send + Sync {
    /// The figures as they are now. No two sources may have families of the same name.
    fn families(&self) -> Vec<Family>;
}

impl<F: Fn() -> Vec<Family> + Send + Sync> Source for F {
    fn families(&self) -> Vec<Family> {
        self()
    }
}

/// Figures of one name that differ by their labels.
///
/// ```
/// use planet_beacon::metrics::Family;
///
/// let refused = Family::counter("refused_connections", "Connections refused, by reason")
///     .with(&[("reason", "total")], 3)
///     .with(&[("reason", "address")], 0);
/// ```
#[derive(Clone, Debug)]
pub struct Family {
    name: &'static str,
    help: &'static str,
    figures: Figures,
}

#[derive(Clone, Debug)]
enum Figures {
    Counters(Vec<Sample>),
    Gauges(Vec<Sample>),
    Rates(Vec<Sample<f64>>),
    Histogram { buckets: Vec<(f64, u64)>, sum: f64 },
}

#[derive(Clone, Debug)]
struct Sample<T = u64> {
    labels: Vec<(&'static str, String)>,
    value: T,
}

impl Family {
    /// Numbers that only grow. Shown as `planet_NAME_total`.
    pub fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, help, figures: Figures::Counters(Vec::new()) }
    }

    /// Numbers that come and go. Shown as `planet_NAME`.
    pub fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, help, figures: Figures::Gauges(Vec::new()) }
    }

    /// Numbers that come and go and need not be whole. Shown as `planet_NAME`.
    pub fn rate(name: &'static str, help: &'static str) -> Self {
        Self { name, help, figures: Figures::Rates(Vec::new()) }
    }

    /// How many things there were of which size. Buckets are upper bounds, the last one infinite, each with the number
    /// of things that are in it and in no bucket before.
    pub fn histogram(name: &'static str, help: &'static str, buckets: Vec<(f64, u64)>, sum: f64) -> Self {
        Self { name, help, figures: Figures::Histogram { buckets, sum } }
    }

    /// Adds a figure to a family of counters or gauges.
    #[must_use]
    pub fn with(mut self, labels: &[(&'static str, &str)], value: u64) -> Self {
        match &mut self.figures {
            Figures::Counters(samples) | Figures::Gauges(samples) => samples.push(Sample::new(labels, value)),
            Figures::Rates(samples) => samples.push(Sample::new(labels, value as f64)),
            Figures::Histogram { .. } => debug_assert!(false, "a histogram has no figures beside its buckets"),
        }
        self
    }

    /// Adds a figure to a family of rates.
    #[must_use]
    pub fn with_rate(mut self, labels: &[(&'static str, &str)], value: f64) -> Self {
        match &mut self.figures {
            Figures::Rates(samples) => samples.push(Sample::new(labels, value)),
            _ => debug_assert!(false, "only a family of rates has figures that are not whole"),
        }
        self
    }

    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let kind = match self.figures {
            Figures::Counters(_) => MetricType::Counter,
            Figures::Gauges(_) | Figures::Rates(_) => MetricType::Gauge,
            Figures::Histogram { .. } => MetricType::Histogram,
        };
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, kind)?;
        match &self.figures {
            Figures::Counters(samples) => samples.iter().try_for_each(|sample| {
                sample.encode(&mut metric, |to, value| to.encode_counter::<NoLabelSet, _, u64>(&value, None))
            }),
            Figures::Gauges(samples) => samples.iter().try_for_each(|sample| {
                sample.encode(&mut metric, |to, value| to.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX)))
            }),
            Figures::Rates(samples) => {
                samples.iter().try_for_each(|sample| sample.encode(&mut metric, |to, value| to.encode_gauge(&value)))
            }
            Figures::Histogram { buckets, sum } => {
                let count = buckets.iter().map(|(_, count)| count).sum();
                metric.encode_histogram::<NoLabelSet>(*sum, count, buckets, None)
            }
        }
    }
}

impl<T: Copy> Sample<T> {
    fn new(labels: &[(&'static str, &str)], value: T) -> Self {
        let labels = labels.iter().map(|(label, value)| (*label, (*value).to_owned())).collect();
        Self { labels, value }
    }

    fn encode(
        &self,
        metric: &mut MetricEncoder<'_>,
        write: impl FnOnce(&mut MetricEncoder<'_>, T) -> fmt::Result,
    ) -> fmt::Result {
        if self.labels.is_empty() {
            write(metric, self.value)
        } else {
            write(&mut metric.encode_family(&self.labels)?, self.value)
        }
    }
}

/// How old figures may be, so that asking often costs little.
const FRESH: Duration = Duration::from_millis(500);

/// All figures of a server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    fresh: Duration,
    last: Mutex<Option<(Instant, Bytes)>>,
}

struct Sources(Vec<Arc<dyn Source>>);

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sources").field(&self.0.len()).finish()
    }
}

impl Collector for Sources {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.iter().flat_map(|source| source.families()).try_for_each(|family| family.encode(&mut encoder))
    }
}

impl Metrics {
    /// The figures of these sources.
    pub fn new(sources: Vec<Arc<dyn Source>>) -> Self {
        let mut registry = Registry::with_prefix("planet");
        registry.register_collector(Box::new(Sources(sources)));
        Self { registry, fresh: FRESH, last: Mutex::default() }
    }

    /// The figures in the text format of OpenMetrics 1.0, at most half a second old.
    pub fn text(&self) -> Bytes {
        // Held while the figures are gathered: of many who ask at once, one does the work.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, text)) = last.as_ref().filter(|(made_at, _)| made_at.elapsed() < self.fresh) {
            return text.clone();
        }
        let mut text = String::new();
        // Writing to a string does not fail, and families are made in one piece.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        let text = Bytes::from(text);
        *last = Some((Instant::now(), text.clone()));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_written_as_openmetrics() {
        let source = || {
            vec![
                Family::counter("drops", "Drops, by reason")
                    .with(&[("reason", "slow"), ("app", "a\"b\n")], 3)
                    .with(&[("reason", "oldest")], 0),
                Family::gauge("readers", "Readers").with(&[], u64::MAX),
                Family::rate("speed", "Speed")
                    .with_rate(&[("window", "60s")], 0.75)
                    .with_rate(&[("window", "1s")], 2.0),
                Family::histogram("latency_seconds", "Latency", vec![(0.5, 2), (f64::INFINITY, 1)], 4.25),
            ]
        };
        let text = Metrics::new(vec![Arc::new(source)]).text();
        let expected = "\
# HELP planet_drops Drops, by reason
# TYPE planet_drops counter
planet_drops_total{reason=\"slow\",app=\"a\\\"b\\n\"} 3
planet_drops_total{reason=\"oldest\"} 0
# HELP planet_readers Readers
# TYPE planet_readers gauge
planet_readers 9223372036854775807
# HELP planet_speed Speed
# TYPE planet_speed gauge
planet_speed{window=\"60s\"} 0.75
planet_speed{window=\"1s\"} 2.0
# HELP planet_latency_seconds Latency
# TYPE planet_latency_seconds histogram
planet_latency_seconds_sum 4.25
planet_latency_seconds_count 3
planet_latency_seconds_bucket{le=\"0.5\"} 2
planet_latency_seconds_bucket{le=\"+Inf\"} 3
# EOF
";
        assert_eq!(std::str::from_utf8(&text).unwrap(), expected);
    }

    #[test]
    fn figures_are_gathered_once_for_many_who_ask() {
        let asked = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let count = asked.clone();
        let source = move || {
            let asked = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            vec![Family::counter("asked", "Times").with(&[], asked)]
        };
        let mut metrics = Metrics::new(vec![Arc::new(source)]);
        metrics.fresh = Duration::MAX;
        let first = metrics.text();
        assert_eq!(metrics.text(), first);
        metrics.fresh = Duration::ZERO;
        assert_ne!(metrics.text(), first);
        assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 2);
    }
}
