//! TLS through the public face: both versions of HTTP, and certificates that change.

mod common;

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use common::{read_response, read_to_end, start, start_with, until};
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use planet_net::meter::Registry;
use planet_net::{Certificates, Limits, Shutdown};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Writes a new certificate and key and returns the certificate.
fn write_pair(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

fn load(folder: &Path) -> Certificates {
    Certificates::load(folder.join("cert.pem"), folder.join("key.pem")).unwrap()
}

async fn connect(
    tcp: TcpStream,
    trusted: &CertificateDer<'static>,
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

#[tokio::test]
async fn alpn_chooses_the_version_of_http() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = write_pair(folder.path());
    let running = start(Limits::default(), Some(load(folder.path())));

    for alpn in [&[][..], &["http/1.1"]] {
        let mut client = connect(running.connect().await, &certificate, alpn).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let response = read_response(&mut client).await;
        assert!(response.contains("HTTP/1.1 tls=true 127.0.0.1:"), "{response}");
    }

    let client = connect(running.connect().await, &certificate, &["h2", "http/1.1"]).await.unwrap();
    let (mut requests, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(client)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://localhost/").body(Empty::<Bytes>::new()).unwrap();
    let body = requests.send_request(request).await.unwrap().into_body();
    let text = body.collect().await.unwrap().to_bytes();
    assert!(text.starts_with(b"HTTP/2.0 tls=true 127.0.0.1:"), "{text:?}");
}

#[tokio::test]
async fn a_changed_certificate_is_used_and_open_connections_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let first = write_pair(folder.path());
    let certificates = load(folder.path());
    let running = start(Limits::default(), Some(certificates.clone()));
    let watching = Shutdown::new();
    tokio::spawn(certificates.watch(Duration::from_millis(10), watching.clone()));
    let mut open = connect(running.connect().await, &first, &[]).await.unwrap();

    let second = write_pair(folder.path());
    while connect(running.connect().await, &second, &[]).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(connect(running.connect().await, &first, &[]).await.is_err());
    open.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    assert!(read_response(&mut open).await.starts_with("HTTP/1.1 200"));
    watching.begin(Duration::ZERO);
}

#[tokio::test]
async fn a_handshake_that_fails_or_never_ends_costs_only_its_connection() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = write_pair(folder.path());
    let limits = Limits { handshake_timeout: Duration::from_millis(200), ..Limits::default() };
    let running = start(limits, Some(load(folder.path())));
    let mut silent = running.connect().await;
    let mut plain = running.connect().await;
    plain.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut alert = [0; 64];
    let _ = tokio::io::AsyncReadExt::read(&mut plain, &mut alert).await;
    assert_eq!(read_to_end(&mut silent).await, "");
    until(|| running.admission.traffic().handshake_failures() == 2).await;
    assert!(connect(running.connect().await, &certificate, &[]).await.is_ok());
}

#[tokio::test]
async fn bytes_are_counted_as_they_are_inside_tls() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = write_pair(folder.path());
    let apps = Arc::new(Registry::new(["app"], 10));
    let certificates = load(folder.path());
    let running = start_with(Limits::default(), Some(apps.clone()), |server| {
        server.with_tls(certificates).with_meter(apps.meter([""]))
    });
    let mut client = connect(running.connect().await, &certificate, &[]).await.unwrap();
    let request = "GET /for/chat HTTP/1.1\r\nhost: localhost\r\n\r\n";
    client.write_all(request.as_bytes()).await.unwrap();
    let response = read_response(&mut client).await;
    client.shutdown().await.unwrap();
    until(|| running.admission.connections() == 0).await;
    let shown = apps.meter(["chat"]).snapshot();
    assert_eq!((shown.bytes_in, shown.bytes_out), (request.len() as u64, response.len() as u64));
    assert_eq!((apps.total().bytes_in, apps.total().bytes_out), (shown.bytes_in, shown.bytes_out));
}
