//! What a rule takes.

use std::fmt;
use std::sync::Arc;

use http::Method;
use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;

use super::pattern::{Pattern, PatternError, Segment};
use super::segments::Segments;

type Test = Arc<dyn Fn(&Parts) -> bool + Send + Sync>;

/// What a rule takes: conditions that all have to hold.
///
/// ```
/// use http::Method;
/// use planet_web::router::Matcher;
///
/// let uploads = Matcher::starts_with("/uploads").and(Matcher::ends_with(".png")).method(Method::PUT);
/// let secret = Matcher::any().when(|parts| parts.headers.contains_key("x-secret"));
/// # let _ = (uploads, secret);
/// ```
#[derive(Clone, Default)]
pub struct Matcher {
    pub(super) paths: Vec<PathCondition>,
    pub(super) hosts: Vec<String>,
    /// Each a set of which the method has to be one.
    pub(super) methods: Vec<Vec<Method>>,
    tests: Vec<Test>,
    pub(super) mistake: Option<(String, PatternError)>,
}

#[derive(Clone, Debug)]
pub(super) enum PathCondition {
    /// These segments come first; `deeper`: and at least one more follows.
    StartsWith {
        segments: Vec<String>,
        deeper: bool,
    },
    EndsWith(String),
    Fits(Pattern),
}

impl Matcher {
    /// Takes every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Takes the path that is equal to this one, which is written decoded.
    pub fn equals(path: &str) -> Self {
        Self::fits(path, Pattern::literal(path))
    }

    /// Takes paths that fit: `{name}` stands for one segment that is not empty, `{*name}` for the rest of the path, which
    /// may be empty. What they hold goes into [`PathParameters`](super::PathParameters), decoded; a segment that is not
    /// UTF-8 fits no parameter.
    pub fn pattern(pattern: &str) -> Self {
        Self::fits(pattern, Pattern::parse(pattern))
    }

    /// Takes paths that begin with this one, on the border of a segment: `/a` takes `/a`, `/a/` and `/a/b` but not `/ab`;
    /// `/a/` takes only what is under it, `/a/` and `/a/b`.
    pub fn starts_with(prefix: &str) -> Self {
        match prefix_segments(prefix) {
            Ok((segments, deeper)) => Self::path(PathCondition::StartsWith { segments, deeper }),
            Err(mistake) => Self { mistake: Some((prefix.to_owned(), mistake)), ..Self::default() },
        }
    }

    /// Takes paths whose decoded text ends with this one, such as `.html`, wherever segments begin.
    pub fn ends_with(suffix: impl Into<String>) -> Self {
        Self::path(PathCondition::EndsWith(suffix.into()))
    }

    /// Also asks for this method. `GET` takes `HEAD` too. Asking twice asks for both, which no request meets:
    /// for one of several there is [`methods`](Self::methods).
    pub fn method(self, method: Method) -> Self {
        self.methods([method])
    }

    /// Also asks for one of these methods.
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        let mut methods: Vec<_> = methods.into_iter().collect();
        if methods.contains(&Method::GET) && !methods.contains(&Method::HEAD) {
            methods.push(Method::HEAD);
        }
        self.methods.push(methods);
        self
    }

    /// Also asks for this host, without a port: from the target of the request, or else its `Host` field
    /// (RFC 9110 §7.2). Letters of either case are equal.
    pub fn host(mut self, host: &str) -> Self {
        self.hosts.push(host.to_ascii_lowercase());
        self
    }

    /// Also asks whatever else this closure looks for. It must not block.
    pub fn when(mut self, test: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.tests.push(Arc::new(test));
        self
    }

    /// Asks for all that both ask for.
    pub fn and(mut self, other: Self) -> Self {
        self.paths.extend(other.paths);
        self.hosts.extend(other.hosts);
        self.methods.extend(other.methods);
        self.tests.extend(other.tests);
        self.mistake = self.mistake.or(other.mistake);
        self
    }

    fn fits(text: &str, pattern: Result<Pattern, PatternError>) -> Self {
        match pattern {
            Ok(pattern) => Self::path(PathCondition::Fits(pattern)),
            Err(mistake) => Self { mistake: Some((text.to_owned(), mistake)), ..Self::default() },
        }
    }

    fn path(condition: PathCondition) -> Self {
        Self { paths: vec![condition], ..Self::default() }
    }

    pub(super) fn has_tests(&self) -> bool {
        !self.tests.is_empty()
    }

    pub(super) fn takes_method(&self, method: &Method) -> bool {
        self.methods.iter().all(|methods| methods.contains(method))
    }

    /// The methods that fulfil every condition on them.
    pub(super) fn allowed(&self) -> impl Iterator<Item = &Method> {
        self.methods.first().into_iter().flatten().filter(|method| self.takes_method(method))
    }

    /// Whether all but the method fits; parameters of the path are added to `found`.
    pub(super) fn takes(&self, parts: &Parts, path: &Segments<'_>, found: &mut Vec<(Arc<str>, String)>) -> bool {
        self.paths.iter().all(|condition| condition.holds(path, found))
            && self.hosts.iter().all(|host| host_of(parts).is_some_and(|asked| asked.eq_ignore_ascii_case(host)))
            && self.tests.iter().all(|test| test(parts))
    }
}

impl PathCondition {
    fn holds(&self, path: &Segments<'_>, found: &mut Vec<(Arc<str>, String)>) -> bool {
        let segments = path.as_slice();
        match self {
            Self::StartsWith { segments: prefix, deeper } => {
                segments.len() >= prefix.len() + usize::from(*deeper)
                    && prefix.iter().zip(segments).all(|(wanted, segment)| *wanted.as_bytes() == **segment)
            }
            Self::EndsWith(suffix) => path.end_with(suffix.as_bytes()),
            Self::Fits(pattern) => pattern.take(segments, found),
        }
    }
}

/// The segments of a prefix, and whether something has to follow them.
pub(super) fn prefix_segments(prefix: &str) -> Result<(Vec<String>, bool), PatternError> {
    let Pattern(mut segments) = Pattern::literal(prefix)?;
    let deeper = segments.pop_if(|last| matches!(last, Segment::Literal(text) if text.is_empty())).is_some();
    let texts = segments.into_iter().filter_map(|segment| match segment {
        Segment::Literal(text) => Some(text),
        Segment::Parameter(_) | Segment::Rest(_) => None,
    });
    Ok((texts.collect(), deeper))
}

fn host_of(parts: &Parts) -> Option<String> {
    if let Some(host) = parts.uri.host() {
        return Some(host.to_owned());
    }
    let authority: Authority = parts.headers.get(HOST)?.as_bytes().try_into().ok()?;
    Some(authority.host().to_owned())
}

/// Its conditions, as error messages show them.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        for methods in &self.methods {
            words.push(methods.iter().map(Method::as_str).collect::<Vec<_>>().join("|"));
        }
        words.extend(self.hosts.iter().map(|host| format!("host {host}")));
        words.extend(self.paths.iter().map(|path| match path {
            PathCondition::StartsWith { segments, deeper } => {
                let slash = if *deeper { "/" } else { "" };
                format!("starts with /{}{}", segments.join("/"), if segments.is_empty() { "" } else { slash })
            }
            PathCondition::EndsWith(suffix) => format!("ends with {suffix}"),
            PathCondition::Fits(Pattern(segments)) => {
                segments.iter().fold(String::new(), |text, segment| match segment {
                    Segment::Literal(literal) => text + "/" + literal,
                    Segment::Parameter(name) => format!("{text}/{{{name}}}"),
                    Segment::Rest(name) => format!("{text}/{{*{name}}}"),
                })
            }
        }));
        words.extend(self.tests.iter().map(|_| "a closure".to_owned()));
        f.write_str(if words.is_empty() { "anything" } else { "" })?;
        f.write_str(&words.join(" and "))
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Matcher({self})")
    }
}
