//! What `/metrics` says of the bytes of each app, against clients that count what they send and get.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use support::Running;

const APPS: [(&str, &str); 2] = [("chat", "chat_key"), ("shop", "shop_key")];

/// Longer than `/metrics` may be old.
const FRESH: Duration = Duration::from_millis(600);

const PATIENCE: Duration = Duration::from_secs(30);

const COMMANDS: &str = "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"news\"}}";

/// A connection that counts.
struct Client {
    tcp: TcpStream,
    sent: u64,
    received: Vec<u8>,
}

impl Client {
    fn open(running: &Running, bytes: impl AsRef<[u8]>) -> Self {
        let tcp = TcpStream::connect(&running.address).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Self { tcp, sent: 0, received: Vec::new() };
        client.send(bytes);
        client
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.tcp.write_all(bytes.as_ref()).unwrap();
        self.sent += bytes.as_ref().len() as u64;
    }

    /// Reads on until this text has come after everything read before.
    fn read_until(&mut self, text: &str) -> String {
        let before = self.received.len();
        let mut bytes = [0; 8192];
        loop {
            let new = String::from_utf8_lossy(&self.received[before..]);
            if new.contains(text) {
                return new.into_owned();
            }
            match self.tcp.read(&mut bytes) {
                Ok(count @ 1..) => self.received.extend_from_slice(&bytes[..count]),
                ended => panic!("{ended:?} instead of {text}, after {new}"),
            }
        }
    }

    /// Reads what is there.
    fn drain(&mut self) {
        self.tcp.set_nonblocking(true).unwrap();
        match self.tcp.read_to_end(&mut self.received) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
}

fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{more}\r\n")
}

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn websocket(key: &str) -> String {
    let fields = "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n\
                  sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    get(&format!("/app/{key}/connection/websocket"), fields)
}

/// A text frame of a client (RFC 6455, section 5.2), whose masking key changes nothing.
fn frame(text: &str) -> Vec<u8> {
    assert!(text.len() < 126);
    [&[0x81, 0x80 | text.len() as u8, 0, 0, 0, 0], text.as_bytes()].concat()
}

/// Every transport, subscribed to `news`.
fn clients_of(running: &Running, key: &str) -> Vec<Client> {
    let mut websocket = Client::open(running, websocket(key));
    websocket.read_until("\r\n\r\n");
    websocket.send(frame(COMMANDS));
    let events = Client::open(running, get(&format!("/app/{key}/sse?channel=news"), ""));
    let connect = "%7B%22id%22%3A1%2C%22connect%22%3A%7B%7D%7D%0A\
                   %7B%22id%22%3A2%2C%22subscribe%22%3A%7B%22channel%22%3A%22news%22%7D%7D";
    let sse = Client::open(running, get(&format!("/app/{key}/connection/sse?cf_connect={connect}"), ""));
    let stream = Client::open(running, post(&format!("/app/{key}/connection/http_stream"), COMMANDS));
    let mut clients = vec![websocket, sse, stream];
    for client in &mut clients {
        client.read_until("\"id\":2");
    }
    let mut poll = Client::open(running, post(&format!("/app/{key}/connection/long_poll"), COMMANDS));
    let opened = poll.read_until("]}");
    let session = opened.split("\"session\":\"").nth(1).unwrap().split('"').next().unwrap();
    poll.send(post(
        &format!("/app/{key}/connection/long_poll"),
        &format!("{{\"session\":\"{session}\",\"cursor\":2}}"),
    ));
    clients.extend([events, poll]);
    clients
}

/// The figure of a line of `/metrics`.
fn figure(text: &str, name: &str) -> f64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

/// Bytes in and out, of each app, of no app, and of all.
fn shown(metrics: &str) -> Vec<(u64, u64)> {
    let of = |name: &str, label: &str| {
        ["in", "out"].map(|direction| figure(metrics, &format!("{name}{{{label}direction=\"{direction}\"}}")) as u64)
    };
    let apps = ["chat", "shop", "(none)"].map(|app| of("planet_app_bytes_total", &format!("app=\"{app}\",")));
    apps.into_iter().chain([of("planet_bytes_total", "")]).map(|[bytes_in, bytes_out]| (bytes_in, bytes_out)).collect()
}

#[test]
fn the_bytes_of_each_app_are_those_that_its_clients_count() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("planet.toml");
    let apps = APPS.map(|(name, key)| {
        format!("[[app]]\nname = '{name}'\napi_key = '{key}'\nsecret_key = 'fifteen_letters_{name}'\nopen = true\n")
    });
    // Nothing is to be sent by itself while the figures are compared.
    let server = "[server]\nping_interval = '1h'\npoll_wait = '59m'\nidle_timeout = '2h'\n";
    std::fs::write(&config, format!("{server}{}", apps.concat())).unwrap();
    let running = Running::start(&["--config", config.to_str().unwrap()]);

    let mut clients = APPS.map(|(_, key)| clients_of(&running, key));
    // One connection for requests to both apps and to none.
    let mut requests = Client::open(&running, "");
    let (mut by_app, mut of_none) = ([(0, 0); 2], (0, 0));
    for number in 0..40 {
        let (app, key) = (number % 2, APPS[number % 2].1);
        let body = format!("\"{}#{number}\"", "x".repeat(number * 7919 % 5000));
        let request = match number % 10 {
            9 => get("/healthz", ""),
            _ => post(&format!("/1.0.0/{key}/channels/news"), &body),
        };
        let before = requests.received.len();
        requests.send(&request);
        requests.read_until(if number % 10 == 9 { "alive\n" } else { "\"messages_sent\":" });
        // The length of what is left is known once the next answer begins; there is none.
        while !requests.received.ends_with(b"}") && !requests.received.ends_with(b"alive\n") {
            requests.read_until("}");
        }
        let counted = if number % 10 == 9 { &mut of_none } else { &mut by_app[app] };
        counted.0 += request.len() as u64;
        counted.1 += (requests.received.len() - before) as u64;
    }

    let deadline = Instant::now() + PATIENCE;
    loop {
        std::thread::sleep(FRESH);
        let mut expected = by_app;
        for (of_app, clients) in expected.iter_mut().zip(&mut clients) {
            for client in clients {
                client.drain();
                of_app.0 += client.sent;
                of_app.1 += client.received.len() as u64;
            }
        }
        let ask = get("/metrics", "connection: close\r\n");
        let mut asking = Client::open(&running, &ask);
        let mut answer = Vec::new();
        asking.tcp.read_to_end(&mut answer).unwrap();
        let metrics = String::from_utf8(answer).unwrap();
        let found = shown(&metrics);
        // The request for the figures has been read by then, and may not have been claimed; its answer is not written.
        of_none.0 += asking.sent;
        let total = [expected[0], expected[1], of_none].iter().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
        let (apps, all) = (&found[..2], found[3]);
        if (apps == expected && all == total) || Instant::now() > deadline {
            assert_eq!(apps, expected, "by app");
            assert_eq!(all, total, "in all");
            let sum = found[..3].iter().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
            assert_eq!(
                (sum.0 + asking.sent, sum.1),
                all,
                "what is labelled is all but the request that is in progress"
            );
            // A poll is answered with the first message, and the other clients get all up to the last.
            for (client, last) in clients.iter().flatten().zip([38, 38, 38, 38, 0, 37, 37, 37, 37, 1]) {
                let text = String::from_utf8_lossy(&client.received);
                assert!(text.contains(&format!("#{last}\"")), "message {last} is not in {text}");
            }
            let average = "planet_app_bytes_per_second{app=\"chat\",direction=\"out\",window=\"60s\"}";
            assert!(figure(&metrics, average) > 0.0);
            assert!(figure(&metrics, "planet_bytes_per_second{direction=\"out\",window=\"60s\"}") > 0.0);
            return;
        }
        of_none.1 += metrics.len() as u64;
    }
}
