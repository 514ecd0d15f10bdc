//! Sets of IP networks, for telling one's own proxies from everybody else.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;

/// A set of IP networks, such as `10.0.0.0/8` or `2001:db8::/32`.
///
/// An IPv4 address that arrives on an IPv6 socket (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2)
/// counts as the IPv4 address that it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// A text is neither an IP address nor a network in CIDR notation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseNetworkError {
    text: String,
}

impl fmt::Display for ParseNetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a network: write an address such as 192.0.2.7 or a range such as 10.0.0.0/8", self.text)
    }
}

impl std::error::Error for ParseNetworkError {}

impl Networks {
    /// The empty set.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// `127.0.0.0/8` and `::1`.
    pub fn loopback() -> Self {
        Self::parse(["127.0.0.0/8", "::1"]).expect("both are valid networks")
    }

    /// Reads networks in CIDR notation (RFC 4632); a bare address is a network of one.
    ///
    /// # Errors
    ///
    /// Names the first text that is no network.
    pub fn parse<I>(texts: I) -> Result<Self, ParseNetworkError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        texts.into_iter().map(|text| parse_network(text.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the address lies in one of the networks.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether no address lies in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The union of both sets.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.0.extend_from_slice(&other.0);
        self
    }
}

fn parse_network(text: &str) -> Result<IpNet, ParseNetworkError> {
    IpNet::from_str(text)
        .or_else(|_| IpAddr::from_str(text).map(IpNet::from))
        .map_err(|_| ParseNetworkError { text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_lies_in_the_networks_that_span_it() {
        let networks = Networks::parse(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]).unwrap();
        for (address, expected) in [
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("::ffff:10.1.2.3", true),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(networks.contains(address.parse().unwrap()), expected, "{address}");
        }
        assert!(!Networks::none().contains("127.0.0.1".parse().unwrap()));
        assert!(Networks::loopback().contains("127.9.9.9".parse().unwrap()));
    }

    #[test]
    fn a_text_that_is_no_network_is_named() {
        for text in ["", "10.0.0.0/33", "10.0.0", "proxy.example", "::/129"] {
            let error = Networks::parse([text]).unwrap_err();
            assert!(error.to_string().starts_with(&format!("`{text}` is not a network")));
        }
    }
}
