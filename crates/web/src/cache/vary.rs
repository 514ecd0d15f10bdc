//! Which of several answers for one key a request selects (RFC 9111 section 4.1).

use std::hash::{Hash, Hasher};

use http::header::{ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, VARY};
use http::{HeaderMap, HeaderName};

/// The request fields that selected an answer, with their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selecting {
    fields: Box<[(HeaderName, Value)]>,
}

/// What the field had, if it was there.
type Value = Option<Box<[u8]>>;

impl Selecting {
    /// What `Vary` of a response names, with the values of the request. `None` if nothing selects that response again.
    pub(crate) fn new(response: &HeaderMap, request: &HeaderMap) -> Option<Self> {
        let mut fields = Vec::new();
        for line in response.get_all(VARY) {
            for name in line.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                if name.is_empty() {
                    continue;
                }
                // `*` is no name of a field, so it ends here too.
                let name = HeaderName::from_bytes(name).ok().filter(|name| name != "*")?;
                if fields.iter().all(|(known, _)| *known != name) {
                    let value = request.contains_key(&name).then(|| normalized(&name, request).collect());
                    fields.push((name, value));
                }
            }
        }
        fields.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
        Some(Self { fields: fields.into() })
    }

    pub(crate) fn matches(&self, request: &HeaderMap) -> bool {
        self.fields.iter().all(|(name, value)| match value {
            None => !request.contains_key(name),
            Some(value) => request.contains_key(name) && normalized(name, request).eq(value.iter().copied()),
        })
    }

    /// Whether both are chosen by the same fields.
    pub(crate) fn has_fields_of(&self, other: &Self) -> bool {
        self.fields.iter().map(|(name, _)| name).eq(other.fields.iter().map(|(name, _)| name))
    }

    /// What tells the requests apart that select different answers.
    pub(crate) fn hash_request<H: Hasher>(&self, request: &HeaderMap, state: &mut H) {
        for (name, _) in &self.fields {
            request.contains_key(name).hash(state);
            normalized(name, request).for_each(|byte| byte.hash(state));
            state.write_u8(b'\n');
        }
    }

    pub(crate) fn weight(&self) -> usize {
        self.fields.iter().map(|(name, value)| 64 + name.as_str().len() + value.as_deref().map_or(0, <[u8]>::len)).sum()
    }
}

/// The value of a field, all lines as one, without space around commas.
///
/// Inside of quotes space has a meaning, so a value with a quote is taken as it is.
fn normalized<'a>(name: &HeaderName, headers: &'a HeaderMap) -> impl Iterator<Item = u8> + 'a {
    let is_exact = headers.get_all(name).iter().any(|line| line.as_bytes().contains(&b'"'));
    let ignores_case = !is_exact && [ACCEPT_ENCODING, ACCEPT_LANGUAGE, ACCEPT_CHARSET].contains(name);
    let lines = headers.get_all(name).into_iter();
    let items = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    let items = items.map(move |item| if is_exact { item } else { item.trim_ascii() });
    items.flat_map(move |item| {
        let bytes = item.iter().map(move |byte| if ignores_case { byte.to_ascii_lowercase() } else { *byte });
        bytes.chain([b','])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).fold(
            HeaderMap::new(),
            |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            },
        )
    }

    fn selects(
        vary: &'static str,
        first: &[(&'static str, &'static str)],
        then: &[(&'static str, &'static str)],
    ) -> bool {
        let selecting = Selecting::new(&headers(&[("vary", vary)]), &headers(first)).expect("it can be selected");
        selecting.matches(&headers(then))
    }

    #[test]
    fn every_named_field_has_to_be_the_same() {
        assert!(selects("foo, bar", &[("foo", "1"), ("x", "1")], &[("foo", "1"), ("x", "2")]));
        assert!(!selects("foo, bar", &[("foo", "1")], &[("foo", "2")]));
        assert!(!selects("foo, bar", &[("foo", "1")], &[("foo", "1"), ("bar", "")]));
        assert!(!selects("foo", &[("foo", "1")], &[]));
    }

    #[test]
    fn a_star_anywhere_selects_nothing() {
        for vary in ["*", "*, *", ", *", "foo, *", "not a name"] {
            let response = HeaderMap::from_iter([(VARY, HeaderValue::from_static(vary))]);
            assert_eq!(Selecting::new(&response, &HeaderMap::new()), None, "{vary}");
        }
    }

    #[test]
    fn lines_are_joined_and_space_around_commas_does_not_count() {
        assert!(selects("foo", &[("foo", "1, 2")], &[("foo", "1"), ("foo", " 2 ")]));
        assert!(!selects("foo", &[("foo", "1, 2")], &[("foo", "12")]));
        assert!(!selects("foo", &[("foo", "\"1, 2\"")], &[("foo", "\"1,2\"")]), "that space is part of the value");
    }

    #[test]
    fn case_does_not_count_where_the_field_says_so() {
        assert!(selects("Accept-Encoding", &[("accept-encoding", "gzip, BR")], &[("accept-encoding", "GZIP,br")]));
        assert!(!selects("foo", &[("foo", "a")], &[("foo", "A")]));
    }
}
