//! A server and a client of `idl/probe.thrift`, for trying out and for tests with other people's libraries.
//!
//!     cargo run -p planet-thrift --example probe -- serve 127.0.0.1:9090 127.0.0.1:9091
//!
//! serves framed TCP on the first address and HTTP on the second, and says where;
//!
//!     cargo run -p planet-thrift --example probe -- call framed 127.0.0.1:9090 compact
//!     cargo run -p planet-thrift --example probe -- call http http://127.0.0.1:9091/ binary
//!
//! calls every method with every type, and fails when an answer is not the right one;
//!
//!     cargo run --release -p planet-thrift --example probe -- load 127.0.0.1:9090 5 8 16
//!
//! calls for 5 seconds over 8 connections with 16 calls under way on each, and prints the calls answered a second; and
//! `serve-with-threads 8` serves with the Apache crate's own server instead.

mod calls;
mod load;
#[allow(dead_code, unreachable_pub, clippy::all, reason = "generated")]
mod probe;
mod service;

use std::error::Error;

use planet_net::{Listener, Shutdown};
use planet_thrift::{Client, ClientSettings, Encoding, Processor, Server, ServerSettings};
use probe::ProbeSyncProcessor;
use service::Service;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", framed, http] => serve(framed, http).await,
        ["call", transport, target, encoding] => call(transport, target, encoding).await,
        ["load", target, seconds, connections, calls] => {
            load::load(target, seconds.parse()?, connections.parse()?, calls.parse()?).await
        }
        ["serve-with-threads", threads] => load::serve_with_threads(threads.parse()?),
        _ => Err("say `serve FRAMED_ADDRESS HTTP_ADDRESS` or `call framed|http TARGET binary|old|compact`, or see the source".into()),
    }
}

async fn serve(framed: &str, http: &str) -> Result<(), Box<dyn Error>> {
    let settings = ServerSettings::default();
    let shutdown = Shutdown::new();
    let framed = Listener::bind(&[framed.parse()?], settings.limits(), shutdown.clone())?;
    let http = Listener::bind(&[http.parse()?], settings.limits(), shutdown)?;
    println!("thrift://{}\nhttp://{}", framed.addresses()[0], http.addresses()[0]);
    let server = Server::new(Processor::inline(ProbeSyncProcessor::new(Service::default())), settings);
    tokio::join!(server.serve_framed(framed), server.serve_http(http));
    Ok(())
}

async fn call(transport: &str, target: &str, encoding: &str) -> Result<(), Box<dyn Error>> {
    let encoding = match encoding {
        "binary" => Encoding::Binary,
        "old" => Encoding::OldBinary,
        "compact" => Encoding::Compact,
        other => return Err(format!("{other} is no encoding").into()),
    };
    let settings = ClientSettings { encoding, ..ClientSettings::default() };
    let client = match transport {
        "framed" => Client::framed(target, settings),
        "http" => Client::http(target.parse()?, settings),
        other => return Err(format!("{other} is no transport").into()),
    };
    calls::check(&client).await?;
    println!("all answers are right");
    Ok(())
}
