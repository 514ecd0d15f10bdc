//! The grammar of `Sec-WebSocket-Extensions` (RFC 6455 §9.1).

use std::borrow::Cow;

/// One extension with its parameters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Extension<'h> {
    pub(crate) name: &'h str,
    pub(crate) parameters: Vec<(&'h str, Option<Cow<'h, str>>)>,
}

/// The header breaks the grammar.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Most extensions that one header may name, and most parameters of one extension. Real ones stay
/// far below.
const MAX_ITEMS: usize = 32;

/// Reads `name; parameter; parameter=value; parameter="value", name …`.
pub(crate) fn parse_extensions(header: &str) -> Result<Vec<Extension<'_>>, Malformed> {
    let mut rest = header;
    let mut extensions = Vec::new();
    loop {
        let mut extension = Extension { name: token(&mut rest)?, parameters: Vec::new() };
        while take(&mut rest, ';') {
            let name = token(&mut rest)?;
            let value = if take(&mut rest, '=') { Some(value(&mut rest)?) } else { None };
            extension.parameters.push((name, value));
            if extension.parameters.len() > MAX_ITEMS {
                return Err(Malformed);
            }
        }
        extensions.push(extension);
        if extensions.len() > MAX_ITEMS {
            return Err(Malformed);
        }
        if rest.is_empty() {
            return Ok(extensions);
        }
        if !take(&mut rest, ',') {
            return Err(Malformed);
        }
    }
}

fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn skip_space(rest: &mut &str) {
    *rest = rest.trim_start_matches([' ', '\t']);
}

fn take(rest: &mut &str, expected: char) -> bool {
    skip_space(rest);
    let Some(after) = rest.strip_prefix(expected) else {
        return false;
    };
    *rest = after;
    true
}

fn token<'h>(rest: &mut &'h str) -> Result<&'h str, Malformed> {
    skip_space(rest);
    let end = rest.bytes().position(|byte| !is_token_char(byte)).unwrap_or(rest.len());
    if end == 0 {
        return Err(Malformed);
    }
    let (token, after) = rest.split_at(end);
    *rest = after;
    skip_space(rest);
    Ok(token)
}

/// A token, bare or as a quoted string, which must be a token without its quotes.
fn value<'h>(rest: &mut &'h str) -> Result<Cow<'h, str>, Malformed> {
    if !take(rest, '"') {
        return token(rest).map(Cow::Borrowed);
    }
    let mut value = String::new();
    let mut chars = rest.char_indices();
    while let Some((index, char)) = chars.next() {
        match char {
            '"' => {
                *rest = &rest[index + 1..];
                skip_space(rest);
                let is_token = !value.is_empty() && value.bytes().all(is_token_char);
                return if is_token { Ok(Cow::Owned(value)) } else { Err(Malformed) };
            }
            '\\' => value.push(chars.next().ok_or(Malformed)?.1),
            other => value.push(other),
        }
    }
    Err(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_parameters_and_quoted_values() {
        let parsed = parse_extensions("foo, bar; baz=2;\tflag ; quoted=\"1\\0\" ,deflate-stream").expect("valid");
        assert_eq!(
            parsed,
            [
                Extension { name: "foo", parameters: vec![] },
                Extension {
                    name: "bar",
                    parameters: vec![("baz", Some("2".into())), ("flag", None), ("quoted", Some("10".into())),]
                },
                Extension { name: "deflate-stream", parameters: vec![] },
            ]
        );
    }

    #[test]
    fn refuses_what_the_grammar_has_no_place_for() {
        for header in ["", ",", "a,", "a;", "a;=1", "a;b=", "a b", "a;b=\"", "a;b=\"x y\"", "a;b=\"\"", "é", "a;b=\"\\"]
        {
            assert_eq!(parse_extensions(header), Err(Malformed), "{header:?}");
        }
    }

    #[test]
    fn bounds_the_number_of_items() {
        assert!(parse_extensions(&vec!["a"; 32].join(",")).is_ok());
        assert_eq!(parse_extensions(&vec!["a"; 33].join(",")), Err(Malformed));
        assert_eq!(parse_extensions(&vec!["a"; 34].join(";")), Err(Malformed));
    }
}
