//! The figures of a meter at one moment.

use std::ops::AddAssign;

use serde::Serialize;

/// What a meter shows.
///
/// ```
/// use planet_net::meter::Meter;
///
/// let meter = Meter::without_rates();
/// meter.record_in(3);
/// assert_eq!(serde_json::to_string(&meter.snapshot())?, r#"{"bytes_in":3,"bytes_out":0,"rates":null}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// The figures are read one after the other while streams go on, so that bytes which come at that moment may be part of one
/// and not yet of another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// Bytes read, since the meter was made or reset.
    pub bytes_in: u64,
    /// Bytes written, since the meter was made or reset.
    pub bytes_out: u64,
    /// How fast they came; `None` for a meter [without rates](super::Meter::without_rates).
    pub rates: Option<Rates>,
}

/// Bytes a second. See [what a rate is](super#what-a-rate-is).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rates {
    /// Read in the last whole second.
    pub in_1s: f64,
    /// Read each second, on average over [`seconds`](Self::seconds).
    pub in_60s: f64,
    /// Written in the last whole second.
    pub out_1s: f64,
    /// Written each second, on average over [`seconds`](Self::seconds).
    pub out_60s: f64,
    /// Whole seconds that the averages go over: 60, or as many as the meter has lived, and at least 1.
    pub seconds: u32,
}

/// Bytes of one direction in the seconds that rates are made of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recent {
    pub(super) last_second: u64,
    pub(super) all_seconds: u64,
}

impl AddAssign for Recent {
    fn add_assign(&mut self, other: Self) {
        self.last_second += other.last_second;
        self.all_seconds += other.all_seconds;
    }
}

impl Rates {
    pub(super) fn of(incoming: Recent, outgoing: Recent, seconds: u64) -> Self {
        Self {
            in_1s: incoming.last_second as f64,
            in_60s: incoming.all_seconds as f64 / seconds as f64,
            out_1s: outgoing.last_second as f64,
            out_60s: outgoing.all_seconds as f64 / seconds as f64,
            seconds: seconds as u32,
        }
    }
}
