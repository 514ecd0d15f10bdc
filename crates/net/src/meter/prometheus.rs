//! The figures of a registry in the text that Prometheus reads.

use std::fmt::Write;

use super::{Registry, Snapshot};

impl<const N: usize> Registry<N> {
    /// The figures of all labels in the [text format] of Prometheus, version 0.0.4, with which `Content-Type:
    /// text/plain; version=0.0.4` goes. The total is what a query sums up, and so is not part of it.
    ///
    /// - `PREFIX_bytes_total`, a counter, with the label's values and `direction` (`in`, `out`);
    /// - `PREFIX_bytes_per_second`, a gauge, with `window` (`1s`, `60s`) besides.
    ///
    /// # Panics
    /// When `prefix` cannot begin a metric's name: letters, digits, `_` and `:`, not beginning with a digit.
    ///
    /// [text format]: https://prometheus.io/docs/instrumenting/exposition_formats/
    pub fn prometheus(&self, prefix: &str) -> String {
        let allowed = prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':');
        let begins = prefix.bytes().next().is_some_and(|first| !first.is_ascii_digit());
        assert!(allowed && begins, "{prefix:?} cannot begin the name of a metric");
        let labels: Vec<(String, Snapshot)> =
            self.snapshot().iter().map(|label| (self.label_text(&label.values), label.figures)).collect();

        let mut text = format!("# HELP {prefix}_bytes_total Bytes carried.\n# TYPE {prefix}_bytes_total counter\n");
        for (label, figures) in &labels {
            for (direction, bytes) in [("in", figures.bytes_in), ("out", figures.bytes_out)] {
                // Writing to a string does not fail, here and below.
                let _ = writeln!(text, "{prefix}_bytes_total{{{label}direction=\"{direction}\"}} {bytes}");
            }
        }
        let name = format!("{prefix}_bytes_per_second");
        let _ = writeln!(text, "# HELP {name} Bytes a second, on average over a window.\n# TYPE {name} gauge");
        for (label, figures) in &labels {
            let Some(rates) = figures.rates else { continue };
            for (direction, window, rate) in [
                ("in", "1s", rates.in_1s),
                ("in", "60s", rates.in_60s),
                ("out", "1s", rates.out_1s),
                ("out", "60s", rates.out_60s),
            ] {
                let _ = writeln!(text, "{name}{{{label}direction=\"{direction}\",window=\"{window}\"}} {rate}");
            }
        }
        text
    }

    /// The values with their names, each followed by a comma.
    fn label_text(&self, values: &[String]) -> String {
        self.names().iter().zip(values).fold(String::new(), |mut text, (name, value)| {
            let _ = write!(text, "{name}=\"{}\",", escaped(value));
            text
        })
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_rates_are_whole_or_not() {
        let registry = Registry::new(["app", "route"], 10);
        registry.meter(["a\\b\"c\nd", "/"]).record_in(1500);
        let expected = r#"# HELP net_bytes_total Bytes carried.
# TYPE net_bytes_total counter
net_bytes_total{app="a\\b\"c\nd",route="/",direction="in"} 1500
net_bytes_total{app="a\\b\"c\nd",route="/",direction="out"} 0
# HELP net_bytes_per_second Bytes a second, on average over a window.
# TYPE net_bytes_per_second gauge
net_bytes_per_second{app="a\\b\"c\nd",route="/",direction="in",window="1s"} 1500
net_bytes_per_second{app="a\\b\"c\nd",route="/",direction="in",window="60s"} 1500
net_bytes_per_second{app="a\\b\"c\nd",route="/",direction="out",window="1s"} 0
net_bytes_per_second{app="a\\b\"c\nd",route="/",direction="out",window="60s"} 0
"#;
        assert_eq!(registry.prometheus("net"), expected);
    }

    #[test]
    #[should_panic(expected = "cannot begin the name of a metric")]
    fn a_prefix_that_prometheus_does_not_take_is_refused() {
        let _ = Registry::new([], 1).prometheus("no spaces");
    }
}
