//! Checking payloads, and freeing them of line ends.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, IgnoredAny};

/// How deeply arrays and objects of a payload may nest unless the configuration says otherwise.
/// Parsers in clients recurse, and have limits of this order.
pub const DEFAULT_MAX_DEPTH: usize = 128;

/// Why some bytes are not a payload. No variant quotes the payload, so that the text may be
/// logged and sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    /// The bytes are not UTF-8 from this byte on (RFC 8259, section 8.1).
    NotUtf8 {
        /// How many bytes were good.
        valid_up_to: usize,
    },
    /// Arrays and objects nest deeper than they may.
    TooDeep {
        /// The deepest nesting allowed.
        limit: usize,
    },
    /// The text is not one JSON value.
    Syntax {
        /// Line of the mistake, from 1.
        line: usize,
        /// Column of the mistake in bytes, from 1; 0 when it is the end of the line before.
        column: usize,
        /// Whether the text stops before the value does.
        incomplete: bool,
    },
}

impl JsonError {
    pub(crate) fn from_serde(error: &serde_json::Error) -> Self {
        Self::Syntax { line: error.line(), column: error.column(), incomplete: error.is_eof() }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 { valid_up_to } => {
                write!(f, "not UTF-8 from byte {valid_up_to} on; send JSON as UTF-8")
            }
            Self::TooDeep { limit } => {
                write!(f, "arrays and objects nest deeper than {limit} levels")
            }
            Self::Syntax { line, column, incomplete: true } => {
                write!(f, "not JSON: the text ends too early, at line {line} column {column}")
            }
            Self::Syntax { line, column, incomplete: false } => {
                write!(f, "not JSON: mistake at line {line} column {column}")
            }
        }
    }
}

impl std::error::Error for JsonError {}

/// Checks that `bytes` are exactly one JSON value, in UTF-8, nested no deeper than `max_depth`,
/// and gives them back as text.
///
/// The check uses no recursion, so depth costs no stack. An escaped half of a surrogate pair
/// (`"\ud800"`) is accepted, as parsers in browsers do.
///
/// # Errors
/// See [`JsonError`].
pub fn validate(bytes: &[u8], max_depth: usize) -> Result<&str, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| JsonError::NotUtf8 { valid_up_to: error.valid_up_to() })?;
    if !depth_within(bytes, max_depth) {
        return Err(JsonError::TooDeep { limit: max_depth });
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    IgnoredAny::deserialize(&mut deserializer)
        .and_then(|_| deserializer.end())
        .map_err(|error| JsonError::from_serde(&error))?;
    Ok(text)
}

/// Takes the line ends out of JSON text that is known to be valid, as framing by lines and
/// server-sent events need. Text without any, the usual case, is given back as it is.
///
/// Inside strings line ends are always escaped (RFC 8259, section 7), so the value stays the
/// same.
#[must_use]
pub fn compact(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| matches!(byte, b'\n' | b'\r')) {
        Cow::Owned(text.replace(['\n', '\r'], ""))
    } else {
        Cow::Borrowed(text)
    }
}

/// [`validate`] and [`compact`] in one: what a payload from outside goes through on its way in.
///
/// # Errors
/// See [`JsonError`].
pub fn payload(bytes: &[u8], max_depth: usize) -> Result<Cow<'_, str>, JsonError> {
    validate(bytes, max_depth).map(compact)
}

/// Whether arrays and objects in `text` nest no deeper than `max_depth`. Brackets inside strings
/// do not count. Reads each byte once and stops at the first bracket too many; says nothing
/// about whether the text is JSON.
#[must_use]
pub fn depth_within(text: &[u8], max_depth: usize) -> bool {
    // Too short to hold that many opening and closing brackets: nothing to look for.
    if text.len() <= max_depth {
        return true;
    }
    let mut depth = 0usize;
    let mut in_string = false;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                bytes.next();
            }
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > max_depth {
                    return false;
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn check(text: &str) -> Result<&str, JsonError> {
        validate(text.as_bytes(), DEFAULT_MAX_DEPTH)
    }

    #[test]
    fn any_single_value_passes() {
        for text in ["null", " 1 ", "-0.5e+7", "\"\"", "[]", "{\"a\":[1,{}]}", "\"\\ud800\""] {
            assert_eq!(check(text), Ok(text));
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_place() {
        for text in ["", " ", "{", "[1,", "\"a", "tru"] {
            assert!(matches!(check(text), Err(JsonError::Syntax { incomplete: true, .. })), "{text}");
        }
        for text in ["1 2", "{}x", "[1,]", "01", "NaN", "'a'", "\"\t\"", "\"\\x\"", "\u{feff}1"] {
            assert!(matches!(check(text), Err(JsonError::Syntax { incomplete: false, .. })), "{text}");
        }
        assert_eq!(check("[1,\n 2 3]"), Err(JsonError::Syntax { line: 2, column: 4, incomplete: false }));
    }

    #[test]
    fn a_mistake_is_told_without_quoting_the_payload() {
        let error = check("{\"password\": hunter2}").unwrap_err().to_string();
        assert_eq!(error, "not JSON: mistake at line 1 column 14");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused() {
        assert_eq!(validate(b"\"ab\xff\"", DEFAULT_MAX_DEPTH), Err(JsonError::NotUtf8 { valid_up_to: 3 }));
    }

    #[test]
    fn nesting_is_bounded_exactly() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(check(&nested(128)).is_ok());
        assert_eq!(check(&nested(129)), Err(JsonError::TooDeep { limit: 128 }));
        assert!(validate(b"[]", 0).is_err());
        assert!(validate(b"1", 0).is_ok());
        assert!(validate(b"[[]]", 2).is_ok());
    }

    #[test]
    fn brackets_in_strings_do_not_nest() {
        let text = format!("[\"{}\\\"[[\"]", "[".repeat(200));
        assert_eq!(check(&text), Ok(text.as_str()));
    }

    #[test]
    fn depth_costs_no_stack_even_when_allowed() {
        let depth = 1_000_000;
        let text = "[".repeat(depth) + &"]".repeat(depth);
        assert!(validate(text.as_bytes(), depth).is_ok());
        assert_eq!(validate(text.as_bytes(), depth - 1), Err(JsonError::TooDeep { limit: depth - 1 }));
    }

    #[test]
    fn line_ends_go_and_nothing_else() {
        assert_eq!(compact("{\r\n  \"a\" :\n \"\\n\"\r}"), "{  \"a\" : \"\\n\"}");
        assert!(matches!(compact("{\"a\":\"\\r\\n\"}"), Cow::Borrowed(_)));
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn compacting_keeps_the_value(value in value()) {
            let pretty = serde_json::to_string_pretty(&value).unwrap().replace('\n', "\r\n");
            let one_line = payload(pretty.as_bytes(), DEFAULT_MAX_DEPTH).unwrap();
            prop_assert!(!one_line.contains(['\n', '\r']));
            prop_assert_eq!(serde_json::from_str::<Value>(&one_line).unwrap(), value);
        }

        #[test]
        fn whatever_passes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let passes = validate(&bytes, DEFAULT_MAX_DEPTH).is_ok();
            if serde_json::from_slice::<Value>(&bytes).is_ok() {
                prop_assert!(passes);
            }
            if passes {
                prop_assert!(serde_json::from_slice::<IgnoredAny>(&bytes).is_ok());
            }
        }
    }
}
