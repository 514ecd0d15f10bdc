//! Whatever path is asked for, the server answers with nothing that lies outside its root, is hidden, or is behind a link
//! that leads out.

#![no_main]

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::LazyLock;

use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use libfuzzer_sys::fuzz_target;
use planet_web::files::Files;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

const SECRET: &str = "nobody may read this";

struct World {
    files: Files,
    runtime: Runtime,
    _folder: TempDir,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let (root, outside) = (folder.path().join("root"), folder.path().join("outside"));
    for created in [&root, &root.join("a"), &root.join(".git"), &outside] {
        fs::create_dir(created).expect("created");
    }
    for secret in [outside.join("secret"), root.join(".env"), root.join(".git/config"), folder.path().join("secret")] {
        fs::write(secret, SECRET).expect("written");
    }
    fs::write(root.join("a/b"), "open to all").expect("written");
    symlink("../outside", root.join("out")).expect("linked");
    symlink(&outside, root.join("absolute")).expect("linked");
    symlink("../../outside/secret", root.join("a/link")).expect("linked");
    symlink("..", root.join("a/up")).expect("linked");
    symlink("/proc/self/root", root.join("magic")).expect("linked");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let files = Files::folder(&root).expect("a root").listing().precompressed();
    World { files, runtime, _folder: folder }
});

/// Words that take a path somewhere, so that not every input has to find them letter by letter.
const WORDS: [&str; 24] = [
    "/", "/", "/", "..", ".", "%2e", "%2E%2e", "%2f", "%5c", "%00", "%25", "a", "b", "up", "out", "absolute", "link",
    "magic", "secret", "outside", ".env", ".git", "config", "%",
];

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let path = if first & 1 == 0 {
        rest.iter().map(|byte| WORDS[usize::from(*byte) % WORDS.len()]).collect()
    } else {
        String::from_utf8_lossy(rest).into_owned()
    };
    let request = Request::get(format!("/{path}")).header("accept-encoding", "gzip, br, zstd");
    let Ok(request) = request.body(()) else { return };
    let world = &*WORLD;
    let (status, body) = world.runtime.block_on(async {
        let Ok(response) = world.files.clone().oneshot(request).await;
        let (parts, body) = response.into_parts();
        (parts.status, body.collect().await.expect("it does not fail").to_bytes())
    });
    let text = String::from_utf8_lossy(&body);
    assert!(!text.contains(SECRET) && !text.contains("secret\"") && !text.contains(".env"), "{path:?}: {text}");
    let expected = [StatusCode::OK, StatusCode::PERMANENT_REDIRECT, StatusCode::NOT_FOUND];
    assert!(expected.contains(&status), "{path:?}: {status}");
});
