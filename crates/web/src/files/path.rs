//! Which file the path of a request names, if it may name one.

use percent_encoding::percent_decode_str;

/// The longest decoded path, in bytes: Linux's own bound.
pub const MAX_PATH_BYTES: usize = 4096;

/// A path relative to the root: names with `/` between them, none of them hidden, empty, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafePath {
    /// Empty for the root itself.
    pub relative: String,
    /// Whether the request ended in a slash, and so means a folder.
    pub folder: bool,
}

impl SafePath {
    /// Reads the path of a URI, decoding it exactly once. `None` for a path that names nothing that may be served:
    /// one with a name that is empty, begins with a dot, is not UTF-8, or holds a slash or NUL once decoded (on Windows
    /// also a backslash or colon); one that is too long; or one that does not begin with a slash.
    ///
    /// ```
    /// use planet_web::files::path::SafePath;
    ///
    /// assert_eq!(SafePath::parse("/a%20b/c").unwrap().relative, "a b/c");
    /// assert_eq!(SafePath::parse("/a/%2e%2e/%2e%2e/etc/passwd"), None);
    /// ```
    pub fn parse(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let (names, folder) = match path.strip_suffix('/') {
            Some(names) => (names, true),
            None => (path, path.is_empty()),
        };
        if names.is_empty() {
            // `//` is not the root.
            return path.is_empty().then_some(Self { relative: String::new(), folder });
        }
        let mut relative = String::with_capacity(names.len());
        for name in names.split('/') {
            if !relative.is_empty() {
                relative.push('/');
            }
            let name = percent_decode_str(name).decode_utf8().ok()?;
            if !is_served(&name) {
                return None;
            }
            relative.push_str(&name);
        }
        (relative.len() <= MAX_PATH_BYTES).then_some(Self { relative, folder })
    }
}

/// Whether files of this name are served at all.
pub(super) fn is_served(name: &str) -> bool {
    let forbidden: &[char] = if cfg!(windows) { &['/', '\0', '\\', ':'] } else { &['/', '\0'] };
    !name.is_empty() && !name.starts_with('.') && !name.contains(forbidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded_once() {
        for (path, relative, folder) in [
            ("/", "", true),
            ("/a", "a", false),
            ("/a/b/", "a/b", true),
            ("/%D0%BF%D1%80%D0%B8", "при", false),
            ("/%252e%252e/x", "%2e%2e/x", false),
            ("/%zz", "%zz", false),
        ] {
            assert_eq!(SafePath::parse(path), Some(SafePath { relative: relative.to_owned(), folder }), "{path}");
        }
    }

    #[test]
    fn what_could_lead_elsewhere_names_nothing() {
        let refused = [
            "",
            "a",
            "//",
            "//a",
            "/a//b",
            "/..",
            "/a/../b",
            "/%2e%2e/a",
            "/.git/config",
            "/a%2Fb",
            "/a%00b",
            "/%FF",
            "/.",
        ];
        for path in refused {
            assert_eq!(SafePath::parse(path), None, "{path}");
        }
    }

    #[test]
    fn a_path_one_byte_too_long_names_nothing() {
        assert!(SafePath::parse(&format!("/{}", "a".repeat(MAX_PATH_BYTES))).is_some());
        assert!(SafePath::parse(&format!("/{}", "a".repeat(MAX_PATH_BYTES + 1))).is_none());
    }
}
