//! A service under a prefix of the path.

use http::uri::PathAndQuery;
use http::{Request, Uri};

use super::endpoint::Endpoint;

/// The URI as the client sent it: in the extensions of a request that a [nested](super::RouterBuilder::nest) service gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalUri(pub Uri);

/// Takes that many segments off the path of each request.
pub(super) fn strip<B: 'static>(segments: usize, inner: Endpoint<B>) -> Endpoint<B> {
    std::sync::Arc::new(move |mut request: Request<B>| {
        let original = request.uri().clone();
        *request.uri_mut() = stripped(&original, segments);
        request.extensions_mut().get_or_insert_with(|| OriginalUri(original));
        inner(request)
    })
}

fn stripped(uri: &Uri, segments: usize) -> Uri {
    let path = uri.path();
    let end = path.match_indices('/').map(|(at, _)| at).nth(segments).unwrap_or(path.len());
    let rest = match &path[end..] {
        "" => "/",
        rest => rest,
    };
    let target = match uri.query() {
        Some(query) => format!("{rest}?{query}"),
        None => rest.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    // The end of a valid path that begins with a slash is a valid path.
    parts.path_and_query = PathAndQuery::try_from(target).ok();
    Uri::from_parts(parts).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_come_off_and_the_query_stays() {
        for (uri, segments, rest) in [
            ("/a/b?c=/d", 1, "/b?c=/d"),
            ("/a/b/", 2, "/"),
            ("/a", 1, "/"),
            ("/a?x", 1, "/?x"),
            ("/%61/b", 1, "/b"),
            ("http://host:1/a/b", 1, "http://host:1/b"),
        ] {
            let uri = Uri::from_static(uri);
            assert_eq!(stripped(&uri, segments), rest);
        }
    }
}
