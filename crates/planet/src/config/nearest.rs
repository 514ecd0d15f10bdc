//! What was probably meant.

/// The name most like `text`, if any is like enough.
pub fn nearest<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_ascii_lowercase();
    let most = (text.chars().count() / 3).clamp(1, 4);
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&text, &name.to_ascii_lowercase()), name))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `; did you mean …?`, or nothing.
pub fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// A word is none of those that can be written.
pub fn no_such_word(what: &str, text: &str, words: &[&str]) -> String {
    let known = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    match nearest(text, words.iter().copied()) {
        Some(word) => format!("unknown {what} `{text}`; did you mean `{word}`? (known: {known})"),
        None => format!("unknown {what} `{text}` (known: {known})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_like_enough_is_found() {
        let names = ["history_size", "history_ttl", "presence"];
        for (text, expected) in [
            ("hisory_size", Some("history_size")),
            ("history-ttl", Some("history_ttl")),
            ("HISTORY_TTL", Some("history_ttl")),
            ("presense", Some("presence")),
            ("colour", None),
            ("x", None),
        ] {
            assert_eq!(nearest(text, names), expected, "{text}");
        }
    }
}
