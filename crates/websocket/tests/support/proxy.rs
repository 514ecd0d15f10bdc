//! A small HTTP proxy that knows `CONNECT` alone.

use std::net::SocketAddr;

use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::by_hand::read_head;

/// What the proxy says to a request.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Opens the tunnel, after this head.
    Tunnel(&'static str),
    /// Says this and hangs up.
    Refuse(Vec<u8>),
}

/// A running proxy, and the heads of the requests that it got.
pub(crate) struct TestProxy {
    pub(crate) address: SocketAddr,
    pub(crate) requests: mpsc::UnboundedReceiver<String>,
}

impl TestProxy {
    pub(crate) async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (sender, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, answer.clone(), sender.clone()));
            }
        });
        Self { address, requests }
    }
}

async fn serve(mut client: TcpStream, answer: Answer, requests: mpsc::UnboundedSender<String>) {
    let Some(head) = read_head(&mut client).await else { return };
    let server = head.split(' ').nth(1).expect("a target").replace("localhost", "127.0.0.1");
    let _ = requests.send(head);
    match answer {
        Answer::Tunnel(head) => {
            let mut server = TcpStream::connect(server).await.expect("the server");
            client.write_all(head.as_bytes()).await.expect("written");
            // Whichever side ends it, it is over.
            let _ = copy_bidirectional(&mut client, &mut server).await;
        }
        Answer::Refuse(bytes) => {
            // The client may have had enough before the end.
            let _ = client.write_all(&bytes).await;
        }
    }
}
