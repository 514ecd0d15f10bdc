//! How long clients may keep a file, by its path.

use http::HeaderValue;

/// Which files a rule is for.
#[derive(Clone, Debug)]
pub(super) enum Names {
    /// Paths that fit: `*` stands for any run of characters, slashes among them.
    Fit(String),
    /// Names with the hash of their content in them.
    Hashed,
}

/// The first rule that fits a path decides.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules(pub(super) Vec<(Names, HeaderValue)>);

impl Rules {
    pub(super) fn value(&self, path: &str) -> Option<&HeaderValue> {
        let fits = |names: &Names| match names {
            Names::Fit(pattern) => fits(pattern, path),
            Names::Hashed => is_hashed(path),
        };
        self.0.iter().find(|(names, _)| fits(names)).map(|(_, value)| value)
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == path };
    let Some(mut left) = path.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// Whether a name has 8 or more hexadecimal digits as a part of its own, letters and figures among them, as in
/// `app.3f9c01de.js` or `app-3f9c01de.js`. Figures alone may be a date.
fn is_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split(['.', '-', '_']).any(|part| {
        part.len() >= 8
            && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            && part.bytes().any(|byte| byte.is_ascii_digit())
            && part.bytes().any(|byte| byte.is_ascii_alphabetic())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_run() {
        for (pattern, path) in
            [("*.css", "a/b.css"), ("*", ""), ("a/*", "a/b/c"), ("a", "a"), ("a*b*c", "axbbc"), ("**", "x")]
        {
            assert!(fits(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in
            [("*.css", "a.css.map"), ("a/*", "b/a/c"), ("a", "ab"), ("ab*ba", "aba"), ("a*b*c", "acb")]
        {
            assert!(!fits(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn hashes_are_told_from_dates_and_words() {
        for path in ["app.3f9c01de.js", "a/app-3f9c01de0.css", "0123456789abcdef.png"] {
            assert!(is_hashed(path), "{path}");
        }
        for path in ["report-20261122.pdf", "defaced-feedface.js", "app.3f9c01d.js", "3f9c01de0/app.js"] {
            assert!(!is_hashed(path), "{path}");
        }
    }
}
