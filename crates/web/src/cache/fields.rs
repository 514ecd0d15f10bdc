//! Which header fields are stored, and how they change when an answer is renewed (RFC 9111 sections 3.1 and 3.2).

use bytes::BytesMut;
use http::header::{
    AGE, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::status::CACHE_STATUS;

/// Fields that belong to one connection, or to one proxy.
const HOP_BY_HOP: [HeaderName; 10] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-authentication-info"),
    PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Fields that describe the stored body, and so stay when an answer is renewed without a body.
const OF_THE_BODY: [HeaderName; 5] =
    [CONTENT_ENCODING, CONTENT_LENGTH, HeaderName::from_static("content-md5"), CONTENT_RANGE, ETAG];

/// Takes out what is not kept: fields of the connection, those that it names, and `withheld` ones.
pub(crate) fn retain_storable(headers: &mut HeaderMap, withheld: &[HeaderName]) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named).chain(withheld) {
        headers.remove(name);
    }
}

/// The fields of a stored answer after the service said, by those of `newer`, that it is still good.
pub(crate) fn renew(stored: &HeaderMap, newer: &HeaderMap) -> HeaderMap {
    let mut renewed = stored.clone();
    // These tell of the exchange that is over.
    for name in [AGE, CACHE_STATUS, DATE] {
        renewed.remove(name);
    }
    for name in newer.keys().filter(|name| !OF_THE_BODY.contains(name)) {
        renewed.remove(name);
        for value in newer.get_all(name) {
            renewed.append(name, value.clone());
        }
    }
    renewed
}

/// A copy whose values share one piece of memory of exactly their size.
///
/// The values of a request or response that came over a connection are pieces of that connection's buffer, and would
/// keep all of it.
pub(crate) fn packed(headers: &HeaderMap) -> HeaderMap {
    let mut bytes = BytesMut::with_capacity(headers.values().map(HeaderValue::len).sum());
    headers.values().for_each(|value| bytes.extend_from_slice(value.as_bytes()));
    let mut bytes = bytes.freeze();
    let mut packed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let copied = HeaderValue::from_maybe_shared(bytes.split_to(value.len()));
        let mut copied = copied.expect("it was a value before");
        copied.set_sensitive(value.is_sensitive());
        packed.append(name, copied);
    }
    packed
}

/// Bytes that stored fields take, with what the map needs for each.
pub(crate) fn weight(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| 112 + name.as_str().len() + value.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for &(name, value) in lines {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn fields_of_the_connection_and_withheld_ones_go() {
        let mut headers = fields(&[("connection", "a, close"), ("a", "1"), ("b", "2"), ("te", "x"), ("c", "3")]);
        retain_storable(&mut headers, &[HeaderName::from_static("b")]);
        assert_eq!(headers, fields(&[("c", "3")]));
    }

    #[test]
    fn a_renewed_answer_has_the_newer_fields_but_those_of_its_body() {
        let stored = fields(&[("etag", "\"a\""), ("x", "1"), ("x", "2"), ("y", "1"), ("age", "0"), ("date", "x")]);
        let newer = fields(&[("etag", "\"b\""), ("x", "3"), ("content-length", "0"), ("z", "4")]);
        assert_eq!(renew(&stored, &newer), fields(&[("etag", "\"a\""), ("y", "1"), ("x", "3"), ("z", "4")]));
    }

    #[test]
    fn packing_keeps_every_line() {
        let headers = fields(&[("set-cookie", "a=b"), ("set-cookie", "c=d"), ("x", "")]);
        assert_eq!(packed(&headers), headers);
    }
}
