//! Running out of file descriptors: accepting pauses, says so once, and goes on.

mod common;

use std::{
    fs::File,
    io::{self, Read, Write},
    net::TcpStream,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{start, until};
use planet_net::Limits;
use rustix::process::{Resource, Rlimit, setrlimit};
use tracing_subscriber::fmt::MakeWriter;

const CHILD: &str = "PLANET_NET_TEST_FEW_DESCRIPTORS";

/// The limit is the process's own, so the test runs once more in a process of its own.
#[test]
fn accepting_goes_on_when_there_are_descriptors_again() {
    if std::env::var_os(CHILD).is_some() {
        return run_out_of_descriptors();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "accepting_goes_on_when_there_are_descriptors_again", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("1 passed"), "{out}\n{err}");
}

fn run_out_of_descriptors() {
    let lines = Lines::default();
    tracing_subscriber::fmt().with_writer(lines.clone()).with_ansi(false).init();
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum: Some(64) }).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let running = start(Limits::default(), None);
        let traffic = Arc::clone(running.admission.traffic());
        // Clients and server share the descriptors: the one that is left goes to the client.
        let mut taken = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            taken.push(file);
        }
        taken.pop();
        let mut client = TcpStream::connect(running.address).unwrap();
        until(|| traffic.accept_failures() >= 3).await;
        assert_eq!(traffic.accepted(), 0, "there was a descriptor for it");

        drop(taken);
        let answered = tokio::task::spawn_blocking(move || {
            client.write_all(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").unwrap();
            let mut response = String::new();
            client.read_to_string(&mut response).map(|_| response)
        });
        let response = tokio::time::timeout(Duration::from_secs(60), answered).await;
        let response = response.unwrap().unwrap().unwrap();
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("no new connection can be accepted").count(), 1, "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
