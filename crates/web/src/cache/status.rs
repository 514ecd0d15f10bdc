//! `Cache-Status`: what the cache did for a request (RFC 9211).

use http::{HeaderName, HeaderValue};

/// The name of the field.
pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Writes this cache's part of the field.
#[derive(Debug)]
pub(crate) struct CacheStatus {
    name: String,
}

impl CacheStatus {
    /// `name` is written as a token where it is one, else as a string (RFC 9651 section 3.3). Bytes that neither may have
    /// are left out.
    pub(crate) fn new(name: &str) -> Self {
        let is_token = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '*')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte));
        if is_token {
            return Self { name: name.to_owned() };
        }
        let mut quoted = String::from("\"");
        for byte in name.chars().filter(|byte| (' '..='~').contains(byte)) {
            if matches!(byte, '"' | '\\') {
                quoted.push('\\');
            }
            quoted.push(byte);
        }
        quoted.push('"');
        Self { name: quoted }
    }

    /// The field with our part after those of caches nearer to the origin.
    pub(crate) fn after(&self, nearer: Option<&HeaderValue>, did: &str) -> HeaderValue {
        let mut line = Vec::new();
        if let Some(nearer) = nearer {
            line.extend_from_slice(nearer.as_bytes());
            line.extend_from_slice(b", ");
        }
        line.extend_from_slice(self.name.as_bytes());
        line.extend_from_slice(did.as_bytes());
        HeaderValue::from_maybe_shared(bytes::Bytes::from(line)).expect("made of values and printable names")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_token_or_quoted() {
        assert_eq!(CacheStatus::new("Planet").after(None, "; hit"), "Planet; hit");
        assert_eq!(CacheStatus::new("my \"edge\"\n").after(None, "; hit"), "\"my \\\"edge\\\"\"; hit");
        assert_eq!(CacheStatus::new("").after(None, "; hit"), "\"\"; hit");
    }

    #[test]
    fn caches_nearer_to_the_origin_come_first() {
        let nearer = HeaderValue::from_static("Origin; hit");
        assert_eq!(CacheStatus::new("Planet").after(Some(&nearer), "; fwd=stale"), "Origin; hit, Planet; fwd=stale");
    }
}
