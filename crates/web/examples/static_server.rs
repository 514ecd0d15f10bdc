//! Serves a folder over HTTP/1.1.
//!
//!     cargo run -p planet-web --release --example static_server -- 127.0.0.1:8080 public

use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use planet_web::files::Files;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("which address to listen on, and which folder to serve?".into());
    };
    let files = Files::folder(folder)?.immutable_hashed_names();
    let listener = TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = TowerToHyperService::new(files.clone());
        tokio::spawn(async move {
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10));
            // A client that goes away is none of ours.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
