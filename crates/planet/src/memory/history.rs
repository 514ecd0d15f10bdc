//! What came before: how the figures of a process went, in bounded memory.

use std::collections::BTreeMap;

use super::sample::{MOST_PROCESSES, Process, Sample, Second};

/// How many points a course keeps: more than a screen or a picture has columns.
const POINTS: usize = 4096;

/// Milliseconds.
const SECOND: u64 = 1000;

/// The figures of a moment, in bytes; after [`Course::push`] has merged points, those of a short time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    /// Milliseconds since 1970.
    pub(crate) at: u64,
    pub(crate) live: u64,
    pub(crate) resident: u64,
    /// Given back since the process began.
    pub(crate) returned: u64,
    /// The most that was live since the point before.
    pub(crate) peak_live: u64,
    /// The most that was resident since the point before.
    pub(crate) peak_resident: u64,
}

/// How the figures of one process went. When there is no room for more points, each two neighbours become one that keeps
/// the higher peaks, and so do those that follow: it always reaches back to the beginning, and no spike is lost.
#[derive(Debug, Clone)]
pub(crate) struct Course {
    started: u64,
    points: Vec<Point>,
    /// How many looks a point stands for.
    looks: usize,
    /// How many the last one stands for so far.
    looks_of_last: usize,
}

impl Default for Course {
    fn default() -> Self {
        Self { started: 0, points: Vec::new(), looks: 1, looks_of_last: 1 }
    }
}

impl Course {
    /// Adds what a process has now, and at first what it remembers itself. Another process of the same number begins a
    /// course of its own.
    pub(crate) fn push(&mut self, at: u64, process: &Process) {
        if self.started != process.started {
            *self = Self { started: process.started, ..Self::default() };
        }
        if self.points.is_empty() {
            self.points.extend(past(at, process));
        }
        let gap = self.points.last().map_or(0, |last| at.saturating_sub(last.at));
        let Process { live, resident, returned, .. } = *process;
        let peak_live = process.peak_live.since(gap).max(live);
        let peak_resident = process.peak_resident.since(gap).max(resident);
        self.add(Point { at, live, resident, returned, peak_live, peak_resident });
    }

    fn add(&mut self, point: Point) {
        if self.looks_of_last < self.looks
            && let Some(last) = self.points.pop()
        {
            self.points.extend(merge(&[last, point]));
            self.looks_of_last += 1;
            return;
        }
        if self.points.len() >= POINTS {
            self.points = self.points.chunks(2).filter_map(merge).collect();
            self.looks *= 2;
        }
        self.points.push(point);
        self.looks_of_last = 1;
    }

    /// All points, the oldest first.
    pub(crate) fn points(&self) -> &[Point] {
        &self.points
    }

    /// The points of the last so many milliseconds.
    pub(crate) fn last(&self, milliseconds: u64) -> &[Point] {
        let Some(last) = self.points.last() else { return &[] };
        let since = last.at.saturating_sub(milliseconds);
        &self.points[self.points.partition_point(|point| point.at < since)..]
    }
}

/// The seconds that have ended, as far as the process knows: their peaks, and not what was given back when.
fn past(at: u64, process: &Process) -> Vec<Point> {
    let point = |ago, live, resident| Point {
        at: at.saturating_sub(ago),
        live,
        resident,
        returned: process.returned,
        peak_live: live,
        peak_resident: resident,
    };
    let mut points = Vec::new();
    let mut before: Option<&Second> = None;
    for second in process.past.iter().filter(|second| second.ago >= SECOND) {
        // Where seconds are missing nothing happened, so both their neighbours have had what there was then.
        if let Some(before) = before.filter(|before| before.ago > second.ago + SECOND) {
            let (live, resident) = (before.live.min(second.live), before.resident.min(second.resident));
            points.push(point(second.ago + SECOND, live, resident));
        }
        points.push(point(second.ago, second.live, second.resident));
        before = Some(second);
    }
    points
}

/// One point for neighbours: the last of them, with the highest peaks of all. `None` for no point.
pub(crate) fn merge(points: &[Point]) -> Option<Point> {
    let last = points.last()?;
    let peak_live = points.iter().map(|point| point.peak_live).max()?;
    let peak_resident = points.iter().map(|point| point.peak_resident).max()?;
    Some(Point { peak_live, peak_resident, ..*last })
}

/// The courses of all processes that are there.
#[derive(Debug, Default)]
pub(crate) struct History {
    courses: BTreeMap<u32, Course>,
}

impl History {
    /// Adds what was seen, of a bounded number of processes, and forgets those that were not.
    pub(crate) fn push(&mut self, sample: &Sample) {
        self.courses.retain(|pid, _| sample.processes.iter().any(|process| process.pid == *pid));
        for process in sample.processes.iter().take(MOST_PROCESSES) {
            self.courses.entry(process.pid).or_default().push(sample.at, process);
        }
    }

    /// How the figures of a process went, if it is there.
    pub(crate) fn of(&self, pid: u32) -> Option<&Course> {
        self.courses.get(&pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::sample::Peaks;

    fn process(pid: u32, resident: u64, peak: u64) -> Process {
        let peak_resident = Peaks { second: peak, ..Peaks::default() };
        Process { pid, resident, peak_resident, ..Process::default() }
    }

    #[test]
    fn a_full_course_thins_out_evenly_and_keeps_its_beginning_and_its_spikes() {
        let mut course = Course::default();
        let total = 100 * POINTS as u64 + 7;
        for at in 0..total {
            let peak = if at == 1234 { 1_000_000 } else { 0 };
            course.push(at, &process(1, 5, peak));
            assert!(course.points().len() <= POINTS);
            assert_eq!(course.points().last().unwrap().at, at);
        }
        let points = course.points();
        assert!(points.len() > POINTS / 2);
        let widest = points.windows(2).map(|pair| pair[1].at - pair[0].at).max().unwrap();
        assert_eq!(widest, 128);
        assert!(points[0].at < 128);
        let spikes: Vec<_> = points.iter().filter(|point| point.peak_resident == 1_000_000).collect();
        assert!(spikes.len() == 1 && spikes[0].at.abs_diff(1234) < 128, "{spikes:?}");
    }

    #[test]
    fn the_last_minutes_are_counted_from_the_last_point() {
        let mut course = Course::default();
        assert_eq!(course.last(10), []);
        for at in [100, 200, 300] {
            course.push(at, &process(1, at, at));
        }
        let last = |time| course.last(time).iter().map(|point| point.at).collect::<Vec<_>>();
        assert_eq!(last(0), [300]);
        assert_eq!(last(100), [200, 300]);
        assert_eq!(last(u64::MAX), [100, 200, 300]);
    }

    #[test]
    fn what_a_process_remembers_comes_before_the_first_look() {
        let second = |ago, live| Second { ago, live, resident: 2 * live };
        let past = vec![second(6000, 40), second(2000, 30), second(1000, 20), second(0, 10)];
        let remembering = Process { live: 10, resident: 11, returned: 5, past, ..Process::default() };
        let mut course = Course::default();
        course.push(10_000, &remembering);
        course.push(11_000, &remembering);
        let points: Vec<_> = course.points().iter().map(|point| (point.at, point.live, point.peak_resident)).collect();
        let past = [(4_000, 40, 80), (7_000, 30, 60), (8_000, 30, 60), (9_000, 20, 40)];
        assert_eq!(points, [&past[..], &[(10_000, 10, 11), (11_000, 10, 11)]].concat());
        assert!(course.points().iter().all(|point| point.returned == 5));
    }

    #[test]
    fn another_process_of_the_same_number_begins_anew() {
        let mut course = Course::default();
        course.push(1, &process(1, 1, 1));
        course.push(2, &Process { started: 9, ..process(1, 2, 2) });
        assert_eq!(course.points().iter().map(|point| point.at).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn who_has_gone_is_forgotten() {
        let mut history = History::default();
        history.push(&Sample { at: 1, processes: vec![process(1, 1, 1), process(2, 1, 1)] });
        history.push(&Sample { at: 2, processes: vec![process(2, 1, 1)] });
        assert!(history.of(1).is_none());
        assert_eq!(history.of(2).unwrap().points().len(), 2);
    }

    #[test]
    fn more_processes_than_are_remembered_do_no_harm() {
        let mut history = History::default();
        let processes = (0..=MOST_PROCESSES as u32).map(|pid| process(pid, 1, 1)).collect();
        history.push(&Sample { at: 1, processes });
        assert_eq!(history.courses.len(), MOST_PROCESSES);
    }
}
