//! The pages and scripts that `planet serve` gives to browsers: router, cache, files.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use support::Running;

/// An answer: its head, in lower case but for values, and its body.
struct Answer {
    head: String,
    body: String,
}

impl Answer {
    fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

fn ask(server: &Running, method: &str, path: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{headers}\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    Answer { head: head.to_owned(), body: body.to_owned() }
}

#[test]
fn the_second_request_is_answered_from_the_cache() {
    let server = Running::start(&[]);
    for (path, kind) in
        [("/1/client.js", "javascript"), ("/client.mjs", "javascript"), ("/", "html"), ("/chat.js", "javascript")]
    {
        let (first, second) = (ask(&server, "GET", path, ""), ask(&server, "GET", path, ""));
        assert_eq!((first.status(), second.status()), ("200", "200"), "{path}");
        assert_eq!(second.header("content-type"), Some(&*format!("text/{kind}; charset=utf-8")), "{path}");
        assert!(!first.body.is_empty() && first.body == second.body, "{path}");
        assert!(first.header("cache-status").unwrap().contains("fwd=uri-miss"), "{path}: {}", first.head);
        assert!(second.header("cache-status").unwrap().contains("hit"), "{path}: {}", second.head);
        assert_eq!(second.header("cache-control"), Some("no-cache"), "browsers ask again after an update");
        assert_eq!(second.header("cdn-cache-control"), None, "nor may caches on the way keep it");
        assert!(second.header("content-security-policy").unwrap().contains("default-src 'self'"));
        let known = format!("if-none-match: {}\r\n", second.header("etag").unwrap());
        assert_eq!(ask(&server, "GET", path, &known).status(), "304", "{path}");
    }
    let metrics = ask(&server, "GET", "/metrics", "").body;
    assert!(metrics.contains("planet_page_requests_total{outcome=\"hit\"} 8\n"), "{metrics}");
    assert!(metrics.contains("planet_page_requests_total{outcome=\"miss\"} 4\n"), "{metrics}");
}

#[test]
fn what_is_not_there_and_what_is_not_allowed() {
    let server = Running::start(&[]);
    for path in ["/nothing", "/1/client.mjs", "/client.d.ts", "/.git", "/%2e%2e/Cargo.toml", "/1/../client.js"] {
        assert_eq!(ask(&server, "GET", path, "").status(), "404", "{path}");
    }
    let refused = ask(&server, "POST", "/client.mjs", "content-length: 0\r\n");
    assert_eq!((refused.status(), refused.header("allow")), ("405", Some("GET, HEAD")));
    let head = ask(&server, "HEAD", "/", "");
    assert_eq!((head.status(), head.body.as_str()), ("200", ""));
    assert!(head.header("content-length").unwrap().parse::<usize>().unwrap() > 100);
}

#[test]
fn without_the_demo_there_is_the_client_alone() {
    let server = Running::start(&["--no-demo"]);
    for path in ["/", "/demo.json", "/chat.js"] {
        assert_eq!(ask(&server, "GET", path, "").status(), "404", "{path}");
    }
    assert_eq!(ask(&server, "GET", "/1/client.js", "").status(), "200");
}
