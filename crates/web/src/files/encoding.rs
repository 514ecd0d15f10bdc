//! Which encodings a client takes (RFC 9110 §12.5.3).

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// An encoding that a file may have a sibling in: best first, where the client likes them the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    /// As `Content-Encoding` says it.
    pub(super) name: &'static str,
    pub(super) suffix: &'static str,
}

const ENCODINGS: [Encoding; 3] = [
    Encoding { name: "br", suffix: ".br" },
    Encoding { name: "zstd", suffix: ".zst" },
    Encoding { name: "gzip", suffix: ".gz" },
];

/// The encodings that the client likes at least as much as the file as it is, best first.
pub(super) fn accepted(headers: &HeaderMap) -> impl Iterator<Item = Encoding> {
    let identity = quality(headers, "identity").unwrap_or(0);
    let mut liked: Vec<_> = ENCODINGS
        .into_iter()
        .filter_map(|encoding| Some((quality(headers, encoding.name)?, encoding)))
        .filter(|(quality, _)| *quality > 0 && *quality >= identity)
        .collect();
    liked.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
    liked.into_iter().map(|(_, encoding)| encoding)
}

/// In thousandths; none when the client says nothing about it. The encoding's own word counts before that for `*`.
fn quality(headers: &HeaderMap, name: &str) -> Option<u16> {
    let mut any = None;
    for field in headers.get_all(ACCEPT_ENCODING) {
        for item in field.to_str().unwrap_or_default().split(',') {
            let (coding, parameters) = item.split_once(';').unwrap_or((item, ""));
            let coding = coding.trim();
            let coding = if coding.eq_ignore_ascii_case("x-gzip") { "gzip" } else { coding };
            if coding.eq_ignore_ascii_case(name) {
                return Some(thousandths(parameters));
            }
            if coding == "*" {
                any = Some(thousandths(parameters));
            }
        }
    }
    any
}

/// The weight among parameters; what is no number counts as 0, so that we send nothing that is not wanted.
fn thousandths(parameters: &str) -> u16 {
    let parameters = parameters.trim();
    if parameters.is_empty() {
        return 1000;
    }
    let weight = parameters.strip_prefix("q=").or_else(|| parameters.strip_prefix("Q="));
    let weight = weight.and_then(|weight| weight.trim().parse::<f32>().ok()).filter(|weight| weight.is_finite());
    weight.map_or(0, |weight| (weight.clamp(0.0, 1.0) * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn names(field: &'static str) -> Vec<&'static str> {
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(field))]);
        accepted(&headers).map(|encoding| encoding.name).collect()
    }

    #[test]
    fn the_client_chooses_and_then_we() {
        assert_eq!(names("gzip, br"), ["br", "gzip"]);
        assert_eq!(names("gzip;q=1.0, br;q=0.5"), ["gzip", "br"]);
        assert_eq!(names("*"), ["br", "zstd", "gzip"]);
        assert_eq!(names("*;q=0.5, br;q=0"), ["zstd", "gzip"]);
        assert_eq!(names("identity, gzip;q=0.5"), [""; 0]);
        assert_eq!(names("X-GZIP, zstd;q=x"), ["gzip"]);
        assert_eq!(names(""), [""; 0]);
    }
}
