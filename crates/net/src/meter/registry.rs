//! Meters by label.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use serde::Serialize;

use super::clock;
use super::count::{Meter, Timeline};
use super::snapshot::{Rates, Recent, Snapshot};

/// What labels stand under for which there is no room.
pub const OTHER: &str = "(other)";

/// Bytes of a label's value. One that is longer stands under [`OTHER`].
pub const MAX_VALUE_BYTES: usize = 256;

type Values<const N: usize> = [Box<str>; N];

/// Meters by label, and their total.
///
/// A label has `N` values, such as an app and a route. There are so many labels at most; those that come later share one
/// meter whose values are all [`OTHER`], so that names from outside cannot fill the memory. Each label takes 1 KB.
///
/// The total is added up when it is asked for: no number is shared by all that record, which on many cores would cost more
/// than everything else. Recording is free of locks; looking a meter up is not, so do it once for a connection or a request,
/// and keep the meter.
///
/// ```
/// use planet_net::meter::Registry;
///
/// let registry = Registry::new(["app", "route"], 1000);
/// let meter = registry.meter(["chat", "/sse"]);
/// meter.record_out(100);
/// registry.meter(["shop", "/api"]).record_out(11);
/// assert_eq!(registry.total().bytes_out, 111);
/// ```
#[derive(Debug)]
pub struct Registry<const N: usize> {
    names: [&'static str; N],
    limit: usize,
    timeline: Timeline,
    meters: RwLock<BTreeMap<Values<N>, Arc<Meter>>>,
    other: OnceLock<Arc<Meter>>,
}

/// The figures of a label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Labelled {
    /// Its values, in the order of the registry's names.
    pub values: Vec<String>,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Snapshot,
}

impl<const N: usize> Registry<N> {
    /// No labels yet, and `limit` at most. The first second of the total begins now.
    ///
    /// # Panics
    /// When a name is none for Prometheus: letters, digits and `_`, not beginning with a digit.
    pub fn new(names: [&'static str; N], limit: usize) -> Self {
        for name in names {
            let allowed = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let begins = name.bytes().next().is_some_and(|first| !first.is_ascii_digit());
            assert!(allowed && begins, "{name:?} cannot be the name of a label");
        }
        let now = clock::now();
        let timeline = Timeline::new(now, now);
        Self { names, limit, timeline, meters: RwLock::default(), other: OnceLock::new() }
    }

    /// The names of a label's values.
    pub fn names(&self) -> &[&'static str; N] {
        &self.names
    }

    /// The meter of a label, made when it is first asked for.
    pub fn meter(&self, values: [&str; N]) -> Arc<Meter> {
        if values.iter().any(|value| value.len() > MAX_VALUE_BYTES) {
            return self.other();
        }
        let values = values.map(Box::from);
        if let Some(meter) = self.meters.read().unwrap_or_else(PoisonError::into_inner).get(&values) {
            return meter.clone();
        }
        let mut meters = self.meters.write().unwrap_or_else(PoisonError::into_inner);
        if meters.len() >= self.limit && !meters.contains_key(&values) {
            return self.other();
        }
        meters.entry(values).or_insert_with(|| self.new_meter()).clone()
    }

    fn other(&self) -> Arc<Meter> {
        self.other.get_or_init(|| self.new_meter()).clone()
    }

    fn new_meter(&self) -> Arc<Meter> {
        Arc::new(Meter::on(Timeline::new(self.timeline.epoch(), clock::now())))
    }

    /// Every label there is, in the order of their values, the one of [`OTHER`] last.
    pub fn snapshot(&self) -> Vec<Labelled> {
        let labelled = |(values, meter): (Vec<String>, Arc<Meter>)| Labelled { values, figures: meter.snapshot() };
        self.labels().into_iter().map(labelled).collect()
    }

    /// All labels together.
    pub fn total(&self) -> Snapshot {
        let seconds = self.timeline.seconds(clock::now());
        let mut total = Snapshot::default();
        let (mut incoming, mut outgoing) = (Recent::default(), Recent::default());
        for (_, meter) in self.labels() {
            total.bytes_in += meter.bytes_in();
            total.bytes_out += meter.bytes_out();
            let recent = meter.recent(seconds.clone());
            incoming += recent.0;
            outgoing += recent.1;
        }
        total.rates = Some(Rates::of(incoming, outgoing, seconds.end - seconds.start));
        total
    }

    /// [Resets](Meter::reset) the meters of all labels. The labels stay.
    pub fn reset(&self) {
        let now = clock::now();
        self.timeline.begin(now);
        for (_, meter) in self.labels() {
            meter.reset_at(now);
        }
    }

    /// Copied out, so that no lock is held while their figures are gathered.
    fn labels(&self) -> Vec<(Vec<String>, Arc<Meter>)> {
        let meters = self.meters.read().unwrap_or_else(PoisonError::into_inner);
        let texts = |values: &Values<N>| values.iter().map(|value| value.to_string()).collect();
        let other = self.other.get().map(|meter| (vec![OTHER.to_owned(); N], meter.clone()));
        meters.iter().map(|(values, meter)| (texts(values), meter.clone())).chain(other).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_one_past_the_limit_share_a_meter() {
        let registry = Registry::new(["app"], 2);
        for (app, bytes) in [("a", 1), ("b", 20), ("c", 300), ("d", 4000), ("a", 50_000)] {
            registry.meter([app]).record_in(bytes);
        }
        let shown: Vec<_> =
            registry.snapshot().into_iter().map(|label| (label.values.concat(), label.figures.bytes_in)).collect();
        assert_eq!(shown, [("a".into(), 50_001), ("b".into(), 20), (OTHER.into(), 4300)]);
        assert_eq!(registry.total().bytes_in, 54_321);
    }

    #[test]
    fn a_value_one_byte_too_long_stands_under_other() {
        let registry = Registry::new(["app", "route"], 10);
        registry.meter(["a", &"r".repeat(MAX_VALUE_BYTES)]).record_out(1);
        registry.meter(["a", &"r".repeat(MAX_VALUE_BYTES + 1)]).record_out(2);
        let labels = registry.snapshot();
        assert_eq!(labels.len(), 2);
        assert_eq!(labels[1].values, [OTHER, OTHER]);
        assert_eq!(labels[1].figures.bytes_out, 2);
    }

    #[test]
    fn the_total_is_the_sum_of_the_labels_and_resets_with_them() {
        let registry = Registry::new(["app"], 10);
        registry.meter(["a"]).record_out(5);
        registry.meter(["b"]).record_out(6);
        let total = registry.total();
        assert_eq!((total.bytes_in, total.bytes_out), (0, 11));
        assert_eq!(total.rates.unwrap().out_60s, 11.0, "over the first second");
        registry.reset();
        assert_eq!(registry.total().bytes_out, 0);
        assert_eq!(registry.snapshot().len(), 2);
    }

    #[test]
    #[should_panic(expected = "cannot be the name of a label")]
    fn a_name_that_prometheus_does_not_take_is_refused() {
        let _ = Registry::new(["2nd"], 1);
    }

    #[test]
    fn figures_serialise() {
        let registry = Registry::new(["app"], 10);
        registry.meter(["a"]).record_in(3);
        let shown = serde_json::to_value(registry.snapshot()).unwrap();
        let rates = serde_json::json!({"in_1s": 3.0, "in_60s": 3.0, "out_1s": 0.0, "out_60s": 0.0, "seconds": 1});
        assert_eq!(shown, serde_json::json!([{"values": ["a"], "bytes_in": 3, "bytes_out": 0, "rates": rates}]));
    }
}
