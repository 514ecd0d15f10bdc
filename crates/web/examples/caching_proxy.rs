//! A caching reverse proxy: the cache in front of a service that forwards to one origin over HTTP/1.1.
//!
//!     cargo run -p planet-web --release --example caching_proxy -- 127.0.0.1:8080 127.0.0.1:8000
//!
//! listens on the first address and forwards to the second.

use std::time::Duration;

use http::header::{CONNECTION, TE, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, Scheme};
use http::{HeaderName, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::client::legacy::{Client, Error, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use planet_web::cache::{Cache, Settings};
use tokio::net::TcpListener;
use tower::{Layer, service_fn};

type Origin = Client<HttpConnector, Incoming>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(origin)) = (arguments.next(), arguments.next()) else {
        return Err("which address to listen on, and which origin to forward to?".into());
    };
    let origin: Authority = origin.parse()?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let forward = service_fn(move |request| forward(client.clone(), origin.clone(), request));

    // An origin that is gone for a minute is no reason to answer nothing, unless its answers say so.
    let settings = Settings { stale_if_error: Duration::from_secs(60), ..Settings::default() };
    let cache = Cache::new(settings);
    let service = cache.layer().layer(forward);

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

async fn forward(
    client: Origin,
    origin: Authority,
    mut request: Request<Incoming>,
) -> Result<Response<Incoming>, Error> {
    let mut target = request.uri().clone().into_parts();
    target.scheme = Some(Scheme::HTTP);
    target.authority = Some(origin);
    *request.uri_mut() = Uri::from_parts(target).unwrap_or_default();
    remove_hop_by_hop(request.headers_mut());
    let mut response = client.request(request).await?;
    remove_hop_by_hop(response.headers_mut());
    Ok(response)
}

/// Fields that are for one connection only (RFC 9110 section 7.6.1).
fn remove_hop_by_hop(headers: &mut http::HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    let fixed = [CONNECTION, TE, TRANSFER_ENCODING, UPGRADE, HeaderName::from_static("keep-alive")];
    for name in fixed.into_iter().chain(named) {
        headers.remove(name);
    }
}
