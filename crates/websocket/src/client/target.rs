//! The parts of a WebSocket URL (RFC 6455 §3).

use http::Uri;

use super::ConnectError;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) secure: bool,
    /// Name or address, an IPv6 one without its brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// What `Host` says: the port only if it is not the default one.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: String,
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, ConnectError> {
        let invalid = || ConnectError::InvalidUrl(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| invalid())?;
        let secure = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err(invalid()),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(invalid)?;
        // A user name would be dropped in silence; a fragment is not allowed at all.
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) || url.contains('#') {
            return Err(invalid());
        }
        let default_port = if secure { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(default_port);
        let authority = if port == default_port { host.to_owned() } else { format!("{host}:{port}") };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            secure,
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            authority,
            path: format!("{slash}{path}"),
        })
    }
}

/// As they stand in a request for a tunnel, the port always with them (RFC 9110 §9.3.6).
pub(super) fn host_and_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_urls_apart() {
        let target = Target::parse("ws://example.com/chat?a=b").expect("valid");
        assert_eq!(
            target,
            Target {
                secure: false,
                host: "example.com".into(),
                port: 80,
                authority: "example.com".into(),
                path: "/chat?a=b".into(),
            }
        );
        let target = Target::parse("wss://[::1]:8443").expect("valid");
        assert_eq!((target.host.as_str(), target.port), ("::1", 8443));
        assert_eq!(target.authority, "[::1]:8443");
        assert_eq!((target.secure, target.path.as_str()), (true, "/"));
        let target = Target::parse("ws://h?q").expect("valid");
        assert_eq!(target.path, "/?q");
    }

    #[test]
    fn refuses_other_urls() {
        for url in ["", "/", "example.com", "http://example.com", "ws://", "ws://a@b/", "ws://a/#x", "ws://a b/"] {
            assert!(matches!(Target::parse(url), Err(ConnectError::InvalidUrl(_))), "{url:?}");
        }
    }
}
