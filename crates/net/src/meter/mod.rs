//! A bandwidth meter: bytes and rates of streams, for one connection, for a label such as an app, and in total; and limits.
//!
//! | what | for |
//! | --- | --- |
//! | [`Meter`] | counts bytes in and out, and how fast they come |
//! | [`Metered`] | a stream that counts in a meter what it carries |
//! | [`Registry`] | meters by label, their total, and the text that Prometheus reads |
//! | [`Snapshot`], [`Rates`] | the figures at one moment; they serialise |
//! | [`RateLimit`], [`Throttled`] | so many bytes a second and no more, shared fairly by the streams of a label |
//!
//! Nothing runs beside the streams: no thread, no timer, no lock. A meter that nobody uses costs its memory and no time.
//!
//! # What a rate is
//!
//! Bytes are put into slots of one second each. `…_1s` is the last whole second; `…_60s` is the mean over the last 60 of
//! them. A younger meter divides by the whole seconds that it has lived, which [`Rates::seconds`] tells, and in its very
//! first second both rates are the bytes so far, over one second. The current second is not part of a rate otherwise, so a
//! rate lags by up to a second, and is exact however small: a single byte shows as 1, and then as 1/60.
//!
//! # The clock
//!
//! On Linux the time is `CLOCK_MONOTONIC_COARSE`, which costs a fraction of a precise one and stands still between two ticks of
//! the kernel, 1 to 10 ms apart. A byte may thus count in the second before its own when it comes within a tick of the
//! boundary; none is lost or counted twice.
//!
//! # Example
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use std::sync::Arc;
//!
//! use planet_net::meter::{Meter, Metered, Registry};
//! use tokio::io::AsyncWriteExt;
//!
//! let registry = Registry::new(["app"], 1000);
//! let connection = Arc::new(Meter::without_rates().with_parent(registry.meter(["chat"])));
//! let mut stream = Metered::new(tokio::io::sink(), connection.clone());
//! stream.write_all(b"hello").await?;
//!
//! assert_eq!(connection.snapshot().bytes_out, 5);
//! assert_eq!(registry.meter(["chat"]).snapshot().bytes_out, 5);
//! assert_eq!(registry.total().bytes_out, 5);
//! assert!(registry.prometheus("demo").contains("demo_bytes_total{app=\"chat\",direction=\"out\"} 5\n"));
//! # Ok(())
//! # }
//! ```

mod clock;
mod count;
mod limit;
mod prometheus;
mod registry;
mod snapshot;
mod stream;
mod throttled;
mod window;

pub use count::Meter;
pub use limit::RateLimit;
pub use registry::{Labelled, MAX_VALUE_BYTES, OTHER, Registry};
pub use snapshot::{Rates, Snapshot};
pub use stream::Metered;
pub use throttled::Throttled;
