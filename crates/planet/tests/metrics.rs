//! What `/metrics` says of the allocator, which `planet serve` itself runs on.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use support::Running;

/// Longer than `/metrics` may be old.
const UNTIL_FRESH: Duration = Duration::from_millis(600);

fn metrics(server: &Running) -> String {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

/// A figure of a process, or `None` when the process is not there. `more` are labels behind those of the process.
fn figure(metrics: &str, name: &str, server: &Running, more: &str) -> Option<u64> {
    let start = format!("planet_malloc_{name}{{pid=\"{}\",command=\"planet\"{more}}} ", server.child.id());
    metrics.lines().find_map(|line| line.strip_prefix(&start)).map(|figure| figure.parse().unwrap())
}

#[test]
fn a_server_shows_its_own_memory() {
    let server = Running::start(&[]);
    let text = metrics(&server);
    let peak = figure(&text, "peak_live_bytes", &server, ",window=\"60s\"");
    let figure = |name| figure(&text, name, &server, "").unwrap_or_else(|| panic!("no {name}: {text}"));
    let live = figure("live_bytes");
    assert!((50_000..50_000_000).contains(&live), "{live}");
    assert!(live <= figure("mapped_bytes") && figure("resident_bytes") <= figure("mapped_bytes"));
    assert!(figure("allocations_total") > figure("frees_total"));
    assert_eq!(text.lines().filter(|line| line.starts_with("planet_malloc_live_bytes{")).count(), 1);
    assert!(peak.is_some_and(|peak| peak >= live), "{text}");
}

#[test]
fn a_server_shows_the_memory_of_others_when_asked() {
    let alone = Running::start(&[]);
    let asked = Running::start(&["--set", "server.metrics_processes=true"]);
    let text = metrics(&asked);
    assert!(figure(&text, "live_bytes", &alone, "").is_some_and(|live| live > 0), "{text}");
    assert!(figure(&text, "live_bytes", &asked, "").is_some(), "{text}");
    assert_eq!(figure(&metrics(&alone), "live_bytes", &asked, ""), None);
    let id = alone.child.id();
    drop(alone);
    let give_up = Instant::now() + Duration::from_secs(60);
    while metrics(&asked).contains(&format!("pid=\"{id}\"")) {
        assert!(Instant::now() < give_up, "a process that was killed is still shown");
        thread::sleep(UNTIL_FRESH);
    }
}
