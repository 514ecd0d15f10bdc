//! `planet bench` against `planet serve`, both as users run them.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use tempfile::TempDir;

struct Server {
    child: Child,
    url: String,
    /// Kept open, since the server goes on printing into it.
    _output: BufReader<ChildStdout>,
    _data: TempDir,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let data = TempDir::new().expect("a folder");
        let mut child = Command::new(env!("CARGO_BIN_EXE_planet"))
            .args(["serve", "--listen", "127.0.0.1:0", "--events", "off", "--thrift", "off", "--data"])
            .arg(data.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line of text");
        let url = line.split_whitespace().next_back().expect("the URL is the last word").to_owned();
        Self { child, url, _output: output, _data: data }
    }

    fn bench(&self, arguments: &str) -> Output {
        bench(&self.url, arguments)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bench(url: &str, arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_planet"))
        .args(["bench", "--json", "--settle", "0s", "--url", url])
        .args(arguments.split_whitespace())
        .output()
        .expect("it runs")
}

/// A number of the JSON that it printed.
fn number(output: &Output, name: &str) -> f64 {
    let text = String::from_utf8_lossy(&output.stdout);
    let (_, rest) = text.split_once(&format!("\"{name}\":")).unwrap_or_else(|| panic!("no {name} in {text}"));
    let end = rest.find([',', '}']).expect("the object ends");
    rest[..end].parse().unwrap_or_else(|_| panic!("{name} is no number in {text}"))
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_transport_delivers_everything() {
    let server = Server::start(&["--open"]);
    for transport in ["websocket", "http_stream", "sse", "long_poll", "event_source"] {
        let output = server.bench(&format!(
            "--transport {transport} --clients 12 --channels 4 --subscriptions 3 --users --rate 40 --burst 4 --duration 1s"
        ));
        assert!(output.status.success(), "{transport}: {}{:?}", complaint(&output), output);
        assert_eq!(number(&output, "expected"), 40.0 / 4.0 * 12.0 * 3.0, "{transport}");
        assert_eq!(number(&output, "delivered"), number(&output, "expected"), "{transport}");
        assert_eq!(number(&output, "lost"), 0.0, "{transport}");
        // The server's process was found through its socket.
        assert!(number(&output, "us_per_delivery") > 0.0, "{transport}");
    }
}

#[test]
fn a_secret_key_publishes_by_rest_and_a_wrong_one_is_told_of() {
    let server = Server::start(&["--api-key", "bench_app", "--secret-key", "bench_secret_key_1"]);
    let load = "--clients 5 --rate 20 --duration 1s --api-key bench_app --secret-key";
    let output = server.bench(&format!("{load} bench_secret_key_1"));
    assert!(output.status.success(), "{}", complaint(&output));
    assert_eq!(number(&output, "delivered"), 100.0);
    let output = server.bench(&format!("{load} another_secret_key"));
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("401"), "{}", complaint(&output));
}

#[test]
fn what_the_server_refuses_is_told_with_the_way_out() {
    let server = Server::start(&[]);
    let refused = server.bench("--clients 2 --users --duration 0s");
    assert_eq!(refused.status.code(), Some(1));
    assert!(complaint(&refused).contains("--open"), "{}", complaint(&refused));
    let refused = server.bench("--clients 2 --duration 1s");
    assert!(complaint(&refused).contains("publishing failed"), "{}", complaint(&refused));
    let unknown = server.bench("--clients 2 --api-key no_such_app --transport sse");
    assert!(complaint(&unknown).contains("404"), "{}", complaint(&unknown));
}

#[test]
fn a_server_that_is_not_there_and_a_wrong_option_are_told_of() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", nobody.local_addr().expect("it is bound"));
    drop(nobody);
    let output = bench(&url, "--clients 2");
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("connection refused"), "{}", complaint(&output));
    let output = bench(&url, "--clients 0");
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).contains("--clients"), "{}", complaint(&output));
}
