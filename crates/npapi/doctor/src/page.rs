//! A page that shows which file the browser has loaded, and whether it is the one on disk now.

use std::fmt::Write;

use crate::engine::Candidate;
use crate::file;

/// The page for a type. It knows of the files among `candidates` what they are at this moment.
pub fn page(mime: &str, candidates: &[Candidate]) -> String {
    let mut known = String::new();
    for candidate in candidates {
        let bytes = crate::check::read(&candidate.path).unwrap_or_default();
        let build = file::inspect(&bytes).ok().and_then(|inspection| inspection.build).unwrap_or_default();
        let _ = writeln!(known, "        {}: {},", literal(&candidate.path.to_string_lossy()), literal(&build));
    }
    let mime_text = escape(mime);
    format!(
        r#"<!DOCTYPE html>
<meta charset="utf-8">
<title>Which plugin?</title>
<h1>Which plugin for {mime_text}?</h1>
<p id="answer">The page's script has not run.</p>
<embed id="plugin" type="{mime_text}" width="200" height="100">
<script>
    // What was on disk when this page was made: path and build.
    var known = {{
{known}    }};
    function answer() {{
        var plugin = document.getElementById('plugin'), origin;
        try {{ origin = plugin.npapiOrigin; }} catch (problem) {{ return 'The plugin fails: ' + problem.message; }}
        if (typeof origin !== 'string') {{
            return 'No plugin was loaded, or one that does not say where it is from.';
        }}
        var path = origin.split('\n')[0], build = origin.split('\n')[1] || 'unknown';
        var text = 'Loaded: ' + path + ', build ' + build + '. ';
        if (!(path in known)) return text + 'This page does not know that file.';
        if (known[path] === build) return text + 'It is the one on disk.';
        return text + 'On disk there is another build now, ' + known[path] + ': restart the browser.';
    }}
    window.onload = function () {{
        document.title = document.getElementById('answer').textContent = answer();
    }};
</script>
"#
    )
}

/// A text in JavaScript, within HTML.
fn literal(text: &str) -> String {
    let mut literal = String::from("'");
    for unit in text.encode_utf16() {
        match char::from_u32(unit.into()) {
            Some(plain) if plain.is_ascii_alphanumeric() || "/._- ".contains(plain) => literal.push(plain),
            _ => {
                let _ = write!(literal, "\\u{unit:04x}");
            }
        }
    }
    literal + "'"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{literal, page};

    #[test]
    fn what_comes_from_outside_stays_text() {
        assert_eq!(literal("/a b/np.so"), "'/a b/np.so'");
        assert_eq!(literal("</script>'\\"), "'\\u003c/script\\u003e\\u0027\\u005c'");
        assert!(!page("a/b\"><script>", &[]).contains("b\"><script>"));
    }
}
