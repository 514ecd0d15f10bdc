//! Which web pages may use the server: the origin allow-list, and CORS.
//!
//! A browser tells the origin of the page (RFC 6454) with every WebSocket handshake and every
//! request to another origin. For a WebSocket that header is all there is to keep a foreign page
//! from using its visitor's access, so the list is checked for each transport alike. Who sends no
//! origin is no browser, and passes: anybody but a browser could send any origin.
//!
//! Functions over headers, so that every transport and API can use them. For CORS see the Fetch
//! standard, section 3.2 "CORS protocol".

use std::fmt;

use http::HeaderMap;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST, HeaderValue, ORIGIN,
    VARY,
};

/// For how many seconds a browser may keep the answer to a preflight request. Two hours is the
/// longest that Chromium keeps one.
pub const PREFLIGHT_MAX_AGE: u32 = 7200;

const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, DELETE, OPTIONS");
const ALLOWED_HEADERS: HeaderValue =
    HeaderValue::from_static("Authorization, Cache-Control, Content-Type, Last-Event-ID, X-Beacon-Secret-Key");

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Any,
    /// The origin that sandboxed pages and local files have.
    Null,
    Exact(Site),
    /// Any subdomain of the site's host, and not the host itself.
    Subdomains(Site),
}

/// An origin in its normal form: lower case, and without the scheme's own port.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Site {
    scheme: String,
    host: String,
    port: Option<u16>,
}

/// Why an entry of the list is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginError {
    entry: String,
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not an origin: write https://example.com, https://*.example.com, http://localhost:3000, null or *",
            self.entry
        )
    }
}

impl std::error::Error for OriginError {}

/// What the server makes of a request's origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The request names no origin: no browser, or a page of this server's own.
    NoOrigin,
    /// The page may use the server.
    Allowed {
        /// The origin as the browser sent it.
        origin: &'a HeaderValue,
        /// Whether the origin is known by name, and not just because everyone is allowed.
        /// Requests that carry what the browser keeps for the server (cookies of a proxy in
        /// front, for one) are allowed only then.
        by_name: bool,
    },
    /// The page may not: answer 403.
    Refused,
}

impl Verdict<'_> {
    /// Whether the request may go on.
    #[must_use]
    pub const fn permits(self) -> bool {
        !matches!(self, Self::Refused)
    }
}

/// The origins whose pages may use the server. The server's own origin always may; the default
/// list has no other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<Entry>);

impl AllowedOrigins {
    /// Reads the list. An entry is an origin (`https://example.com`, `http://localhost:3000`), an
    /// origin with `*.` for any subdomain at any depth (`https://*.example.com`, which does not
    /// stand for `https://example.com`), `null` for pages without an origin of their own, or `*`
    /// for every page.
    ///
    /// # Errors
    /// [`OriginError`] for the first entry that is none of these.
    pub fn parse<I>(entries: I) -> Result<Self, OriginError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        entries.into_iter().map(|entry| parse_entry(entry.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// A list that allows every page.
    #[must_use]
    pub fn any() -> Self {
        Self(vec![Entry::Any])
    }

    /// Judges the origin of a request. `authority` is the host that the request's target names,
    /// as HTTP/2 requests do; without one, the `Host` header counts.
    #[must_use]
    pub fn judge<'a>(&self, headers: &'a HeaderMap, authority: Option<&str>) -> Verdict<'a> {
        let mut values = headers.get_all(ORIGIN).iter();
        let Some(origin) = values.next() else { return Verdict::NoOrigin };
        if values.next().is_some() {
            return Verdict::Refused;
        }
        let Ok(text) = origin.to_str() else { return Verdict::Refused };
        let site = Site::parse(text);
        let host = authority.or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()));
        let by_name = site.as_ref().is_some_and(|site| {
            host.is_some_and(|host| site.is_at(host)) || self.0.iter().any(|entry| entry.names(site))
        });
        let allowed = by_name || self.0.contains(&Entry::Any) || (text == "null" && self.0.contains(&Entry::Null));
        if allowed { Verdict::Allowed { origin, by_name } } else { Verdict::Refused }
    }
}

impl Entry {
    fn names(&self, site: &Site) -> bool {
        match self {
            Self::Any | Self::Null => false,
            Self::Exact(exact) => exact == site,
            Self::Subdomains(parent) => {
                parent.scheme == site.scheme
                    && parent.port == site.port
                    && site
                        .host
                        .strip_suffix(parent.host.as_str())
                        .and_then(|rest| rest.strip_suffix('.'))
                        .is_some_and(|subdomain| !subdomain.is_empty())
            }
        }
    }
}

impl Site {
    /// An origin and nothing more: no path, no user, no wildcard.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
            return None;
        }
        let (host, port) = host_and_port(authority)?;
        let port = port.filter(|port| Some(*port) != default_port(&scheme));
        Some(Self { scheme, host, port })
    }

    /// Whether this is the origin of pages served at `host`, a host with or without a port. The
    /// scheme is not compared: behind a proxy that does TLS, the server does not know its own.
    fn is_at(&self, host: &str) -> bool {
        host_and_port(host).is_some_and(|(host, port)| {
            self.host == host && self.port == port.filter(|port| Some(*port) != default_port(&self.scheme))
        })
    }
}

fn parse_entry(text: &str) -> Result<Entry, OriginError> {
    match text {
        "*" => return Ok(Entry::Any),
        "null" => return Ok(Entry::Null),
        _ => {}
    }
    let entry = match text.split_once("://*.") {
        Some((scheme, rest)) => Site::parse(&format!("{scheme}://{rest}")).map(Entry::Subdomains),
        None => Site::parse(text).map(Entry::Exact),
    };
    entry.ok_or_else(|| OriginError { entry: text.to_owned() })
}

fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    // In an IPv6 address the colons inside the brackets are not the port's.
    let after_host = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match authority[after_host..].find(':') {
        Some(colon) => {
            let port = &authority[after_host + colon + 1..];
            if !port.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            (&authority[..after_host + colon], Some(port.parse().ok()?))
        }
        None => (authority, None),
    };
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let valid = match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    };
    valid.then(|| (host.to_ascii_lowercase(), port))
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

/// Adds to a response what a browser needs to hand it to the page. To be called for refused
/// origins too, and for requests without one: a cache has to know that the answer depends on the
/// origin.
pub fn add_cors_headers(response: &mut HeaderMap, verdict: Verdict<'_>) {
    response.append(VARY, HeaderValue::from_static("Origin"));
    if let Verdict::Allowed { origin, by_name } = verdict {
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if by_name {
            response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}

/// Whether the headers of an OPTIONS request make it a CORS preflight.
#[must_use]
pub fn is_preflight(request: &HeaderMap) -> bool {
    request.contains_key(ORIGIN) && request.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The headers of the answer to a preflight request, which is otherwise an empty 204. For a
/// refused origin they allow nothing.
#[must_use]
pub fn preflight_headers(verdict: Verdict<'_>) -> HeaderMap {
    let mut response = HeaderMap::new();
    add_cors_headers(&mut response, verdict);
    if let Verdict::Allowed { .. } = verdict {
        response.insert(ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
        response.insert(ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
        response.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(PREFLIGHT_MAX_AGE));
    }
    response
}

#[cfg(test)]
mod tests;
