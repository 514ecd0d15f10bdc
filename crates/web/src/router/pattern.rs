//! Paths with parameters, as in `/users/{name}/files/{*path}`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The parameters that the pattern of a rule took from the path: in the extensions of the request.
///
/// Under a [nested](super::RouterBuilder::nest) router, those of the outer rules come first.
///
/// ```
/// use http::Request;
/// use planet_web::router::PathParameters;
///
/// fn name(request: &Request<()>) -> Option<&str> {
///     request.extensions().get::<PathParameters>()?.get("name")
/// }
/// # assert_eq!(name(&Request::new(())), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathParameters(pub(super) Vec<(Arc<str>, String)>);

impl PathParameters {
    /// The decoded value of a parameter; of several with one name, the innermost.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| **known == *name).map(|(_, value)| value.as_str())
    }

    /// Every name and value, in the order of the path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, value.as_str()))
    }
}

/// What is wrong with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// It does not begin with `/`.
    NoSlash,
    /// A `{` or `}` that does not enclose a whole segment.
    Brace,
    /// A parameter without a name.
    NoName,
    /// Two parameters of one name.
    Twice,
    /// `{*name}` takes the rest of the path, so it has to be the last segment.
    RestNotLast,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSlash => "it has to begin with /",
            Self::Brace => "a parameter has to be a whole segment, as in /{name}/",
            Self::NoName => "a parameter has no name",
            Self::Twice => "two parameters have the same name",
            Self::RestNotLast => "{*name} takes the rest of the path, so it has to come last",
        })
    }
}

impl std::error::Error for PatternError {}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(String),
    /// One segment, not empty.
    Parameter(Arc<str>),
    /// One segment or more; a single one may be empty.
    Rest(Arc<str>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(pub(super) Vec<Segment>);

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let mut segments: Vec<Segment> = Vec::new();
        for part in text.strip_prefix('/').ok_or(PatternError::NoSlash)?.split('/') {
            if matches!(segments.last(), Some(Segment::Rest(_))) {
                return Err(PatternError::RestNotLast);
            }
            let segment = parse_segment(part)?;
            if let Segment::Parameter(name) | Segment::Rest(name) = &segment
                && segments
                    .iter()
                    .any(|s| matches!(s, Segment::Parameter(known) | Segment::Rest(known) if known == name))
            {
                return Err(PatternError::Twice);
            }
            segments.push(segment);
        }
        Ok(Self(segments))
    }

    /// A path without parameters: braces mean themselves.
    pub(super) fn literal(path: &str) -> Result<Self, PatternError> {
        let path = path.strip_prefix('/').ok_or(PatternError::NoSlash)?;
        Ok(Self(path.split('/').map(|part| Segment::Literal(part.to_owned())).collect()))
    }

    /// Whether the path fits; what its parameters hold is added to `found`.
    ///
    /// A parameter takes UTF-8 alone: anything else could not be handed on unchanged.
    pub(super) fn take(&self, path: &[Cow<'_, [u8]>], found: &mut Vec<(Arc<str>, String)>) -> bool {
        let mut left = path;
        for segment in &self.0 {
            let Some((first, rest)) = left.split_first() else {
                return false;
            };
            let fits = match segment {
                Segment::Literal(text) => **first == *text.as_bytes(),
                Segment::Parameter(name) => !first.is_empty() && keep(name, first.to_vec(), found),
                Segment::Rest(name) => return keep(name, left.join(&b'/'), found),
            };
            if !fits {
                return false;
            }
            left = rest;
        }
        left.is_empty()
    }
}

fn keep(name: &Arc<str>, value: Vec<u8>, found: &mut Vec<(Arc<str>, String)>) -> bool {
    String::from_utf8(value).is_ok_and(|value| {
        found.push((name.clone(), value));
        true
    })
}

fn parse_segment(part: &str) -> Result<Segment, PatternError> {
    let Some(inner) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
        let braces = part.contains(['{', '}']);
        return if braces { Err(PatternError::Brace) } else { Ok(Segment::Literal(part.to_owned())) };
    };
    let (name, rest) = inner.strip_prefix('*').map_or((inner, false), |name| (name, true));
    match name {
        "" => Err(PatternError::NoName),
        _ if name.contains(['{', '}']) => Err(PatternError::Brace),
        _ if rest => Ok(Segment::Rest(name.into())),
        _ => Ok(Segment::Parameter(name.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::segments::Segments;

    fn take(pattern: &str, path: &str) -> Option<Vec<String>> {
        let mut found = Vec::new();
        let taken = Pattern::parse(pattern).expect("it parses").take(Segments::of(path).as_slice(), &mut found);
        taken.then(|| found.into_iter().map(|(_, value)| value).collect())
    }

    #[test]
    fn parameters_are_decoded() {
        assert_eq!(take("/users/{name}", "/users/J%C3%BCrgen"), Some(vec!["Jürgen".to_owned()]));
        assert_eq!(take("/users/{name}", "/users/a%2Fb"), Some(vec!["a/b".to_owned()]));
        assert_eq!(take("/users/{name}", "/users/"), None);
        assert_eq!(take("/users/{name}", "/users/a/"), None);
        assert_eq!(take("/users/{name}", "/users/%FF"), None, "not UTF-8");
    }

    #[test]
    fn the_rest_may_be_empty() {
        assert_eq!(take("/f/{*path}", "/f/a/b"), Some(vec!["a/b".to_owned()]));
        assert_eq!(take("/f/{*path}", "/f/"), Some(vec![String::new()]));
        assert_eq!(take("/f/{*path}", "/f"), None);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, mistake) in [
            ("users", PatternError::NoSlash),
            ("/a{b}", PatternError::Brace),
            ("/{{a}}", PatternError::Brace),
            ("/{}", PatternError::NoName),
            ("/{*}", PatternError::NoName),
            ("/{a}/{a}", PatternError::Twice),
            ("/{*a}/b", PatternError::RestNotLast),
        ] {
            assert_eq!(Pattern::parse(text), Err(mistake), "{text}");
        }
    }
}
