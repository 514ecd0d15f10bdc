//! A decoder of profiles that knows the format and nothing of who writes it.
#![allow(dead_code)] // Not every test program looks at everything.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct Profile {
    #[prost(message, repeated, tag = "1")]
    sample_type: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    sample: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    mapping: Vec<Mapping>,
    #[prost(message, repeated, tag = "4")]
    location: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    function: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    string_table: Vec<String>,
    #[prost(int64, tag = "12")]
    period: i64,
    #[prost(int64, tag = "14")]
    default_sample_type: i64,
}

#[derive(Clone, PartialEq, Message)]
struct ValueType {
    #[prost(int64, tag = "1")]
    kind: i64,
    #[prost(int64, tag = "2")]
    unit: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    value: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Mapping {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint64, tag = "2")]
    memory_start: u64,
    #[prost(uint64, tag = "3")]
    memory_limit: u64,
    #[prost(int64, tag = "5")]
    filename: i64,
    #[prost(int64, tag = "6")]
    build_id: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Location {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint64, tag = "2")]
    mapping_id: u64,
    #[prost(uint64, tag = "3")]
    address: u64,
    #[prost(message, repeated, tag = "4")]
    line: Vec<Line>,
}

#[derive(Clone, PartialEq, Message)]
struct Line {
    #[prost(uint64, tag = "1")]
    function_id: u64,
    #[prost(int64, tag = "2")]
    line: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Function {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int64, tag = "2")]
    name: i64,
    #[prost(int64, tag = "4")]
    filename: i64,
}

/// The four values of a sample, or of several.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Values {
    pub(crate) alloc_objects: i64,
    pub(crate) alloc_space: i64,
    pub(crate) inuse_objects: i64,
    pub(crate) inuse_space: i64,
}

/// A function with the line it is at.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) function: String,
    pub(crate) file: String,
    pub(crate) line: i64,
}

/// A file with code.
pub(crate) struct Mapped {
    pub(crate) path: String,
    pub(crate) build_id: String,
}

/// A profile in plain words.
pub(crate) struct Decoded {
    pub(crate) sample_types: Vec<String>,
    pub(crate) units: Vec<String>,
    pub(crate) period: i64,
    pub(crate) default_sample_type: String,
    pub(crate) mappings: Vec<Mapped>,
    samples: Vec<(Vec<Frame>, Values)>,
}

impl Decoded {
    /// Reads a file, and checks that what is referred to in it is there.
    pub(crate) fn read(path: &Path) -> Self {
        let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).expect("a gzip file");
        let profile = Profile::decode(&*bytes).expect("a profile");
        let text = |number: i64| profile.string_table[usize::try_from(number).expect("a number of a text")].clone();
        assert_eq!(text(0), "");
        let functions: HashMap<_, _> = profile.function.iter().map(|function| (function.id, function)).collect();
        let mappings: HashMap<_, _> = profile.mapping.iter().map(|mapping| (mapping.id, mapping)).collect();
        let locations: HashMap<_, _> = profile.location.iter().map(|location| (location.id, location)).collect();
        assert_eq!(locations.len(), profile.location.len(), "locations have ids of their own");
        for location in &profile.location {
            if location.mapping_id != 0 {
                let mapping = mappings[&location.mapping_id];
                assert!((mapping.memory_start..mapping.memory_limit).contains(&location.address));
            }
        }
        let frame = |line: &Line| {
            let function = functions[&line.function_id];
            Frame { function: text(function.name), file: text(function.filename), line: line.line }
        };
        let sample = |sample: &Sample| {
            let [alloc_objects, alloc_space, inuse_objects, inuse_space] = sample.value[..] else {
                panic!("{} values", sample.value.len())
            };
            let lines = sample.location_id.iter().flat_map(|id| &locations[id].line);
            (lines.map(frame).collect(), Values { alloc_objects, alloc_space, inuse_objects, inuse_space })
        };
        Self {
            sample_types: profile.sample_type.iter().map(|kind| text(kind.kind)).collect(),
            units: profile.sample_type.iter().map(|kind| text(kind.unit)).collect(),
            period: profile.period,
            default_sample_type: text(profile.default_sample_type),
            mappings: profile
                .mapping
                .iter()
                .map(|mapping| Mapped { path: text(mapping.filename), build_id: text(mapping.build_id) })
                .collect(),
            samples: profile.sample.iter().map(sample).collect(),
        }
    }

    /// The sum of all samples that were taken in a function whose name has this in it, or in what it calls.
    pub(crate) fn below(&self, function: &str) -> Values {
        let is_below = |frames: &[Frame]| frames.iter().any(|frame| frame.function.contains(function));
        self.samples.iter().filter(|(frames, _)| is_below(frames)).fold(Values::default(), |sum, (_, values)| Values {
            alloc_objects: sum.alloc_objects + values.alloc_objects,
            alloc_space: sum.alloc_space + values.alloc_space,
            inuse_objects: sum.inuse_objects + values.inuse_objects,
            inuse_space: sum.inuse_space + values.inuse_space,
        })
    }

    /// The frames of a function whose name has this in it.
    pub(crate) fn frames(&self, function: &str) -> impl Iterator<Item = &Frame> {
        let frames = self.samples.iter().flat_map(|(frames, _)| frames);
        frames.filter(move |frame| frame.function.contains(function))
    }
}
