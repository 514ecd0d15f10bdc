//! Where samples come from: the processes themselves, or a recording.

use std::path::{Path, PathBuf};

use planet_malloc::page::PageError;

use super::MemoryError;
use super::recording::Recording;
use super::sample::{Process, Sample};

/// Samples of all processes, or of a single one for as long as it is there.
pub(crate) struct Source {
    recording: Option<Recording>,
    only: Option<u32>,
    /// How the single process was started, once it has been seen.
    seen: Option<(u64, String)>,
    ended: bool,
}

impl Source {
    /// From the recording at `path`, or else from the processes.
    pub(crate) fn open(path: Option<&Path>, only: Option<u32>) -> Result<Self, MemoryError> {
        let recording = path.map(Recording::open).transpose()?;
        Ok(Self { recording, only, seen: None, ended: false })
    }

    /// Whether samples come as fast as they are asked for.
    pub(crate) fn is_recording(&self) -> bool {
        self.recording.is_some()
    }

    /// Keeps to one process from here on.
    pub(crate) fn follow(&mut self, process: &Process) {
        self.only = Some(process.pid);
        self.seen.get_or_insert_with(|| (process.started, process.command.clone()));
    }

    /// The next sample; `None` when the recording is at its end, or the single process at its own.
    ///
    /// # Errors
    /// Also when the single process is not there from the beginning, or nowhere in the recording.
    pub(crate) fn next(&mut self) -> Result<Option<Sample>, MemoryError> {
        match (&mut self.recording, self.only) {
            (None, None) => Ok(Some(Sample::of_all())),
            (None, Some(pid)) => self.look_at(pid),
            (Some(recording), None) => recording.next(),
            (Some(_), Some(pid)) => self.find(pid),
        }
    }

    /// Says why the single process is looked at no more, if it is because it has ended.
    pub(crate) fn obituary(&self) -> Option<String> {
        let (pid, (_, command)) = (self.only?, self.seen.as_ref()?);
        self.ended.then(|| format!("process {pid} ({command}) has ended"))
    }

    fn look_at(&mut self, pid: u32) -> Result<Option<Sample>, MemoryError> {
        match Sample::of(pid) {
            Ok(sample) => Ok(self.checked(sample)),
            Err(PageError::None { .. }) if self.seen.is_some() => {
                self.ended = true;
                Ok(None)
            }
            Err(PageError::None { .. }) => {
                let exists = PathBuf::from(format!("/proc/{pid}")).exists();
                Err(MemoryError::NoProcess { pid, exists })
            }
            Err(other) => Err(MemoryError::Page(other)),
        }
    }

    /// The next sample of the recording that has the process, until it has it no more.
    fn find(&mut self, pid: u32) -> Result<Option<Sample>, MemoryError> {
        let Some(recording) = &mut self.recording else { return Ok(None) };
        while let Some(mut sample) = recording.next()? {
            sample.processes.retain(|process| process.pid == pid);
            if !sample.processes.is_empty() {
                return Ok(self.checked(sample));
            }
            if self.seen.is_some() {
                self.ended = true;
                return Ok(None);
            }
        }
        if self.seen.is_none() {
            return Err(MemoryError::NotRecorded { path: recording.path().to_owned(), pid });
        }
        Ok(None)
    }

    /// The sample, unless another process has got the number meanwhile.
    fn checked(&mut self, sample: Sample) -> Option<Sample> {
        let process = sample.processes.first()?;
        let started = process.started;
        self.ended = self.seen.get_or_insert_with(|| (started, process.command.clone())).0 != started;
        (!self.ended).then_some(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::recording::Recorder;

    /// A recording in which process 7 is there from 2 to 3, and another one of that number from 4.
    fn recorded(only: Option<u32>) -> Source {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        let mut recorder = Recorder::create(&path).unwrap();
        for (at, started) in [(1, None), (2, Some(1)), (3, Some(1)), (4, Some(2))] {
            let process = |pid, started| Process { pid, started, command: "sh".to_owned(), ..Process::default() };
            let mut processes = vec![process(9, 1)];
            processes.extend(started.map(|started| process(7, started)));
            assert!(recorder.add(&Sample { at, processes }).unwrap());
        }
        Source::open(Some(&path), only).unwrap()
    }

    fn times(source: &mut Source) -> Vec<u64> {
        std::iter::from_fn(|| source.next().unwrap()).map(|sample| sample.at).collect()
    }

    #[test]
    fn all_processes_of_a_recording_are_there_to_its_end() {
        let mut source = recorded(None);
        assert_eq!((times(&mut source), source.obituary()), (vec![1, 2, 3, 4], None));
        let mut source = recorded(Some(9));
        assert_eq!((times(&mut source), source.obituary()), (vec![1, 2, 3, 4], None));
    }

    #[test]
    fn a_single_process_is_followed_from_its_beginning_to_its_end() {
        let mut source = recorded(Some(7));
        assert_eq!(times(&mut source), [2, 3]);
        assert_eq!(source.obituary().unwrap(), "process 7 (sh) has ended");
    }

    #[test]
    fn one_of_all_can_be_followed() {
        let mut source = recorded(None);
        let first = source.next().unwrap().unwrap();
        source.follow(&first.processes[0]);
        let next = source.next().unwrap().unwrap();
        assert_eq!(next.processes, first.processes);
        source.follow(&Process { pid: 8, ..Process::default() });
        assert!(source.next().unwrap().is_none() && source.obituary().is_some());
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(matches!(recorded(Some(8)).next(), Err(MemoryError::NotRecorded { pid: 8, .. })));
        let next = |pid| Source::open(None, Some(pid)).unwrap().next();
        assert!(matches!(next(u32::MAX), Err(MemoryError::NoProcess { exists: false, .. })));
        assert!(matches!(next(1), Err(MemoryError::NoProcess { exists: true, .. })));
    }
}
