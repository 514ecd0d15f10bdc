//! A folder as a page.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::source::Entry;

/// The most entries of a folder that are listed.
pub const MAX_LISTED: usize = 1000;

const IN_LINK: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The page of a folder. It shows what a request could get, folders first.
pub(super) fn page(path: &str, mut entries: Vec<Entry>) -> String {
    let more = entries.len() > MAX_LISTED;
    entries.truncate(MAX_LISTED);
    entries.sort_by(|a, b| (a.length.is_some(), &a.name).cmp(&(b.length.is_some(), &b.name)));
    let title = escape(&format!("/{path}"));
    let mut page = format!(
        "<!doctype html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>body{{font:16px/1.6 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}}\
         table{{width:100%}}td+td{{text-align:right;color:gray}}a{{text-decoration:none}}</style>\n\
         </head>\n<body>\n<h1>{title}</h1>\n<table>\n"
    );
    if !path.is_empty() {
        page += "<tr><td><a href=\"../\">../</a></td><td></td></tr>\n";
    }
    for Entry { name, length } in &entries {
        let slash = if length.is_none() { "/" } else { "" };
        let (link, text) = (utf8_percent_encode(name, IN_LINK), escape(name));
        let length = length.map(|length| format!("{length} bytes")).unwrap_or_default();
        // `./` keeps a name with a colon from being taken for a scheme.
        let _ = writeln!(page, "<tr><td><a href=\"./{link}{slash}\">{text}{slash}</a></td><td>{length}</td></tr>");
    }
    page += "</table>\n";
    if more {
        let _ = writeln!(page, "<p>There are more than {MAX_LISTED} entries; the others are not shown.</p>");
    }
    page + "</body>\n</html>\n"
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, length: Option<u64>) -> Entry {
        Entry { name: name.to_owned(), length }
    }

    #[test]
    fn names_cannot_become_markup() {
        let page = page("a&b", vec![entry("\"><script>.txt", Some(5)), entry("ü:", None)]);
        assert!(page.contains("<a href=\"./%C3%BC%3A/\">ü:/</a>"), "{page}");
        assert!(
            page.contains("href=\"./%22%3E%3Cscript%3E.txt\">&quot;&gt;&lt;script&gt;.txt</a></td><td>5 bytes"),
            "{page}"
        );
        assert!(page.contains("<h1>/a&amp;b</h1>") && !page.contains("<script>"));
    }

    #[test]
    fn one_entry_too_many_is_told() {
        let entries = |count| (0..count).map(|at| entry(&at.to_string(), Some(1))).collect();
        assert!(!page("", entries(MAX_LISTED)).contains("There are more"));
        let full = page("", entries(MAX_LISTED + 1));
        assert!(full.contains("There are more") && full.matches("<tr>").count() == MAX_LISTED);
    }
}
