//! The path of a request, split and decoded.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The segments of a path, each decoded once. None for a request without a path, such as `OPTIONS *`.
pub(super) struct Segments<'a>(Vec<Cow<'a, [u8]>>);

impl<'a> Segments<'a> {
    pub(super) fn of(path: &'a str) -> Self {
        let path = path.strip_prefix('/');
        Self(
            path.map(|path| path.split('/').map(|segment| percent_decode_str(segment).into()).collect())
                .unwrap_or_default(),
        )
    }

    pub(super) fn as_slice(&self) -> &[Cow<'a, [u8]>] {
        &self.0
    }

    /// Whether the decoded path ends with these bytes.
    pub(super) fn end_with(&self, suffix: &[u8]) -> bool {
        let mut rest = suffix;
        for segment in self.0.iter().rev() {
            if rest.len() <= segment.len() {
                return segment.ends_with(rest);
            }
            match rest.strip_suffix(&**segment).and_then(|rest| rest.strip_suffix(b"/")) {
                Some(before) => rest = before,
                None => return false,
            }
        }
        !self.0.is_empty() && rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_slash_does_not_split() {
        let segments = Segments::of("/a%2Fb/%61/");
        assert_eq!(segments.as_slice(), [&b"a/b"[..], b"a", b""]);
    }

    #[test]
    fn ends_are_compared_over_segments() {
        let segments = Segments::of("/a/b.html");
        for end in ["", "l", ".html", "b.html", "/b.html", "a/b.html", "/a/b.html"] {
            assert!(segments.end_with(end.as_bytes()), "{end}");
        }
        for end in ["x", "/html", "x/a/b.html", "//a/b.html"] {
            assert!(!segments.end_with(end.as_bytes()), "{end}");
        }
        assert!(!Segments::of("*").end_with(b""));
    }
}
