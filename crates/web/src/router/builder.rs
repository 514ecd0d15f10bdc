//! Rules in order, checked before they are used.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;

use super::endpoint::{Endpoint, endpoint};
use super::matcher::{Matcher, prefix_segments};
use super::nest::strip;
use super::pattern::PatternError;
use super::service::{Rest, Router};
use super::shadow::shadows;
use crate::body::BoxError;

/// Collects the rules of a [`Router`]. From [`Router::builder`].
pub struct RouterBuilder<B> {
    rules: Vec<(Matcher, Endpoint<B>)>,
    rest: Rest<B>,
}

/// Why the rules make no router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// A path or pattern of a rule cannot be understood: correct it.
    Pattern {
        /// As it was given.
        pattern: String,
        /// What is wrong with it.
        mistake: PatternError,
    },
    /// No method fulfils what the rule asks: use [`Matcher::methods`] for one of several.
    NoMethod {
        /// The rule.
        rule: String,
    },
    /// The later rule would never be reached: put it before the earlier one, or remove it.
    Shadowed {
        /// The rule that takes all requests of the later one, and its place from zero.
        earlier: (usize, String),
        /// The rule that takes none, and its place from zero.
        later: (usize, String),
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern { pattern, mistake } => write!(f, "the path {pattern:?} of a rule: {mistake}"),
            Self::NoMethod { rule } => {
                write!(f, "no method fulfils the rule ({rule}): give Matcher::methods those of which one is enough")
            }
            Self::Shadowed { earlier: (place, earlier), later: (later_place, later) } => write!(
                f,
                "rule {later_place} ({later}) is never reached: rule {place} ({earlier}) takes all of its requests; \
                 put it first, or remove it"
            ),
        }
    }
}

impl std::error::Error for BuildError {}

impl<B: Send + 'static> RouterBuilder<B> {
    pub(super) fn new() -> Self {
        Self { rules: Vec::new(), rest: Rest::NotFound }
    }

    /// Adds a rule behind the others.
    pub fn rule<S, R>(mut self, matcher: Matcher, service: S) -> Self
    where
        S: Service<Request<B>, Response = Response<R>, Error = Infallible, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
        R: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        self.rules.push((matcher, endpoint(service)));
        self
    }

    /// Adds a rule for the paths that [start with](Matcher::starts_with) a prefix; the service, mostly another router,
    /// sees them without it. The URI as it was is in the extensions as [`OriginalUri`](super::OriginalUri).
    ///
    /// Both `/admin` and `/admin/` reach it as `/`.
    pub fn nest<S, R>(mut self, prefix: &str, service: S) -> Self
    where
        S: Service<Request<B>, Response = Response<R>, Error = Infallible, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
        R: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        // What cannot be a prefix is reported by the matcher.
        let segments = prefix_segments(prefix).map_or(0, |(segments, _)| segments.len());
        self.rules.push((Matcher::starts_with(prefix), strip(segments, endpoint(service))));
        self
    }

    /// The default service: it answers the paths that no rule knows, instead of a `404`.
    pub fn otherwise<S, R>(mut self, service: S) -> Self
    where
        S: Service<Request<B>, Response = Response<R>, Error = Infallible, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
        R: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        self.rest = Rest::Default(endpoint(service));
        self
    }

    /// The router.
    ///
    /// # Errors
    /// When a path cannot be understood, or a rule would never be reached because an earlier one takes all of its
    /// requests. A rule with a [closure](Matcher::when) counts as taking nothing for certain.
    pub fn build(self) -> Result<Router<B>, BuildError> {
        for (place, (matcher, _)) in self.rules.iter().enumerate() {
            if let Some((pattern, mistake)) = matcher.mistake.clone() {
                return Err(BuildError::Pattern { pattern, mistake });
            }
            if !matcher.methods.is_empty() && matcher.allowed().next().is_none() {
                return Err(BuildError::NoMethod { rule: matcher.to_string() });
            }
            let earlier = self.rules[..place].iter().position(|(earlier, _)| shadows(earlier, matcher));
            if let Some(earlier) = earlier {
                let named = |place: usize| (place, self.rules[place].0.to_string());
                return Err(BuildError::Shadowed { earlier: named(earlier), later: named(place) });
            }
        }
        Ok(Router { rules: Arc::new(self.rules), rest: self.rest })
    }
}
