//! Requests that go past the cache, and what they make invalid (RFC 9111 section 4.4).

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LOCATION, LOCATION};
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use tower_service::Service;

use super::counters::Outcome;
use super::fetch::{bad_gateway, oneshot};
use super::key::{Key, KeyRef};
use super::layer::Core;
use super::status::CACHE_STATUS;
use crate::body::boxed;
use crate::{Body, BoxError};

/// Hands a request on, and forgets what it changed.
pub(crate) async fn answer<S, B, R>(core: Arc<Core>, inner: S, request: Request<B>) -> Response<Body>
where
    S: Service<Request<B>, Response = Response<R>, Error: Into<BoxError>>,
    R: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    core.tally.count(Outcome::Bypass);
    let is_safe = request.method().is_safe();
    let changes = if is_safe { None } else { KeyRef::of(request.uri(), request.headers(), core.settings.max_key) };
    let changes = changes.map(|key| key.to_key());
    let mut response = oneshot(inner, request).await.map_or_else(bad_gateway, |response| response.map(boxed));
    if let Some(key) = changes
        && (response.status().is_success() || response.status().is_redirection())
    {
        invalidate(&core, &key, response.headers());
    }
    let did = if is_safe { "; fwd=bypass" } else { "; fwd=method" };
    response.headers_mut().append(CACHE_STATUS, core.cache_status.after(None, did));
    response
}

fn invalidate(core: &Core, key: &Key, response: &HeaderMap) {
    core.store.remove(&key.borrowed());
    for field in [LOCATION, CONTENT_LOCATION] {
        let Some(target) = response.get(field).and_then(|value| resolve(&key.borrowed(), value)) else { continue };
        core.store.remove(&key.borrowed().at(&target));
    }
}

/// The path that a response to a request for `key` names, if it is on the same host. A path with dots in it is left: it is
/// the rare case, and these invalidations are optional.
fn resolve(key: &KeyRef<'_>, value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let text = text.split('#').next().unwrap_or_default();
    let path = if text.contains("://") {
        let uri: Uri = text.parse().ok()?;
        let is_same_host = uri.authority()?.as_str().eq_ignore_ascii_case(key.host());
        is_same_host.then(|| uri.path_and_query().map(|path| path.as_str().to_owned()))??
    } else if text.starts_with('/') {
        (!text.starts_with("//")).then(|| text.to_owned())?
    } else {
        let folder = key.path().split('?').next()?.rsplit_once('/')?.0;
        format!("{folder}/{text}")
    };
    (!path.contains("/.")).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(location: &'static str) -> Option<String> {
        resolve(&KeyRef::parse("a.example/docs/page?x"), &HeaderValue::from_static(location))
    }

    #[test]
    fn only_paths_of_the_same_host_are_named() {
        assert_eq!(resolved("/new?y#z").as_deref(), Some("/new?y"));
        assert_eq!(resolved("http://A.example/new").as_deref(), Some("/new"));
        assert_eq!(resolved("other").as_deref(), Some("/docs/other"));
        for elsewhere in ["http://b.example/new", "//b.example/new", "http://a.example:8080/new", "../up", "/a/../b"] {
            assert_eq!(resolved(elsewhere), None, "{elsewhere}");
        }
    }
}
