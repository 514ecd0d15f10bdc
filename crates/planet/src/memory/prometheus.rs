//! The figures for Prometheus.

use std::sync::Arc;

use planet_beacon::metrics::{Family, Metrics};

use super::sample::{Peaks, Process, Sample};

/// One look in the text format of OpenMetrics, which Prometheus reads, as its node exporter does from a file.
pub(crate) fn text(sample: &Sample) -> String {
    let families = families(&sample.processes);
    let metrics = Metrics::new(vec![Arc::new(move || families.clone())]);
    String::from_utf8_lossy(&metrics.text()).into_owned()
}

/// The families, each with one figure for each process.
pub(crate) fn families(processes: &[Process]) -> Vec<Family> {
    let gauge = |name, help, of: fn(&Process) -> u64| label(Family::gauge(name, help), processes, of);
    let counter = |name, help, of: fn(&Process) -> u64| label(Family::counter(name, help), processes, of);
    let live = "The most that was live, by how far back that looks";
    let resident = "The most that was resident, by how far back that looks";
    vec![
        gauge("malloc_live_bytes", "In blocks that the program holds", |process| process.live),
        gauge("malloc_resident_bytes", "Of the mapped bytes, those in memory", |process| process.resident),
        gauge("malloc_mapped_bytes", "Address space that the allocator has taken", |process| process.mapped),
        gauge("malloc_cached_bytes", "In freed blocks that are kept for reuse", |process| process.cached),
        peaks(Family::gauge("malloc_peak_live_bytes", live), processes, |process| process.peak_live),
        peaks(Family::gauge("malloc_peak_resident_bytes", resident), processes, |process| process.peak_resident),
        counter("malloc_returned_bytes", "Given back to the system", |process| process.returned),
        counter("malloc_allocations", "Blocks handed out", |process| process.allocations),
        counter("malloc_frees", "Blocks taken back", |process| process.frees),
    ]
}

fn peaks(mut family: Family, processes: &[Process], of: fn(&Process) -> Peaks) -> Family {
    for process in processes {
        let (pid, Peaks { second, ten_seconds, minute }) = (process.pid.to_string(), of(process));
        for (window, peak) in [("1s", second), ("10s", ten_seconds), ("60s", minute)] {
            family = family.with(&[("pid", &pid), ("command", &process.name), ("window", window)], peak);
        }
    }
    family
}

fn label(family: Family, processes: &[Process], of: fn(&Process) -> u64) -> Family {
    processes.iter().fold(family, |family, process| {
        family.with(&[("pid", &process.pid.to_string()), ("command", &process.name)], of(process))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_its_process() {
        let process = Process {
            pid: 7,
            name: "say \"a\\b\"".to_owned(),
            live: 1,
            resident: 2,
            mapped: 3,
            cached: 4,
            returned: 5,
            peak_live: Peaks { second: 6, ten_seconds: 7, minute: 8 },
            peak_resident: Peaks { second: 9, ten_seconds: 10, minute: 11 },
            allocations: 12,
            frees: 13,
            ..Process::default()
        };
        let text = text(&Sample { at: 0, processes: vec![process] });
        let labels = r#"pid="7",command="say \"a\\b\"""#;
        let figures: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            figures,
            [
                format!("planet_malloc_live_bytes{{{labels}}} 1"),
                format!("planet_malloc_resident_bytes{{{labels}}} 2"),
                format!("planet_malloc_mapped_bytes{{{labels}}} 3"),
                format!("planet_malloc_cached_bytes{{{labels}}} 4"),
                format!("planet_malloc_peak_live_bytes{{{labels},window=\"1s\"}} 6"),
                format!("planet_malloc_peak_live_bytes{{{labels},window=\"10s\"}} 7"),
                format!("planet_malloc_peak_live_bytes{{{labels},window=\"60s\"}} 8"),
                format!("planet_malloc_peak_resident_bytes{{{labels},window=\"1s\"}} 9"),
                format!("planet_malloc_peak_resident_bytes{{{labels},window=\"10s\"}} 10"),
                format!("planet_malloc_peak_resident_bytes{{{labels},window=\"60s\"}} 11"),
                format!("planet_malloc_returned_bytes_total{{{labels}}} 5"),
                format!("planet_malloc_allocations_total{{{labels}}} 12"),
                format!("planet_malloc_frees_total{{{labels}}} 13"),
            ]
        );
        assert!(text.contains("# TYPE planet_malloc_returned_bytes counter\n"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn without_a_process_there_is_no_figure() {
        assert!(text(&Sample::default()).lines().all(|line| line.starts_with('#')));
    }
}
