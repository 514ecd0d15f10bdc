//! Rules that could never be reached, because an earlier one takes all that they would.
//!
//! An earlier rule shadows a later one when each of its conditions follows from one of the later rule's. Closures follow
//! from nothing: a rule with one shadows no other. The answer errs on the side of letting a rule be.

use super::matcher::{Matcher, PathCondition};
use super::pattern::{Pattern, Segment};

pub(super) fn shadows(earlier: &Matcher, later: &Matcher) -> bool {
    !earlier.has_tests()
        && earlier.paths.iter().all(|condition| later.paths.iter().any(|given| follows(condition, given)))
        && earlier.hosts.iter().all(|host| later.hosts.contains(host))
        && earlier
            .methods
            .iter()
            .all(|methods| !later.methods.is_empty() && later.allowed().all(|method| methods.contains(method)))
}

/// Whether every path for which `given` holds fulfils `condition`.
fn follows(condition: &PathCondition, given: &PathCondition) -> bool {
    use PathCondition::{EndsWith, Fits, StartsWith};
    match (condition, given) {
        // Every path does.
        (StartsWith { segments, .. }, _) if segments.is_empty() => true,
        (EndsWith(suffix), _) if suffix.is_empty() => true,
        (StartsWith { segments, deeper }, StartsWith { segments: given, deeper: given_deeper }) => {
            given.len() + usize::from(*given_deeper) >= segments.len() + usize::from(*deeper)
                && given.starts_with(segments)
        }
        (StartsWith { segments, deeper }, Fits(Pattern(given))) => {
            given.len() >= segments.len() + usize::from(*deeper)
                && segments.iter().zip(given).all(|(text, segment)| matches!(segment, Segment::Literal(l) if l == text))
        }
        (EndsWith(suffix), EndsWith(given)) => given.ends_with(suffix),
        (EndsWith(suffix), Fits(pattern)) => literal_end(pattern).ends_with(suffix),
        (Fits(pattern), Fits(given)) => fits(&pattern.0, &given.0),
        // Neither a beginning nor an end says how long the whole is, or that it is UTF-8.
        (StartsWith { .. }, EndsWith(_)) | (EndsWith(_), StartsWith { .. }) | (Fits(_), _) => false,
    }
}

/// What every path that fits ends with.
fn literal_end(pattern: &Pattern) -> String {
    let literals = pattern.0.iter().rev().map_while(|segment| match segment {
        Segment::Literal(text) => Some(text.as_str()),
        Segment::Parameter(_) | Segment::Rest(_) => None,
    });
    literals.fold(String::new(), |end, text| format!("/{text}{end}"))
}

fn fits(pattern: &[Segment], given: &[Segment]) -> bool {
    match (pattern, given) {
        ([], []) => true,
        ([Segment::Rest(_)], [_, ..]) => true,
        ([Segment::Literal(text), rest @ ..], [Segment::Literal(other), others @ ..]) => {
            text == other && fits(rest, others)
        }
        ([Segment::Parameter(_), rest @ ..], [Segment::Literal(other), others @ ..]) => {
            !other.is_empty() && fits(rest, others)
        }
        ([Segment::Parameter(_), rest @ ..], [Segment::Parameter(_), others @ ..]) => fits(rest, others),
        _ => false,
    }
}
