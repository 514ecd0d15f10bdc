//! A file much larger than memory should be, and readers that take their time.

use std::fs::{self, File};

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use planet_web::files::{CHUNK_BYTES, Files};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const FILE_BYTES: u64 = 4 << 30;
const READERS: usize = 50;

/// What each reader takes at a time, and how often: far less than there is.
const PIECE: usize = 16 << 10;
const PIECES: usize = 64;

/// Some chunks for each reader, in the file server and in hyper.
const MOST_BYTES: usize = READERS * 8 * CHUNK_BYTES;

fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has this line");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_slow_readers_of_four_gigabytes_leave_memory_where_it_was() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = File::create(folder.path().join("large")).expect("a file");
    file.set_len(FILE_BYTES).expect("a hole takes no room on the disk");
    let files = Files::folder(folder.path()).expect("the folder is there");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(files.clone());
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });

    let before = resident_bytes();
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut reader = TcpStream::connect(address).await.expect("it is listening");
        reader.write_all(b"GET /large HTTP/1.1\r\nhost: h\r\n\r\n").await.expect("it reads");
        readers.push(reader);
    }
    let mut piece = vec![0; PIECE];
    let mut most = 0;
    for round in 0..PIECES {
        for reader in &mut readers {
            reader.read_exact(&mut piece).await.expect("there is much more");
            if round == 0 {
                let head = String::from_utf8_lossy(&piece);
                assert!(
                    head.starts_with("HTTP/1.1 200 OK\r\n")
                        && head.contains(&format!("content-length: {FILE_BYTES}\r\n"))
                );
            }
        }
        most = most.max(resident_bytes());
    }
    let grown = most.saturating_sub(before);
    assert!(grown < MOST_BYTES, "{grown} bytes more than before");
}
