//! The ranges that a request asks for (RFC 9110 §14).

use std::ops::Range;

/// The most ranges of a request that are answered; with more it gets the whole file, as §14.2 allows.
pub const MAX_RANGES: usize = 16;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ranges {
    /// The whole file: the field is none that we know, or asks too much.
    Whole,
    /// At least one, none overlapping another, in the order asked for, or sorted where some overlapped and were joined.
    Parts(Vec<Range<u64>>),
    /// None of them lies in the file.
    Unsatisfiable,
}

pub(super) fn parse(field: &[u8], length: u64) -> Ranges {
    let text = std::str::from_utf8(field).unwrap_or_default();
    let Some((unit, set)) = text.split_once('=') else { return Ranges::Whole };
    if !unit.eq_ignore_ascii_case("bytes") || length == 0 || set.split(',').count() > MAX_RANGES {
        return Ranges::Whole;
    }
    let mut parts = Vec::new();
    for spec in set.split(',').map(str::trim).filter(|spec| !spec.is_empty()) {
        match range(spec, length) {
            Some(range) if range.is_empty() => {}
            Some(range) => parts.push(range),
            None => return Ranges::Whole,
        }
    }
    if parts.is_empty() { Ranges::Unsatisfiable } else { Ranges::Parts(without_overlaps(parts)) }
}

/// One range cut to the file, empty when it lies outside; `None` when it is no range.
fn range(spec: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = spec.split_once('-')?;
    if first.is_empty() {
        return Some(length - number(last)?.min(length)..length);
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some(first.min(length)..last.saturating_add(1).min(length))
}

/// Digits alone. What is larger than any file is as good as the largest number.
fn number(digits: &str) -> Option<u64> {
    let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Joins ranges that overlap, so that no request gets more bytes than the file has.
fn without_overlaps(parts: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut sorted = parts.clone();
    sorted.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match joined.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    if joined.len() == parts.len() { parts } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(field: &str) -> Vec<Range<u64>> {
        match parse(field.as_bytes(), 100) {
            Ranges::Parts(parts) => parts,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    #[allow(clippy::single_range_in_vec_init, reason = "lists of one range are meant")]
    fn ranges_are_cut_to_the_file() {
        assert_eq!(parts("bytes=0-0"), [0..1]);
        assert_eq!(parts("bytes=90-"), [90..100]);
        assert_eq!(parts("Bytes=-10"), [90..100]);
        assert_eq!(parts("bytes=-1000"), [0..100]);
        assert_eq!(parts("bytes=50-99999999999999999999999"), [50..100]);
        assert_eq!(parts("bytes=50-59, 0-9,,200-"), [50..60, 0..10], "in the order asked for");
        assert_eq!(parts("bytes=50-59,55-69,0-9"), [0..10, 50..70], "joined");
    }

    #[test]
    fn what_is_no_range_is_ignored_and_what_lies_outside_refused() {
        for field in ["bytes", "lines=0-1", "bytes=5-4", "bytes=a-", "bytes=--5", "bytes=+1-2", "bytes=0-1,x"] {
            assert_eq!(parse(field.as_bytes(), 100), Ranges::Whole, "{field}");
        }
        for field in ["bytes=100-", "bytes=-0", "bytes=200-300,100-100"] {
            assert_eq!(parse(field.as_bytes(), 100), Ranges::Unsatisfiable, "{field}");
        }
        assert_eq!(parse(b"bytes=0-", 0), Ranges::Whole);
    }

    #[test]
    fn one_range_too_many_gets_the_whole_file() {
        let field = |count: usize| {
            let ranges: Vec<_> = (0..count).map(|at| format!("{}-{}", 2 * at, 2 * at)).collect();
            format!("bytes={}", ranges.join(","))
        };
        assert_eq!(parts(&field(MAX_RANGES)).len(), MAX_RANGES);
        assert_eq!(parse(field(MAX_RANGES + 1).as_bytes(), 100), Ranges::Whole);
    }
}
