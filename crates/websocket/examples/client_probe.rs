//! Drives the client against servers of others: an echo client for Autobahn's cases, and round trips with a report.
//!
//! ```text
//! client_probe autobahn ws://127.0.0.1:9001 AGENT
//! client_probe echo ws://127.0.0.1:8080/ [--deflate] [--header 'NAME: VALUE'] [--subprotocol NAME] [--proxy URL]
//! ```
//!
//! `echo` sends texts and binary messages of sizes around the borders of the frame format, one message in fragments,
//! and a ping, and wants all of it back. Then it sends the text `close`: the server may close the connection by itself,
//! or echo it, and then the client closes. It prints what was agreed and how it ended, a fact a line, and fails when
//! anything came back otherwise.

use std::env;
use std::error::Error;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use planet_websocket::client::{ConnectOptions, Proxy, WebSocketClient, connect};
use planet_websocket::{CloseCode, DeflateOptions, Limits, Message};

/// The largest message that the Autobahn cases send.
const MESSAGE_BYTES: usize = 16 << 20;

/// Where the length takes another form (RFC 6455 §5.2), and what needs many reads.
const SIZES: [usize; 9] = [0, 1, 125, 126, 127, 65_535, 65_536, 65_537, 1 << 20];

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let mut arguments = env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("autobahn"), Some(server)) => {
            autobahn(server.trim_end_matches('/'), &arguments.next().unwrap_or_else(|| "planet".to_owned())).await
        }
        (Some("echo"), Some(url)) => echo(&echo_options(url, arguments)?).await,
        _ => Err("usage: client_probe autobahn|echo URL …".into()),
    }
}

fn options(url: String) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.socket.limits = Limits { frame_bytes: MESSAGE_BYTES, message_bytes: MESSAGE_BYTES, ..Limits::default() };
    options
}

/// Compresses every message: the cases take it for a mistake if one comes back uncompressed.
fn compression() -> DeflateOptions {
    DeflateOptions { threshold_bytes: 0, ..DeflateOptions::client() }
}

/// Runs every case that the fuzzing server has, and has it write its report.
async fn autobahn(server: &str, agent: &str) -> Outcome {
    let mut socket = connect(&options(format!("{server}/getCaseCount"))).await?.socket;
    let Some(Message::Text(count)) = socket.recv().await? else { return Err("no count of cases".into()) };
    while socket.recv().await?.is_some() {}
    for case in 1..=count.parse::<u32>()? {
        let mut options = options(format!("{server}/runCase?case={case}&agent={agent}"));
        options.deflate = Some(compression());
        let mut socket = connect(&options).await?.socket;
        // Half of the cases are about errors, which are the server's to judge.
        while let Ok(Some(message)) = socket.recv().await {
            if let Message::Text(_) | Message::Binary(_) = message
                && socket.send(message).await.is_err()
            {
                break;
            }
        }
    }
    let mut socket = connect(&options(format!("{server}/updateReports?agent={agent}"))).await?.socket;
    while let Ok(Some(_)) = socket.recv().await {}
    println!("{count} cases run");
    Ok(())
}

fn echo_options(url: String, mut arguments: impl Iterator<Item = String>) -> Outcome<ConnectOptions> {
    let mut options = options(url);
    while let Some(name) = arguments.next() {
        if name == "--deflate" {
            options.deflate = Some(compression());
            continue;
        }
        let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
        match name.as_str() {
            "--header" => {
                let (name, value) = value.split_once(": ").ok_or("a header is NAME: VALUE")?;
                options.headers.append(name.parse::<HeaderName>()?, value.parse::<HeaderValue>()?);
            }
            "--subprotocol" => options.subprotocols.push(value),
            "--proxy" => options.proxy = Some(Proxy::new(&value)?),
            _ => return Err(format!("there is no {name}").into()),
        }
    }
    Ok(options)
}

async fn echo(options: &ConnectOptions) -> Outcome {
    let connected = connect(options).await?;
    let mut socket = connected.socket;
    println!("compressed {}", socket.deflate().is_some());
    println!("subprotocol {}", connected.subprotocol.as_deref().unwrap_or("-"));
    for size in SIZES {
        // Two bytes a character, so that borders of frames fall into characters.
        let text = format!("{}{}", "x".repeat(size % 2), "ä".repeat(size / 2));
        expect_back(&mut socket, text.clone().into(), text.into()).await?;
        let bytes: Vec<u8> = (0..size).map(|at| (at * at % 251) as u8).collect();
        expect_back(&mut socket, Message::Binary(bytes.clone().into()), Message::Binary(bytes.into())).await?;
        println!("echoed {size}");
    }
    for (at, piece) in ["in ", "three ", "fragments"].into_iter().enumerate() {
        socket.send_frame(fragment(at == 0, at == 2, piece)).await?;
    }
    expect(&mut socket, "in three fragments".into()).await?;
    println!("echoed fragments");
    expect_back(&mut socket, Message::Ping("?".into()), Message::Pong("?".into())).await?;
    println!("ponged");
    socket.send("close").await?;
    loop {
        match socket.recv().await? {
            Some(Message::Ping(_)) => {}
            Some(Message::Close(close)) => {
                println!("closed by the server {}", close.map_or("-".to_owned(), |close| close.to_string()));
                while socket.recv().await?.is_some() {}
                return Ok(());
            }
            Some(message) if message == "close".into() => {
                socket.close(CloseCode::NORMAL, "done").await?;
                println!("closed by the client");
                return Ok(());
            }
            other => return Err(format!("no close but {other:?}").into()),
        }
    }
}

/// A piece of a text, with a mask that changes nothing.
fn fragment(first: bool, last: bool, piece: &str) -> Bytes {
    let head = [u8::from(last) << 7 | u8::from(first), 0x80 | piece.len() as u8, 0, 0, 0, 0];
    [&head[..], piece.as_bytes()].concat().into()
}

async fn expect_back(socket: &mut WebSocketClient, sent: Message, wanted: Message) -> Outcome {
    socket.send(sent).await?;
    expect(socket, wanted).await
}

/// Waits for a message, passing over the server's pings, which are answered.
async fn expect(socket: &mut WebSocketClient, wanted: Message) -> Outcome {
    loop {
        match socket.recv().await? {
            Some(Message::Ping(_)) => {}
            Some(message) if message == wanted => return Ok(()),
            other => return Err(format!("{} bytes sent, and {other:.200?} came back", size(&wanted)).into()),
        }
    }
}

fn size(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}
