//! Secrets, addresses, networks and origins, and how they are written.

use std::{fmt, net::SocketAddr, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::schema::{Kind, Setting};

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// An address to listen on, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Nothing is listened on.
    Off,
    /// An address and port.
    At(SocketAddr),
}

/// A network in CIDR notation, or one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network(String);

/// The origin of a web page (RFC 6454), or `*` for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOrigin(String);

impl Secret {
    /// Keeps a text from being shown.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that has to know it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Network {
    /// Its text, which [`planet_net::Networks::parse`] accepts.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PageOrigin {
    /// Its text, as in the `Origin` header of a request.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for every origin.
    pub fn is_any(&self) -> bool {
        self.0 == "*"
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            _ => text
                .parse()
                .map(Self::At)
                .map_err(|_| format!("`{text}` is neither `off` nor an address and port such as `127.0.0.1:6051`")),
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        planet_net::Networks::parse([text]).map_err(|error| error.to_string())?;
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for PageOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // `*.` before a host stands for its subdomains; for the form of the rest it does not matter.
        let plain = text.replacen("://*.", "://", 1);
        let is_origin = plain.split_once("://").is_some_and(|(scheme, authority)| {
            matches!(scheme, "http" | "https")
                && !authority.contains(['@', '*'])
                && authority.parse::<http::uri::Authority>().is_ok_and(|authority| !authority.host().is_empty())
        });
        if matches!(text, "*" | "null") || is_origin {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(format!("`{text}` is not an origin: write `https://` and a host such as `https://example.org`, or `*`"))
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PageOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads a value from a TOML string.
pub(crate) fn from_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(de::Error::custom)
}

macro_rules! written_as_text {
    ($($type:ty: $kind:expr;)*) => {$(
        impl Setting for $type {
            const KIND: Kind = $kind;
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

written_as_text! {
    Endpoint: Kind::text("address with port, or `off`");
    Network: Kind::text("network");
    PageOrigin: Kind::text("origin");
}

impl Setting for Vec<Network> {
    const KIND: Kind = Kind::list("list of networks");
}

impl Setting for Vec<PageOrigin> {
    const KIND: Kind = Kind::list("list of origins");
}

impl Setting for Secret {
    const KIND: Kind = Kind::secret("secret text");
}

/// Hidden here too, so that no way of printing settings can show it.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl<'de> Deserialize<'de> for PageOrigin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_a_scheme_and_a_host() {
        for text in
            ["*", "null", "https://*.example.org", "https://example.org", "http://localhost:8000", "http://127.0.0.1"]
        {
            assert_eq!(text.parse::<PageOrigin>().unwrap().as_str(), text);
        }
        for text in
            ["example.org", "https://", "https://example.org/", "ftp://example.org", "https://a@b", "https://a*b", ""]
        {
            assert!(text.parse::<PageOrigin>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("hush-hush");
        assert_eq!(format!("{secret:?}"), "Secret(hidden)");
        assert_eq!(secret.expose(), "hush-hush");
    }
}
