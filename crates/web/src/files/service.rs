//! The service: from a request to the file that it names.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{ALLOW, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use rustix::io::Errno;
use tower_service::Service;

use super::answer::{Selected, answer};
use super::encoding::accepted;
use super::listing::{MAX_LISTED, page};
use super::path::SafePath;
use super::settings::{Files, Shared};
use super::source::{Found, Opened};
use crate::body::{Body, full};

/// The answer of [`Files`] to come.
pub type FilesFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<B> Service<Request<B>> for Files {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = FilesFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> FilesFuture {
        let shared = self.shared.clone();
        let (parts, _) = request.into_parts();
        Box::pin(async move {
            let response = respond(&shared, &parts.method, &parts.uri, &parts.headers).await;
            Ok(response.unwrap_or_else(|error| failed(&parts.uri, &error)))
        })
    }
}

async fn respond(shared: &Shared, method: &Method, uri: &Uri, headers: &HeaderMap) -> io::Result<Response<Body>> {
    if method != Method::GET && method != Method::HEAD {
        let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Ok(response);
    }
    let Some(path) = uri.path().strip_prefix(&*shared.prefix) else { return Ok(empty(StatusCode::NOT_FOUND)) };
    if path.is_empty() {
        return Ok(redirect(uri));
    }
    let Some(path) = SafePath::parse(path) else { return Ok(empty(StatusCode::NOT_FOUND)) };
    let (relative, file) = if path.folder {
        let index = join(&path.relative, &shared.index);
        match shared.open(&index).await? {
            Found::File(file) => (index, file),
            Found::Folder | Found::Nothing => return listed(shared, path.relative, method).await,
        }
    } else {
        match shared.open(&path.relative).await? {
            Found::File(file) => (path.relative, file),
            Found::Folder => return Ok(redirect(uri)),
            Found::Nothing => return Ok(empty(StatusCode::NOT_FOUND)),
        }
    };
    let (file, encoding) = shared.sibling(&relative, file, headers).await?;
    answer(shared, Selected { path: &relative, file, encoding }, method, headers).await
}

impl Shared {
    async fn open(&self, path: &str) -> io::Result<Found> {
        if let Some(found) = self.source.open_now(path) {
            return found;
        }
        let (source, path) = (self.source.clone(), path.to_owned());
        tokio::task::spawn_blocking(move || source.open(&path)).await.map_err(io::Error::other)?
    }

    /// The file in the encoding that the client likes best, of those that there are.
    async fn sibling(
        &self,
        path: &str,
        file: Opened,
        headers: &HeaderMap,
    ) -> io::Result<(Opened, Option<&'static str>)> {
        if self.precompressed {
            for encoding in accepted(headers) {
                if let Found::File(file) = self.open(&format!("{path}{}", encoding.suffix)).await? {
                    return Ok((file, Some(encoding.name)));
                }
            }
        }
        Ok((file, None))
    }
}

async fn listed(shared: &Shared, path: String, method: &Method) -> io::Result<Response<Body>> {
    if !shared.listing || !matches!(shared.open(&path).await?, Found::Folder) {
        return Ok(empty(StatusCode::NOT_FOUND));
    }
    let source = shared.source.clone();
    let listed = move || source.list(&path, MAX_LISTED + 1).map(|entries| page(&path, entries));
    let page = tokio::task::spawn_blocking(listed).await.map_err(io::Error::other)??;
    let length = page.len();
    let mut response = Response::new(if method == Method::HEAD { Body::default() } else { full(page) });
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response.headers_mut().insert(http::header::CONTENT_LENGTH, length.into());
    Ok(response)
}

/// To the same name with a slash. Relative to the URI that the client used, whatever prefix it had, and to no other host.
fn redirect(uri: &Uri) -> Response<Body> {
    let name = uri.path().rsplit('/').next().unwrap_or_default();
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = empty(StatusCode::PERMANENT_REDIRECT);
    if let Ok(location) = HeaderValue::try_from(format!("./{name}/{query}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = status;
    response
}

/// The server has all the files open that it may.
pub(super) fn busy() -> Response<Body> {
    let mut response = empty(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn failed(uri: &Uri, error: &io::Error) -> Response<Body> {
    tracing::warn!(path = uri.path(), %error, "cannot serve a file");
    let full = [Errno::MFILE, Errno::NFILE].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()));
    if full { busy() } else { empty(StatusCode::INTERNAL_SERVER_ERROR) }
}
