//! From the table to a file: <https://github.com/google/pprof/blob/main/proto/profile.proto>.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, io, process};

use super::modules::{Module, modules};
use super::protobuf::Message;
use super::recorder::{self, TABLE};
use super::symbols::{self, Place};
use super::table::{Amount, Sample, Stack};
use super::{ProfileError, sampler};

/// The library that is preloaded. Its functions, and those of this crate with what they call on the way to walk the
/// stack, are nobody's place of allocation.
const LIBRARY: &str = "/libplanet_malloc.so";
const OWN_NAMES: &str = "planet_malloc";
/// In release builds a function may be known by its bare name alone.
const OWN_FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/");
const NAMES_BETWEEN: [&str; 2] = ["backtrace::", "core::ops::function::"];

/// Samples that come while room is made for copying the others.
const MOST_LATECOMERS: usize = 1024;

/// Writes what was sampled so far to a file, which is only seen when it is whole. Takes from some milliseconds to some
/// seconds, as large as the program's debug information is, and as much memory meanwhile.
///
/// # Errors
/// When [`start`](super::start) has not been called, or the file cannot be written.
pub fn write(path: impl AsRef<Path>) -> Result<(), ProfileError> {
    let path = path.as_ref();
    let rate = recorder::rate().ok_or(ProfileError::NotStarted)?;
    let _quiet = recorder::quiet();
    let profile = Report::new().write(&Snapshot::take(), rate);
    symbols::forget();
    replace(path, &profile.into_gzip()).map_err(|error| ProfileError::Write { path: path.to_owned(), error })
}

fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", process::id()));
    let written = fs::write(&part, contents).and_then(|()| fs::rename(&part, path));
    written.inspect_err(|_| {
        let _ = fs::remove_file(&part);
    })
}

/// The table at one moment.
struct Snapshot {
    stacks: Vec<Stack>,
    live: Vec<Sample>,
    left_out: u64,
}

impl Snapshot {
    fn take() -> Self {
        let (stacks, samples) = TABLE.lock().len();
        let mut stacks = Vec::with_capacity(stacks + MOST_LATECOMERS);
        let mut live = Vec::with_capacity(samples + MOST_LATECOMERS);
        let table = TABLE.lock();
        // Nothing is allocated while the lock is held: there is room for as many.
        table.stacks().iter().take(stacks.capacity()).for_each(|stack| stacks.push(*stack));
        let known = table.live().filter(|sample| (sample.stack as usize) < stacks.len());
        known.take(live.capacity()).for_each(|sample| live.push(*sample));
        Self { stacks, live, left_out: table.left_out }
    }
}

/// A place in the program that has been described.
#[derive(Clone, Copy)]
struct Location {
    id: u64,
    /// Whether it belongs to the allocator.
    is_own: bool,
}

/// How much is known about the places of a module.
#[derive(Clone, Copy)]
struct Known {
    functions: bool,
    lines: bool,
}

/// A profile that is being written.
struct Report {
    message: Message,
    strings: BTreeMap<String, u64>,
    functions: BTreeMap<(String, String), u64>,
    locations: BTreeMap<usize, Location>,
    modules: Vec<(Module, Known)>,
}

/// The fields of a `Profile`.
mod field {
    pub(super) const SAMPLE_TYPE: u64 = 1;
    pub(super) const SAMPLE: u64 = 2;
    pub(super) const MAPPING: u64 = 3;
    pub(super) const LOCATION: u64 = 4;
    pub(super) const FUNCTION: u64 = 5;
    pub(super) const STRING_TABLE: u64 = 6;
    pub(super) const TIME_NANOS: u64 = 9;
    pub(super) const PERIOD_TYPE: u64 = 11;
    pub(super) const PERIOD: u64 = 12;
    pub(super) const COMMENT: u64 = 13;
    pub(super) const DEFAULT_SAMPLE_TYPE: u64 = 14;
}

impl Report {
    fn new() -> Self {
        let known = Known { functions: true, lines: true };
        let mut report = Self {
            message: Message::default(),
            strings: BTreeMap::new(),
            functions: BTreeMap::new(),
            locations: BTreeMap::new(),
            modules: modules().into_iter().map(|module| (module, known)).collect(),
        };
        // The first string must be empty.
        report.string("");
        report
    }

    fn write(mut self, snapshot: &Snapshot, rate: u64) -> Message {
        for (name, unit) in
            [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")]
        {
            let value_type = self.value_type(name, unit);
            self.message.message(field::SAMPLE_TYPE, &value_type);
        }
        let mut in_use = vec![Amount::default(); snapshot.stacks.len()];
        for sample in &snapshot.live {
            in_use[sample.stack as usize].add(sampler::weight(sample.size, rate), sample.size);
        }
        for (stack, in_use) in snapshot.stacks.iter().zip(&in_use) {
            self.sample(stack, in_use);
        }
        self.mappings();
        let period_type = self.value_type("space", "bytes");
        let usual = self.string("inuse_space");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
        self.message
            .number(field::TIME_NANOS, now)
            .message(field::PERIOD_TYPE, &period_type)
            .number(field::PERIOD, rate)
            .number(field::DEFAULT_SAMPLE_TYPE, usual);
        if snapshot.left_out > 0 {
            let comment = self.string(&format!("{} samples were left out for want of room", snapshot.left_out));
            self.message.number(field::COMMENT, comment);
        }
        self.message
    }

    fn sample(&mut self, stack: &Stack, in_use: &Amount) {
        let locations: Vec<_> = stack.frames.as_slice().iter().map(|address| self.location(*address)).collect();
        let called = locations.iter().skip_while(|location| location.is_own);
        let allocated = &stack.allocated;
        let values = [allocated.blocks, allocated.bytes, in_use.blocks, in_use.bytes];
        let mut sample = Message::default();
        sample.numbers(1, called.map(|location| location.id)).numbers(2, values.map(|value| value.round() as u64));
        self.message.message(field::SAMPLE, &sample);
    }

    /// What a return address stands for.
    fn location(&mut self, address: usize) -> Location {
        if let Some(known) = self.locations.get(&address) {
            return *known;
        }
        let places = symbols::places(address);
        // Of the call, where the address itself is of what follows it.
        let call = address - 1;
        let module = self.modules.iter().position(|(module, _)| (module.start..module.end).contains(&call));
        let is_own = |place: &Place| place.name.contains(OWN_NAMES) || place.file.starts_with(OWN_FILES);
        let is_between = |place: &Place| NAMES_BETWEEN.iter().any(|name| place.name.starts_with(name));
        let is_in_library = module.is_some_and(|module| self.modules[module].0.path.ends_with(LIBRARY));
        // What was inlined into a function of the allocator is the allocator's.
        let own_places = match places.iter().rposition(is_own) {
            Some(last) => last + 1,
            None => places.iter().take_while(|place| is_between(place)).count(),
        };
        let is_own = is_in_library || (!places.is_empty() && own_places == places.len());
        // What of the allocator was inlined into its caller is not the caller's.
        let places = if is_own { &places[..] } else { &places[own_places..] };
        let id = self.locations.len() as u64 + 1;
        let mut location = Message::default();
        location.number(1, id).number(2, module.map_or(0, |module| module as u64 + 1)).number(3, call as u64);
        if let Some(module) = module {
            let known = &mut self.modules[module].1;
            known.functions &= !places.is_empty();
            known.lines &= !places.is_empty() && places.iter().all(|place| place.line != 0);
        }
        for place in places {
            let mut line = Message::default();
            line.number(1, self.function(place)).number(2, place.line.into());
            location.message(4, &line);
        }
        self.message.message(field::LOCATION, &location);
        let location = Location { id, is_own };
        self.locations.insert(address, location);
        location
    }

    fn function(&mut self, place: &Place) -> u64 {
        let key = (place.linkage_name.clone(), place.file.clone());
        if let Some(id) = self.functions.get(&key) {
            return *id;
        }
        let id = self.functions.len() as u64 + 1;
        self.functions.insert(key, id);
        let mut function = Message::default();
        function
            .number(1, id)
            .number(2, self.string(&place.name))
            .number(3, self.string(&place.linkage_name))
            .number(4, self.string(&place.file));
        self.message.message(field::FUNCTION, &function);
        id
    }

    fn mappings(&mut self) {
        for (index, (module, known)) in std::mem::take(&mut self.modules).into_iter().enumerate() {
            let mut mapping = Message::default();
            mapping
                .number(1, index as u64 + 1)
                .number(2, module.start as u64)
                .number(3, module.end as u64)
                .number(4, module.offset as u64)
                .number(5, self.string(&module.path))
                .number(6, self.string(&module.build_id))
                .number(7, known.functions.into())
                .number(8, known.lines.into())
                .number(9, known.lines.into())
                .number(10, known.lines.into());
            self.message.message(field::MAPPING, &mapping);
        }
    }

    fn value_type(&mut self, name: &str, unit: &str) -> Message {
        let mut value_type = Message::default();
        value_type.number(1, self.string(name)).number(2, self.string(unit));
        value_type
    }

    /// The number of a text, which is written when it first appears.
    fn string(&mut self, text: &str) -> u64 {
        if let Some(number) = self.strings.get(text) {
            return *number;
        }
        let number = self.strings.len() as u64;
        self.strings.insert(text.to_owned(), number);
        self.message.bytes(field::STRING_TABLE, text.as_bytes());
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_said() {
        let written = |left_out| {
            let snapshot = Snapshot { stacks: Vec::new(), live: Vec::new(), left_out };
            // Stored blocks keep texts as they are.
            Report::new().write(&snapshot, 1).into_gzip()
        };
        let says = |file: &[u8], text: &str| file.windows(text.len()).any(|bytes| bytes == text.as_bytes());
        assert!(says(&written(3), "3 samples were left out for want of room"));
        assert!(!says(&written(0), "left out"));
    }
}
