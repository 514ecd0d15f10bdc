//! HTTP proxies, which open a tunnel for `CONNECT` (RFC 9110 §9.3.6).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderValue, Uri};
use tokio::io::{AsyncRead, AsyncWrite};

use super::target::{Target, host_and_port};
use super::{ConnectError, http1};

/// A proxy to connect through, for `ws://` and `wss://` alike.
///
/// The proxy looks the server's name up. With `wss://` it sees no more than that name; with `ws://` it could read all.
///
/// ```
/// use planet_websocket::client::{ConnectOptions, Proxy};
///
/// let mut options = ConnectOptions::new("wss://example.com/chat");
/// options.proxy = Some(Proxy::new("http://proxy.example.com:3128")?.with_basic_auth("me", "secret")?);
/// # Ok::<(), planet_websocket::client::ConnectError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
    /// Marked as sensitive, so that it is not printed.
    authorization: Option<HeaderValue>,
}

impl Proxy {
    /// The proxy at `http://host[:port]`, on port 80 by default.
    ///
    /// # Errors
    /// [`ConnectError::InvalidProxy`] for every other URL, one with a user name in it too: see
    /// [`Self::with_basic_auth`].
    pub fn new(url: &str) -> Result<Self, ConnectError> {
        let invalid = || ConnectError::InvalidProxy(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| invalid())?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(invalid)?;
        let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none() && !url.contains('#');
        if uri.scheme_str() != Some("http") || authority.host().is_empty() || !is_bare {
            return Err(invalid());
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        Ok(Self { host, port: authority.port_u16().unwrap_or(80), authorization: None })
    }

    /// Shows the proxy these credentials (Basic, RFC 7617).
    ///
    /// # Errors
    /// [`ConnectError::InvalidHeader`] if the user name has a colon, which would end it.
    pub fn with_basic_auth(mut self, user: &str, password: &str) -> Result<Self, ConnectError> {
        if user.contains(':') {
            return Err(ConnectError::InvalidHeader);
        }
        let credentials = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let mut value = HeaderValue::from_str(&credentials).map_err(|_| ConnectError::InvalidHeader)?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        Ok(self)
    }

    /// Host and port.
    pub(super) fn authority(&self) -> String {
        host_and_port(&self.host, self.port)
    }

    /// Has the proxy connect `stream` to `target`.
    pub(super) async fn open_tunnel<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        target: &Target,
    ) -> Result<(), ConnectError> {
        let server = host_and_port(&target.host, target.port);
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(&server).map_err(|_| ConnectError::InvalidHeader)?);
        if let Some(authorization) = &self.authorization {
            headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        http1::write_request(stream, &format!("CONNECT {server}"), &headers).await?;
        let (head, rest) = http1::read_response(stream, 0).await?;
        // Neither a WebSocket server nor a TLS one speaks first, so that what follows a good answer is the proxy's.
        if !head.status.is_success() || !rest.is_empty() {
            return Err(ConnectError::Proxy { proxy: self.authority(), status: head.status, reason: head.reason });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_url_of_a_proxy_and_no_other() {
        let proxy = Proxy::new("http://[::1]:3128/").expect("valid");
        assert_eq!((proxy.host.as_str(), proxy.authority().as_str()), ("::1", "[::1]:3128"));
        assert_eq!(Proxy::new("http://proxy").expect("valid").authority(), "proxy:80");
        for url in ["", "proxy:80", "https://proxy", "http://a:b@proxy", "http://proxy/x", "http://proxy/?q", "http://"]
        {
            assert!(matches!(Proxy::new(url), Err(ConnectError::InvalidProxy(_))), "{url:?}");
        }
    }

    #[test]
    fn credentials_are_shown_to_the_proxy_alone() {
        let proxy =
            Proxy::new("http://proxy").expect("valid").with_basic_auth("Aladdin", "open sesame").expect("valid");
        // The example of RFC 7617 §2.
        assert_eq!(proxy.authorization.as_ref().expect("some"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!format!("{proxy:?}").contains("QWxhZGRpbj"));
        let colon = Proxy::new("http://proxy").expect("valid").with_basic_auth("a:b", "");
        assert!(matches!(colon, Err(ConnectError::InvalidHeader)));
    }
}
