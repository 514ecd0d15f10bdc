//! The server under test: its address, and the paths of an app.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::Uri;

use crate::error::BenchError;

/// Connections from one address to one port: there are 28,232 ephemeral ports by default, and some are in use.
const PER_SOURCE: usize = 25_000;

/// Where the server is.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Host and port as they stand in `Host`.
    pub(crate) authority: String,
    pub(crate) address: SocketAddr,
    /// In front of the transports' paths: empty for the default app.
    app_prefix: String,
}

impl Target {
    /// Takes the URL apart and looks its host up.
    pub(crate) async fn find(url: &str, api_key: Option<&str>) -> Result<Self, BenchError> {
        let (authority, host, port) = parse(url)?;
        let addresses = tokio::net::lookup_host((host.as_str(), port)).await;
        let address = addresses
            .and_then(|mut found| found.next().ok_or(std::io::ErrorKind::NotFound.into()))
            .map_err(|error| BenchError::Resolve { host, error })?;
        let app_prefix = api_key.map_or_else(String::new, |key| format!("/app/{key}"));
        Ok(Self { authority, address, app_prefix })
    }

    /// A path of the app, as in `/connection/sse`.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.app_prefix)
    }

    /// The address that a client connects from; `None` leaves it to the system.
    pub(crate) fn source(&self, client: usize) -> Option<IpAddr> {
        let loopback = self.address.is_ipv4() && self.address.ip().is_loopback();
        let host = u32::try_from(client / PER_SOURCE).ok().filter(|host| loopback && *host > 0)?;
        Some(Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + host).into())
    }

    /// Whether the server runs on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.address.ip().is_loopback()
    }
}

/// Authority, host and port.
fn parse(url: &str) -> Result<(String, String, u16), BenchError> {
    let wrong = |problem| BenchError::Url { url: url.to_owned(), problem };
    let uri: Uri = url.parse().map_err(|_| wrong("this is no URL"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => return Err(wrong("TLS is not supported; give the address of a port without it")),
        _ => return Err(wrong("it has to begin with http://")),
    }
    let authority = uri.authority().ok_or_else(|| wrong("the host is missing"))?;
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return Err(wrong("only scheme, host and port are wanted; --api-key chooses the app"));
    }
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    Ok((authority.to_string(), host, authority.port_u16().unwrap_or(80)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_urls_apart() {
        let parts = |url: &str| parse(url).expect(url);
        assert_eq!(parts("http://127.0.0.1:8000"), ("127.0.0.1:8000".into(), "127.0.0.1".into(), 8000));
        assert_eq!(parts("http://[::1]:81/"), ("[::1]:81".into(), "::1".into(), 81));
        assert_eq!(parts("http://example.org"), ("example.org".into(), "example.org".into(), 80));
        for wrong in ["127.0.0.1:8000", "ws://127.0.0.1", "https://example.org", "http://h/path", "http://h/?q", ""] {
            assert!(matches!(parse(wrong), Err(BenchError::Url { .. })), "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn many_clients_come_from_many_addresses_of_the_loopback_network() {
        let target = Target::find("http://127.0.0.1:1", Some("app_key")).await.expect("a literal address");
        assert_eq!(target.path("/sse"), "/app/app_key/sse");
        assert_eq!(target.source(0), None);
        assert_eq!(target.source(PER_SOURCE), Some(Ipv4Addr::new(127, 0, 0, 2).into()));
        assert_eq!(target.source(3 * PER_SOURCE), Some(Ipv4Addr::new(127, 0, 0, 4).into()));
    }
}
