//! The limit that Planet is measured against: takes sockets, and writes each message to all of them with one write each,
//! in a plain loop. No handshake, no sessions, no queues, no history, nothing else.
//!
//! A connection begins with one byte: `S` for one that wants frames, `P` for one that brings messages, a line each.
//! `planet bench --transport bare --url …` drives it with the same load that it puts on Planet.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use planet_websocket::{Role, frame};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("the bare writer is at tcp://{}", listener.local_addr()?);
    let mut subscribers = Vec::new();
    loop {
        let (mut connection, _) = listener.accept()?;
        connection.set_nodelay(true)?;
        let mut role = [0];
        connection.read_exact(&mut role)?;
        match &role {
            b"S" => {
                connection.write_all(&frame::text(Role::Server, r#"{"id":2,"subscribe":{}}"#))?;
                subscribers.push(connection);
            }
            b"P" => {
                write_all_of(connection, &mut subscribers)?;
                subscribers.clear();
            }
            _ => eprintln!("a connection began with neither S nor P"),
        }
    }
}

/// Writes what the publisher brings, until it goes.
fn write_all_of(publisher: TcpStream, subscribers: &mut Vec<TcpStream>) -> io::Result<()> {
    let mut offset = 0;
    for message in BufReader::new(publisher).lines() {
        offset += 1;
        let json = format!(r#"{{"push":{{"channel":"bench","pub":{{"data":{},"offset":{offset}}}}}}}"#, message?);
        let frame = frame::text(Role::Server, &json);
        subscribers.retain_mut(|subscriber| match subscriber.write(&frame) {
            Ok(written) if written == frame.len() => true,
            Ok(written) => {
                eprintln!("a subscriber took {written} of {} bytes and is dropped", frame.len());
                false
            }
            Err(error) => {
                eprintln!("a subscriber is gone: {error}");
                false
            }
        });
    }
    Ok(())
}
