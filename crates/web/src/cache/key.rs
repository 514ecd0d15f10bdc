//! What answers are stored under: host, path and query.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use http::header::HOST;
use http::{HeaderMap, Uri};
use quick_cache::Equivalent;

/// The key of a stored answer: `host/path?query`, the host in small letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    text: Box<str>,
    host_length: usize,
}

impl Key {
    /// `host/path?query` as one string.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn borrowed(&self) -> KeyRef<'_> {
        let (host, path) = self.text.split_at(self.host_length);
        KeyRef { host: Cow::Borrowed(host), path }
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrowed().hash(state);
    }
}

/// A key in the words of a request, so that a look-up copies nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRef<'a> {
    host: Cow<'a, str>,
    path: &'a str,
}

impl<'a> KeyRef<'a> {
    /// The key of a request. `None` if it would be longer than `limit`, or has no path.
    pub(crate) fn of(uri: &'a Uri, headers: &'a HeaderMap, limit: usize) -> Option<Self> {
        let path = uri.path_and_query()?.as_str();
        let host = match uri.authority() {
            Some(authority) => authority.as_str(),
            None => headers.get(HOST).map_or(Some(""), |host| host.to_str().ok())?,
        };
        (path.starts_with('/') && host.len() + path.len() <= limit).then(|| Self::new(host, path))
    }

    /// The key whose text is `host/path?query`.
    pub(crate) fn parse(text: &'a str) -> Self {
        let (host, path) = text.split_at(text.find('/').unwrap_or(text.len()));
        Self::new(host, path)
    }

    fn new(host: &'a str, path: &'a str) -> Self {
        let is_small = !host.bytes().any(|byte| byte.is_ascii_uppercase());
        Self { host: if is_small { host.into() } else { host.to_ascii_lowercase().into() }, path }
    }

    /// Another path of the same host.
    pub(crate) fn at(&self, path: &'a str) -> Self {
        Self { host: self.host.clone(), path }
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn path(&self) -> &'a str {
        self.path
    }

    pub(crate) fn to_key(&self) -> Key {
        Key { text: format!("{}{}", self.host, self.path).into(), host_length: self.host.len() }
    }
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Two writes would do as well, but the boundary would not count.
        self.host.as_bytes().hash(state);
        state.write(self.path.as_bytes());
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self == key.borrowed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use std::hash::BuildHasher as _;

    fn hosted(host: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))])
    }

    #[test]
    fn a_key_is_host_path_and_query() {
        let uri = Uri::from_static("/a/B?x=1");
        let headers = hosted("Example.ORG:8080");
        let key = KeyRef::of(&uri, &headers, 100).expect("it is short enough");
        assert_eq!(key.to_key().as_str(), "example.org:8080/a/B?x=1");
        assert_eq!(KeyRef::parse("EXAMPLE.org:8080/a/B?x=1"), key);
    }

    #[test]
    fn the_host_of_the_target_goes_before_the_field() {
        let uri = Uri::from_static("http://a.example/x");
        assert_eq!(KeyRef::of(&uri, &hosted("b.example"), 100), Some(KeyRef::parse("a.example/x")));
    }

    #[test]
    fn a_stored_key_is_found_by_the_words_of_a_request() {
        let hasher = std::hash::RandomState::new();
        let asked = KeyRef::parse("a.example/x?y");
        let stored = asked.to_key();
        assert!(asked.equivalent(&stored));
        assert_eq!(hasher.hash_one(&asked), hasher.hash_one(&stored));
    }

    #[test]
    fn a_key_over_the_limit_and_a_target_without_a_path_have_none() {
        let uri = Uri::from_static("/1234");
        assert!(KeyRef::of(&uri, &hosted("host"), 9).is_some());
        assert!(KeyRef::of(&uri, &hosted("host"), 8).is_none());
        assert!(KeyRef::of(&Uri::from_static("*"), &hosted("host"), 100).is_none());
    }
}
