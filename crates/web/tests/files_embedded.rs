//! The file server over files in the binary.

use std::borrow::Cow;

use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH, LAST_MODIFIED, RANGE};
use http::{HeaderName, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use planet_web::Body;
use planet_web::files::Files;
use rust_embed::RustEmbed;
use tower::ServiceExt as _;

/// This crate's own sources.
#[derive(RustEmbed)]
#[folder = "src/"]
struct Sources;

async fn ask(files: &Files, path: &str, fields: &[(HeaderName, &str)]) -> Response<Body> {
    let mut request = Request::get(path);
    for (name, value) in fields {
        request = request.header(name, *value);
    }
    let Ok(response) = files.clone().oneshot(request.body(()).expect("valid")).await;
    response
}

async fn bytes(response: Response<Body>) -> Vec<u8> {
    response.into_body().collect().await.expect("it does not fail").to_bytes().to_vec()
}

#[tokio::test]
async fn embedded_files_are_served_like_those_of_a_folder() {
    let files = Files::embedded::<Sources>().listing();
    let expected: Cow<'static, [u8]> = Sources::get("body.rs").expect("embedded").data;
    let response = ask(&files, "/body.rs", &[]).await;
    let tag = response.headers()[ETAG].to_str().expect("text").to_owned();
    assert!(response.headers().contains_key(LAST_MODIFIED) && response.headers().contains_key(CONTENT_TYPE));
    assert_eq!(bytes(response).await, *expected);
    assert_eq!(ask(&files, "/body.rs", &[(IF_NONE_MATCH, &tag)]).await.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(bytes(ask(&files, "/body.rs", &[(RANGE, "bytes=1-4")]).await).await, expected[1..5]);
    let parts = bytes(ask(&files, "/body.rs", &[(RANGE, "bytes=0-0,2-2")]).await).await;
    assert!(String::from_utf8_lossy(&parts).contains("Content-Range: bytes 2-2/"));

    assert_eq!(ask(&files, "/files", &[]).await.status(), StatusCode::PERMANENT_REDIRECT);
    let page = String::from_utf8(bytes(ask(&files, "/", &[]).await).await).expect("text");
    assert!(page.contains("<a href=\"./files/\">") && page.contains("body.rs"), "{page}");
    for path in ["/none", "/../Cargo.toml", "/%2e%2e/Cargo.toml", "/body.rs/"] {
        assert_eq!(ask(&files, path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}
