//! The address of the client when reverse proxies stand in between.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};

use crate::Networks;

/// `X-Forwarded-For`: a comma-separated list of addresses to which every proxy appends the
/// address it was called from. Several header lines are one list, in order.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Whom a request comes from.
///
/// `X-Forwarded-For` is believed only as far as it was written by `trusted` proxies: when the
/// peer is one, the list is read from its right end, and the first address that is no trusted
/// proxy is the client. What stands left of it was sent by that client and proves nothing. An
/// entry that is no address (`unknown`, for example) ends the walk at the last address that is
/// certain.
///
/// ```
/// use http::HeaderMap;
/// use planet_net::{Networks, client_address};
///
/// let trusted = Networks::parse(["10.0.0.0/8"]).unwrap();
/// let mut headers = HeaderMap::new();
/// headers.insert("x-forwarded-for", "6.6.6.6, 192.0.2.1, 10.0.0.9".parse().unwrap());
/// let client = client_address(&headers, "10.0.0.1".parse().unwrap(), &trusted);
/// assert_eq!(client.to_string(), "192.0.2.1");
/// ```
pub fn client_address(headers: &HeaderMap, peer: IpAddr, trusted: &Networks) -> IpAddr {
    let mut client = peer.to_canonical();
    if !trusted.contains(client) {
        return client;
    }
    let lines: Vec<_> = headers.get_all(X_FORWARDED_FOR).iter().collect();
    for line in lines.into_iter().rev() {
        let Ok(line) = line.to_str() else { return client };
        for entry in line.rsplit(',') {
            let Some(address) = parse_entry(entry.trim()) else { return client };
            client = address.to_canonical();
            if !trusted.contains(client) {
                return client;
            }
        }
    }
    client
}

/// Some proxies add the port, and some put IPv6 addresses into brackets.
fn parse_entry(entry: &str) -> Option<IpAddr> {
    entry
        .parse()
        .ok()
        .or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_the_rightmost_address_that_is_not_trusted() {
        let trusted = Networks::parse(["10.0.0.0/8", "fd00::/8"]).unwrap();
        let table: &[(&str, &[&str], &str)] = &[
            ("192.0.2.9", &["1.1.1.1"], "192.0.2.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", &["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", &["6.6.6.6, 192.0.2.1, 10.0.0.2"], "192.0.2.1"),
            ("10.0.0.1", &["6.6.6.6", "192.0.2.1", "10.0.0.2,10.0.0.3"], "192.0.2.1"),
            ("10.0.0.1", &["10.0.0.7, 10.0.0.8"], "10.0.0.7"),
            ("10.0.0.1", &["192.0.2.1:4711"], "192.0.2.1"),
            ("10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &["2001:db8::1"], "2001:db8::1"),
            ("10.0.0.1", &["192.0.2.1, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["192.0.2.1, "], "10.0.0.1"),
            ("::ffff:10.0.0.1", &["::ffff:192.0.2.1"], "192.0.2.1"),
            ("fd00::1", &["192.0.2.1"], "192.0.2.1"),
        ];
        for (peer, lines, expected) in table {
            let mut headers = HeaderMap::new();
            for line in *lines {
                headers.append(X_FORWARDED_FOR, line.parse().unwrap());
            }
            let client = client_address(&headers, peer.parse().unwrap(), &trusted);
            assert_eq!(client.to_string(), *expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn without_trusted_networks_the_header_means_nothing() {
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, "192.0.2.1".parse().unwrap());
        let peer = "127.0.0.1".parse().unwrap();
        assert_eq!(client_address(&headers, peer, &Networks::none()), peer);
    }
}
