//! The file server through its public face, over a folder.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED, LOCATION,
    RETRY_AFTER, VARY,
};
use http::{HeaderMap, HeaderName, Request, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use planet_web::files::{CHUNK_BYTES, Files, MAX_RANGES};
use tempfile::TempDir;
use tower::ServiceExt as _;

/// A folder that has these files in it for long enough to have validators.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).expect("created");
        fs::write(path, content).expect("written");
    }
    std::thread::sleep(Duration::from_millis(100));
    folder
}

fn files(folder: &TempDir) -> Files {
    Files::folder(folder.path()).expect("it is there")
}

async fn ask(
    files: &Files,
    method: &str,
    path: &str,
    fields: &[(HeaderName, &str)],
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in fields {
        request = request.header(name, *value);
    }
    let Ok(response) = files.clone().oneshot(request.body(()).expect("valid")).await;
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, body.collect().await.expect("it does not fail").to_bytes().to_vec())
}

async fn get(files: &Files, path: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
    ask(files, "GET", path, &[]).await
}

#[tokio::test]
async fn a_file_comes_with_all_that_describes_it() {
    let folder = folder(&[("a b/ü.html", b"hello"), ("app.3f9c01de.js", b"1"), ("x.bin", b"")]);
    let files = files(&folder).immutable_hashed_names().max_age("*.html", Duration::from_secs(60));
    let (status, fields, body) = get(&files, "/a%20b/%C3%BC.html").await;
    assert_eq!((status, &body[..]), (StatusCode::OK, &b"hello"[..]));
    assert_eq!(fields[CONTENT_TYPE], "text/html; charset=utf-8");
    assert_eq!(fields[CONTENT_LENGTH], "5");
    assert_eq!(fields[CACHE_CONTROL], "public, max-age=60");
    assert!(fields[ETAG].as_bytes().starts_with(b"\"") && fields.contains_key(LAST_MODIFIED));
    assert_eq!(get(&files, "/app.3f9c01de.js").await.1[CACHE_CONTROL], "public, max-age=31536000, immutable");
    let (_, fields, body) = get(&files, "/x.bin").await;
    assert_eq!([&fields[CONTENT_LENGTH], &fields[CONTENT_TYPE]], ["0", "application/octet-stream"]);
    assert!(body.is_empty() && !fields.contains_key(CACHE_CONTROL));

    let (status, head, body) = ask(&files, "HEAD", "/a%20b/%C3%BC.html", &[]).await;
    assert_eq!((status, &head[CONTENT_LENGTH], body.len()), (StatusCode::OK, &"5".parse().expect("valid"), 0));
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let (status, fields, _) = ask(&files, method, "/x.bin", &[]).await;
        assert_eq!((status, &fields[ALLOW]), (StatusCode::METHOD_NOT_ALLOWED, &"GET, HEAD".parse().expect("valid")));
    }
}

#[tokio::test]
async fn folders_have_an_index_a_slash_and_perhaps_a_listing() {
    let folder =
        folder(&[("index.html", b"root"), ("d/index.html", b"d"), ("e/<b>.txt", b"12345"), ("e/.hidden", b"")]);
    symlink("/etc", folder.path().join("e/etc")).expect("linked");
    let plain = files(&folder);
    assert_eq!(get(&plain, "/").await.2, b"root");
    assert_eq!(get(&plain, "/d/").await.2, b"d");
    let (status, fields, _) = get(&plain, "/d?x=/y").await;
    assert_eq!((status, &fields[LOCATION]), (StatusCode::PERMANENT_REDIRECT, &"./d/?x=/y".parse().expect("valid")));
    assert_eq!(get(&plain, "/e/").await.0, StatusCode::NOT_FOUND);
    assert_eq!(get(&plain, "/index.html/").await.0, StatusCode::NOT_FOUND);

    let listed = plain.listing();
    let (status, fields, page) = get(&listed, "/e/").await;
    let page = String::from_utf8(page).expect("UTF-8");
    assert_eq!((status, &fields[CONTENT_TYPE]), (StatusCode::OK, &"text/html; charset=utf-8".parse().expect("valid")));
    assert!(page.contains("&lt;b&gt;.txt</a></td><td>5 bytes"), "{page}");
    assert!(!page.contains("hidden") && !page.contains("etc") && !page.contains("<b>"), "{page}");
    assert_eq!(get(&listed, "/none/").await.0, StatusCode::NOT_FOUND);

    let under = files(&folder).strip_prefix("/static/");
    assert_eq!(get(&under, "/static/d/").await.2, b"d");
    assert_eq!(get(&under, "/static").await.1[LOCATION], "./static/");
    for path in ["/", "/d/", "/staticd/", "/static/../static/d/"] {
        assert_eq!(get(&under, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn nothing_outside_the_root_is_served() {
    let outside = folder(&[("secret", b"secret")]);
    let root = folder(&[("a/b", b"b"), (".env", b"secret"), (".git/config", b"secret")]);
    symlink(outside.path(), root.path().join("out")).expect("linked");
    symlink(outside.path().join("secret"), root.path().join("a/link")).expect("linked");
    symlink("b", root.path().join("a/inside")).expect("linked");
    symlink("/proc/self/root", root.path().join("magic")).expect("linked");
    let files = files(&root);
    assert_eq!(get(&files, "/a/b").await.2, b"b");
    let name = outside.path().file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    let up = [format!("/../{name}/secret"), format!("/%2e%2e/{name}/secret"), format!("/a/..%2f..%2f{name}/secret")];
    let others =
        ["/.env", "/%2eenv", "/.git/config", "/out/secret", "/out/", "/out", "/a/link", "/magic/etc/passwd", "//a/b"];
    for path in up.iter().map(String::as_str).chain(others) {
        let (status, _, body) = get(&files, path).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_FOUND, 0), "{path}");
    }
}

#[tokio::test]
async fn conditions_are_answered() {
    use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE};

    let folder = folder(&[("a.txt", b"0123456789")]);
    let files = files(&folder).max_age("*", Duration::ZERO);
    let (_, fields, _) = get(&files, "/a.txt").await;
    let (tag, date) = (fields[ETAG].to_str().expect("text"), fields[LAST_MODIFIED].to_str().expect("text"));
    for condition in [(IF_NONE_MATCH, tag), (IF_MODIFIED_SINCE, date)] {
        let (status, fields, body) = ask(&files, "GET", "/a.txt", &[condition]).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
        assert_eq!([&fields[ETAG], &fields[CACHE_CONTROL]], [tag, "no-cache"]);
    }
    assert_eq!(ask(&files, "GET", "/a.txt", &[(IF_MATCH, "\"x\"")]).await.0, StatusCode::PRECONDITION_FAILED);
    let range = |condition| [(RANGE, "bytes=0-1"), (IF_RANGE, condition)];
    assert_eq!(ask(&files, "GET", "/a.txt", &range(tag)).await.2, b"01");
    assert_eq!(ask(&files, "GET", "/a.txt", &range("\"x\"")).await.2, b"0123456789");
    assert_eq!(ask(&files, "GET", "/a.txt", &range(date)).await.0, StatusCode::OK, "too young for a date to be strong");

    fs::write(folder.path().join("a.txt"), "9876543210").expect("written");
    let (status, _, body) = ask(&files, "GET", "/a.txt", &[(IF_NONE_MATCH, tag)]).await;
    assert_eq!((status, &body[..]), (StatusCode::OK, &b"9876543210"[..]), "the same length, another state");
}

#[tokio::test]
async fn ranges_are_cut_out() {
    use http::header::RANGE;

    let long: Vec<u8> = (0..3 * CHUNK_BYTES + 5).map(|at| (at % 251) as u8).collect();
    let folder = folder(&[("a.txt", b"0123456789"), ("long", &long)]);
    let files = files(&folder);
    let (status, fields, body) = ask(&files, "GET", "/a.txt", &[(RANGE, "bytes=-3")]).await;
    assert_eq!((status, &body[..]), (StatusCode::PARTIAL_CONTENT, &b"789"[..]));
    assert_eq!([&fields[CONTENT_RANGE], &fields[CONTENT_LENGTH]], ["bytes 7-9/10", "3"]);
    let (status, fields, _) = ask(&files, "GET", "/a.txt", &[(RANGE, "bytes=10-")]).await;
    assert_eq!(
        (status, &fields[CONTENT_RANGE]),
        (StatusCode::RANGE_NOT_SATISFIABLE, &"bytes */10".parse().expect("valid"))
    );
    assert_eq!(ask(&files, "HEAD", "/a.txt", &[(RANGE, "bytes=0-1")]).await.0, StatusCode::OK);

    let (status, fields, body) = ask(&files, "GET", "/a.txt", &[(RANGE, "bytes=8-8,0-1")]).await;
    let kind = fields[CONTENT_TYPE].to_str().expect("text");
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").expect("parts");
    assert_eq!(status, StatusCode::PARTIAL_CONTENT);
    let part = |range: &str, content: &str| {
        format!(
            "\r\n--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes {range}/10\r\n\r\n{content}"
        )
    };
    let expected = part("8-8", "8") + &part("0-1", "01") + &format!("\r\n--{boundary}--\r\n");
    assert_eq!(String::from_utf8(body).expect("text"), expected);
    assert_eq!(fields[CONTENT_LENGTH], *expected.len().to_string());

    let many = format!("bytes={}", (0..=MAX_RANGES).map(|at| format!("{at}-{at}")).collect::<Vec<_>>().join(","));
    assert_eq!(ask(&files, "GET", "/long", &[(RANGE, &many)]).await.0, StatusCode::OK);
    assert!(get(&files, "/long").await.2 == long);
    let range = format!("bytes=1-{}", 2 * CHUNK_BYTES);
    assert!(ask(&files, "GET", "/long", &[(RANGE, &range)]).await.2 == long[1..=2 * CHUNK_BYTES]);
}

#[tokio::test]
async fn the_client_chooses_among_precompressed_siblings() {
    use http::header::ACCEPT_ENCODING;

    let folder = folder(&[("a.js", b"plain"), ("a.js.br", b"brotli"), ("a.js.gz", b"gzipped"), ("b.js", b"b")]);
    let files = files(&folder).precompressed();
    for (accepted, encoding, expected) in [
        ("gzip, deflate, br, zstd", Some("br"), "brotli"),
        ("gzip, br;q=0.1", Some("gzip"), "gzipped"),
        ("zstd", None, "plain"),
        ("br;q=0", None, "plain"),
    ] {
        let (_, fields, body) = ask(&files, "GET", "/a.js", &[(ACCEPT_ENCODING, accepted)]).await;
        assert_eq!(body, expected.as_bytes(), "{accepted}");
        assert_eq!(fields.get(CONTENT_ENCODING).map(|value| value.to_str().expect("text")), encoding);
        assert_eq!([&fields[VARY], &fields[CONTENT_TYPE]], ["accept-encoding", "text/javascript; charset=utf-8"]);
    }
    let tag = |fields: HeaderMap| fields[ETAG].clone();
    let compressed = ask(&files, "GET", "/a.js", &[(ACCEPT_ENCODING, "br")]).await.1;
    assert_ne!(tag(compressed), tag(get(&files, "/a.js").await.1), "each has a tag of its own");
    assert_eq!(ask(&files, "GET", "/b.js", &[(ACCEPT_ENCODING, "br")]).await.2, b"b");
}

#[tokio::test]
async fn a_body_is_read_as_it_is_wanted_and_open_files_are_bounded() {
    let folder = folder(&[("long", &vec![7; 4 * CHUNK_BYTES]), ("short", b"short")]);
    let files = files(&folder).open_files(1);
    let request = || Request::get("/long").body(()).expect("valid");
    let Ok(mut first) = files.clone().oneshot(request()).await;
    let frame = first.body_mut().frame().await.expect("more").expect("no error").into_data().expect("data");
    assert!(
        frame.len() <= CHUNK_BYTES && first.body().size_hint().exact() == Some((4 * CHUNK_BYTES - frame.len()) as u64)
    );

    let (status, fields, _) = get(&files, "/long").await;
    assert_eq!((status, &fields[RETRY_AFTER]), (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().expect("valid")));
    assert_eq!(get(&files, "/short").await.2, b"short", "a file of one chunk is not held open");
    drop(first);
    assert_eq!(get(&files, "/long").await.2.len(), 4 * CHUNK_BYTES);

    let Ok(shrinking) = files.clone().oneshot(request()).await;
    fs::write(folder.path().join("long"), [7; 10]).expect("written");
    assert!(shrinking.into_body().collect().await.is_err(), "the promised length cannot be kept");
}
