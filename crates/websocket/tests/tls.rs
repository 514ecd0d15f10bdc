//! `wss://`: the client over TLS, straight and through a proxy.

#![cfg(feature = "tls")]

mod support;

use std::sync::Arc;

use planet_websocket::CloseCode;
use planet_websocket::client::{ConnectError, ConnectOptions, Proxy, connect};
use support::by_hand::accept_by_hand;
use support::proxy::{Answer, TestProxy};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

/// A server that accepts TLS, answers the handshake by hand, and echoes one message.
async fn serve_one(listener: TcpListener, acceptor: TlsAcceptor) {
    let (tcp, _) = listener.accept().await.expect("a client");
    let Ok(tls) = acceptor.accept(tcp).await else {
        return;
    };
    let (_, mut socket) = accept_by_hand(tls).await;
    let message = socket.recv().await.expect("a message").expect("a message");
    socket.send(message).await.expect("sent");
    while socket.recv().await.expect("a clean end").is_some() {}
}

#[tokio::test]
async fn a_client_speaks_tls_and_checks_the_certificate() {
    let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let certificate = issued.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(issued.signing_key.serialize_der()));
    let server_config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a matching key");
    let acceptor = TlsAcceptor::from(Arc::new(server_config));
    let mut trusted = RootCertStore::empty();
    trusted.add(certificate).expect("a valid certificate");

    let mut proxy = TestProxy::start(Answer::Tunnel("HTTP/1.1 200 OK\r\n\r\n")).await;
    for (roots, trusts, proxied) in
        [(trusted.clone(), true, false), (trusted, true, true), (RootCertStore::empty(), false, false)]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let server = tokio::spawn(serve_one(listener, acceptor.clone()));
        let client_config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let mut options = ConnectOptions::new(format!("wss://localhost:{port}/"));
        options.tls = Some(Arc::new(client_config));
        options.proxy = proxied.then(|| Proxy::new(&format!("http://{}", proxy.address)).expect("a proxy"));
        match connect(&options).await {
            Ok(connected) => {
                assert!(trusts, "an unknown certificate was taken");
                let mut socket = connected.socket;
                socket.send("over TLS").await.expect("sent");
                let message = socket.recv().await.expect("an echo");
                assert_eq!(message, Some("over TLS".into()));
                socket.close(CloseCode::NORMAL, "").await.expect("closed");
            }
            Err(ConnectError::Tls { .. }) => assert!(!trusts, "a good certificate was refused"),
            Err(other) => panic!("{other}"),
        }
        server.await.expect("the server ends");
        if proxied {
            let request = proxy.requests.recv().await.expect("a request");
            assert_eq!(request, format!("CONNECT localhost:{port} HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n"));
        }
    }
}
