//! Serves a folder over HTTP/1.1, with `cached` behind a cache.
//!
//!     cargo run -p planet-web --release --example static_server -- 127.0.0.1:8080 public
//!     cargo run -p planet-web --release --example static_server -- 127.0.0.1:8080 public cached

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use planet_web::Body;
use planet_web::cache::Cache;
use planet_web::files::Files;
use tokio::net::TcpListener;
use tower::{Layer, Service};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("which address to listen on, and which folder to serve?".into());
    };
    let files = Files::folder(folder)?.immutable_hashed_names().max_age("*", Duration::from_secs(60));
    match arguments.next().as_deref() {
        None => serve(&address, files).await,
        Some("cached") => serve(&address, Cache::default().layer().layer(files)).await,
        Some(other) => Err(format!("what is {other}? Only `cached` may follow the folder").into()),
    }
}

async fn serve<S>(address: &str, service: S) -> Result<(), Box<dyn Error>>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    let listener = TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10));
            // A client that goes away is none of ours.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
