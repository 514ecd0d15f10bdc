//! A small admin server: the pages of a folder behind a cache, live figures beside them, and every byte metered.
//!
//!     cargo run --example admin -- docs
//!     curl http://127.0.0.1:8001/figures
//!     curl -X POST http://127.0.0.1:8001/purge

use std::convert::Infallible;
use std::error::Error;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper_util::service::TowerToHyperService;
use planet_net::meter::Registry;
use planet_net::{Limits, Listener, Server, Shutdown};
use planet_web::router::{Matcher, Router};
use planet_web::{Body, body, cache::Cache, files::Files};
use tower::{Layer, service_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("which folder is to be served?")?;
    let meters = Arc::new(Registry::new(["part"], 10));
    let pages_meter = meters.meter(["pages"]);
    let cache = Cache::default();

    let files = Files::folder(folder)?.listing().max_age("*", Duration::from_secs(60));
    let pages = cache.layer().layer(files);
    let figures_of = cache.clone();
    let figures = service_fn(move |_: Request<Incoming>| {
        answer(format!("{}\n{:#?}\n", meters.prometheus("admin"), figures_of.counters()))
    });
    let purge = service_fn(move |_: Request<Incoming>| answer(format!("{} answers went\n", cache.purge_prefix(""))));
    let router = Router::builder()
        .rule(Matcher::equals("/figures").method(Method::GET), figures)
        .rule(Matcher::equals("/purge").method(Method::POST), purge)
        .otherwise(pages)
        .build()?;

    let shutdown = Shutdown::new();
    let listener = Listener::bind(&["127.0.0.1:8001".parse()?], Limits::default(), shutdown.clone())?;
    println!("the pages are at http://127.0.0.1:8001");
    tokio::spawn(async move {
        // Without a signal to wait for, the server runs until it is killed.
        let _ = tokio::signal::ctrl_c().await;
        shutdown.begin(Duration::from_secs(10));
    });
    Server::new(listener).with_meter(pages_meter).run(TowerToHyperService::new(router)).await;
    Ok(())
}

fn answer(text: String) -> Ready<Result<Response<Body>, Infallible>> {
    ready(Ok(Response::new(body::full(text))))
}
