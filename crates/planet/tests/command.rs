//! The `planet` command as a process: exit codes, listening, TLS, signals.

mod support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::process::ExitStatusExt,
    process::{Output, Stdio},
};

use rustix::process::Signal;
use support::{Running, planet};

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

#[test]
fn version_and_help() {
    let Output { status, stdout, .. } = planet(&["--version"]).output().unwrap();
    assert!(status.success());
    assert_eq!(text(&stdout), concat!("planet ", env!("CARGO_PKG_VERSION"), "\n"));
    let Output { status, stdout, .. } = planet(&["serve", "--help"]).output().unwrap();
    assert!(status.success());
    assert!(text(&stdout).contains("planet serve --open"), "{}", text(&stdout));
}

#[test]
fn what_nobody_reads_to_its_end_is_no_failure_to_speak_of() {
    let mut child = planet(&["reference"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // More is written than a pipe holds, or the reader is gone before the first of it: the end is the same.
    drop(child.stdout.take());
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert_eq!(text(&stderr), "");
    assert!(status.success() || status.signal() == Some(Signal::PIPE.as_raw()), "{status}");
}

#[test]
fn wrong_settings_end_with_code_2() {
    for (arguments, expected) in [
        (&["serve", "--listen", "nowhere"][..], "planet: bad value for `server.listen` at --listen: "),
        (
            &["serve", "--set", "app.limits.chanels=1"],
            "planet: unknown key `app.limits.chanels` at --set; did you mean",
        ),
        (&["serve", "--config", "no-such-file.toml"], "planet: cannot read no-such-file.toml: "),
        (&["serve", "--lisen", "x"], "error: unexpected argument '--lisen' found"),
    ] {
        let Output { status, stderr, .. } = planet(arguments).output().unwrap();
        assert_eq!(status.code(), Some(2), "{arguments:?}");
        assert!(text(&stderr).starts_with(expected), "{}", text(&stderr));
    }
    let Output { status, stderr, .. } = planet(&["serve"]).env("PLANET_LISEN", "x").output().unwrap();
    assert_eq!(status.code(), Some(2));
    assert_eq!(text(&stderr), "planet: unknown environment variable `PLANET_LISEN`; did you mean `PLANET_LISTEN`?\n");
}

#[test]
fn print_config_shows_what_is_in_force() {
    let mut command = planet(&["serve", "--open", "--print-config"]);
    let Output { status, stdout, .. } = command.env("PLANET_IDLE_TIMEOUT", "2m").output().unwrap();
    assert!(status.success());
    assert!(text(&stdout).contains("\nidle_timeout = \"2m\"  # PLANET_IDLE_TIMEOUT\n"), "{}", text(&stdout));
    assert!(text(&stdout).contains("\nopen = true  # --open\n"), "{}", text(&stdout));
}

#[test]
fn an_address_in_use_ends_with_code_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let Output { status, stderr, .. } =
        planet(&["serve", "--listen", &address, "--events", "off", "--thrift", "off"]).output().unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(text(&stderr).starts_with(&format!("planet: cannot listen on {address}: ")), "{}", text(&stderr));
}

#[test]
fn it_answers_and_stops_in_order_at_sigterm() {
    let mut running = Running::start(&[]);
    assert!(get(&running.address, "/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
    let mut idle = TcpStream::connect(&running.address).unwrap();
    // An answer shows that the connection has been accepted.
    idle.write_all(b"HEAD /healthz HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        idle.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    running.signal(Signal::TERM);
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"", "an idle connection is closed");
    let (code, log) = running.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("INFO SIGTERM: stopping within 30 s"), "{log}");
    assert!(log.contains("every connection was ended in order"), "{log}");
}

#[test]
fn logs_are_json_on_request() {
    let mut running = Running::start(&["--log-format", "json"]);
    running.signal(Signal::INT);
    let (code, log) = running.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.lines().count() >= 2);
    for line in log.lines() {
        assert!(line.starts_with("{\"timestamp\":\"") && line.ends_with('}'), "{line}");
    }
    assert!(log.contains("\"level\":\"INFO\""), "{log}");
}

#[test]
fn it_speaks_tls_with_the_files_given() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());

    let running = Running::start(&["--tls-cert", certificate, "--tls-key", key]);
    assert_eq!(running.scheme, "https");
    // A plain request is answered with a TLS alert: record type 21 (RFC 8446, section 5.1).
    let mut plain = TcpStream::connect(&running.address).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut first = [0];
    plain.read_exact(&mut first).unwrap();
    assert_eq!(first, [21]);

    let mut swapped = planet(&["serve", "--listen", "127.0.0.1:0", "--events", "off", "--thrift", "off"]);
    let Output { status, stderr, .. } = swapped.args(["--tls-cert", key, "--tls-key", certificate]).output().unwrap();
    assert_eq!(status.code(), Some(1));
    assert_eq!(text(&stderr), format!("planet: {key} has no certificate in PEM form\n"));
}

#[test]
fn a_second_signal_stops_at_once() {
    let mut running = Running::start(&["--shutdown-timeout", "1h", "--set", "server.header_timeout=1h"]);
    let mut stream = TcpStream::connect(&running.address).unwrap();
    // An HTTP/2 client that does not answer the ping which goes with GOAWAY (RFC 9113, section 6.8) holds the shutdown
    // up. Its connection has begun once its SETTINGS (frame type 4) are acknowledged (flag 1).
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        std::io::copy(&mut (&stream).take(length.into()), &mut std::io::sink()).unwrap();
        if head[3..5] == [4, 1] {
            break;
        }
    }
    running.signal(Signal::TERM);
    let mut log = BufReader::new(running.child.stderr.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    assert!(line.contains("SIGTERM: stopping within 3600 s; once more stops at once"), "{line}");
    running.signal(Signal::INT);
    line.clear();
    log.read_line(&mut line).unwrap();
    assert!(line.contains("SIGINT once more: stopped at once"), "{line}");
    assert_eq!(running.child.wait().unwrap().code(), Some(1));
}

#[test]
fn it_gives_flash_players_their_policy_file_if_there_is_one() {
    const REQUEST: &[u8] = b"<policy-file-request/>\0";
    let ask = |running: &Running| {
        let mut player = TcpStream::connect(&running.address).unwrap();
        player.write_all(REQUEST).unwrap();
        let mut answer = Vec::new();
        player.read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.xml");
    let policy = "<cross-domain-policy><allow-access-from domain=\"*\" to-ports=\"8000\"/></cross-domain-policy>\n";
    std::fs::write(&file, policy).unwrap();
    let setting = format!("server.flash_policy_file={}", file.display());

    let running = Running::start(&["--set", &setting]);
    assert_eq!(ask(&running), format!("{policy}\0"));
    assert!(get(&running.address, "/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(ask(&Running::start(&[])).starts_with("HTTP/1.1 400 "), "without the setting it is no HTTP");

    std::fs::write(&file, "<html/>").unwrap();
    let mut wrong =
        planet(&["serve", "--listen", "127.0.0.1:0", "--events", "off", "--thrift", "off", "--set", &setting]);
    let Output { status, stderr, .. } = wrong.output().unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(text(&stderr).starts_with("planet: flash_policy_file: the policy file has no <cross-domain"), "{stderr:?}");
}
