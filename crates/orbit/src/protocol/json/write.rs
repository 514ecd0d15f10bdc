//! Writing objects straight into a buffer, with payloads copied in as they are.

use std::io::Write as _;

use super::check::{JsonError, compact, payload};

/// JSON text that is known to be one valid value without line ends, so that it may be copied
/// into a frame unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawJson<'a>(&'a [u8]);

impl<'a> RawJson<'a> {
    /// The value `null`.
    pub const NULL: RawJson<'static> = RawJson(b"null");

    /// Takes bytes that were checked before, by [`payload`] on their way in. Bytes that are not
    /// one JSON value on one line would make the frame around them unreadable to its receiver;
    /// debug builds check.
    #[must_use]
    pub fn trusted(bytes: &'a [u8]) -> Self {
        debug_assert!(
            matches!(payload(bytes, usize::MAX), Ok(std::borrow::Cow::Borrowed(_))),
            "a trusted payload has to be one JSON value on one line"
        );
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Checks bytes from outside that are on one line already.
    ///
    /// # Errors
    /// As [`payload`] for what is not JSON, and [`JsonError::Syntax`] at the first line end for
    /// text that has one; use [`payload`] to take those out.
    pub fn check(bytes: &'a [u8], max_depth: usize) -> Result<Self, JsonError> {
        let text = super::check::validate(bytes, max_depth)?;
        let compacted = compact(text);
        if compacted.len() != text.len() {
            let at = text.find(['\n', '\r']).unwrap_or_default();
            return Err(JsonError::Syntax { line: 1, column: at + 1, incomplete: false });
        }
        Ok(Self(bytes))
    }
}

/// Writes one object into `out`: the braces here, the fields in `fields`.
pub fn object(out: &mut Vec<u8>, fields: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    fields(&mut Object { out, first: true });
    out.push(b'}');
}

/// An object being written. Field names are the protocol's own and need no escaping.
#[derive(Debug)]
pub struct Object<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl Object<'_> {
    fn separate(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
    }

    fn name(&mut self, name: &'static str) {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// A string, escaped.
    pub fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        string(self.out, value);
    }

    /// A string, left out when it is empty.
    pub fn text_unless_empty(&mut self, name: &'static str, value: &str) {
        if !value.is_empty() {
            self.text(name, value);
        }
    }

    /// A number.
    pub fn number(&mut self, name: &'static str, value: u64) {
        self.name(name);
        write!(self.out, "{value}").expect("writing into memory does not fail");
    }

    /// A number, left out when it is zero.
    pub fn number_unless_zero(&mut self, name: &'static str, value: u64) {
        if value != 0 {
            self.number(name, value);
        }
    }

    /// `true`, or nothing at all.
    pub fn flag(&mut self, name: &'static str, value: bool) {
        if value {
            self.name(name);
            self.out.extend_from_slice(b"true");
        }
    }

    /// A payload, copied in as it is, or nothing at all.
    pub fn raw(&mut self, name: &'static str, value: Option<RawJson<'_>>) {
        if let Some(value) = value {
            self.name(name);
            self.out.extend_from_slice(value.as_bytes());
        }
    }

    /// An object inside this one.
    pub fn object(&mut self, name: &'static str, fields: impl FnOnce(&mut Object<'_>)) {
        self.name(name);
        object(self.out, fields);
    }

    /// An object whose field name comes from outside: a channel, a connection, a user.
    pub fn entry(&mut self, name: &str, fields: impl FnOnce(&mut Object<'_>)) {
        self.separate();
        string(self.out, name);
        self.out.push(b':');
        object(self.out, fields);
    }

    /// A string whose field name comes from outside.
    pub fn text_entry(&mut self, name: &str, value: &str) {
        self.separate();
        string(self.out, name);
        self.out.push(b':');
        string(self.out, value);
    }

    /// An array of objects.
    pub fn array<T>(&mut self, name: &'static str, items: &[T], mut fields: impl FnMut(&T, &mut Object<'_>)) {
        self.name(name);
        self.out.push(b'[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            object(self.out, |object| fields(item, object));
        }
        self.out.push(b']');
    }
}

fn string(out: &mut Vec<u8>, value: &str) {
    serde_json::to_writer(out, value).expect("a string can always be written into memory");
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn written(fields: impl FnOnce(&mut Object<'_>)) -> String {
        let mut out = Vec::new();
        object(&mut out, fields);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn fields_are_separated_and_nested() {
        let text = written(|o| {
            o.number("n", u64::MAX);
            o.object("inner", |o| o.flag("yes", true));
            o.array("items", &["a", "b"], |item, o| o.text("name", item));
            o.entry("any \"name\"", |_| {});
            o.text_entry("key", "value");
            o.raw("raw", Some(RawJson::trusted(b"[1, 2]")));
        });
        assert_eq!(
            text,
            "{\"n\":18446744073709551615,\"inner\":{\"yes\":true},\
             \"items\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"any \\\"name\\\"\":{},\
             \"key\":\"value\",\"raw\":[1, 2]}"
        );
    }

    #[test]
    fn what_is_empty_can_be_left_out() {
        let text = written(|o| {
            o.text_unless_empty("a", "");
            o.number_unless_zero("b", 0);
            o.flag("c", false);
            o.raw("d", None);
        });
        assert_eq!(text, "{}");
    }

    #[test]
    fn strings_are_escaped() {
        let nasty = "\"\\\n\r\t\0\u{7f}\u{2028}é";
        let text = written(|o| o.text("s", nasty));
        assert!(!text.contains(['\n', '\r']));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({ "s": nasty }));
    }

    #[test]
    fn raw_json_is_one_value_on_one_line() {
        assert_eq!(RawJson::check(b"{\"a\":1}", 8).unwrap().as_bytes(), b"{\"a\":1}");
        assert!(RawJson::check(b"{\"a\":", 8).is_err());
        assert_eq!(RawJson::check(b"[1,\n2]", 8), Err(JsonError::Syntax { line: 1, column: 4, incomplete: false }));
    }
}
