//! How many connections may be open: in all, and from one address.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{Limits, Shutdown, Traffic, shutdown::ShutdownGuard};

/// Counts the open connections of a server and refuses the one too many.
#[derive(Debug)]
pub struct Admission {
    limits: Limits,
    shutdown: Shutdown,
    traffic: Arc<Traffic>,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, u32>,
}

/// Why a connection was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// [`Limits::connections`] are open.
    Total,
    /// [`Limits::connections_per_address`] are open from this address.
    Address,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Total => "too many connections are open",
            Self::Address => "too many connections are open from this address",
        })
    }
}

impl std::error::Error for Refused {}

/// Keeps a connection among the open ones: until its last clone is dropped it counts against the
/// limits, and [`Shutdown::drained`] waits for it.
///
/// A clone is one pointer. A connection costs one allocation of 48 bytes for it.
#[derive(Clone, Debug)]
pub struct ConnectionGuard(Arc<Admitted>);

#[derive(Debug)]
struct Admitted {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
    _shutdown: ShutdownGuard,
}

impl Admission {
    /// Nothing is open yet.
    pub fn new(limits: Limits, shutdown: Shutdown) -> Arc<Self> {
        Arc::new(Self { limits, shutdown, traffic: Arc::default(), open: Mutex::default() })
    }

    /// Counts a connection from this address.
    ///
    /// # Errors
    ///
    /// Says which limit has been reached. The refusal is counted in [`Traffic`].
    pub fn admit(self: &Arc<Self>, peer: IpAddr) -> Result<ConnectionGuard, Refused> {
        let address = (!self.limits.unlimited_addresses.contains(peer)).then(|| address_key(peer));
        let mut open = self.open();
        if open.total >= self.limits.connections {
            self.traffic.count_refused_total();
            return Err(Refused::Total);
        }
        if let Some(address) = address {
            let count = open.by_address.entry(address).or_insert(0);
            if *count >= self.limits.connections_per_address {
                // A limit of none at all must not leave an entry behind for every refusal.
                if *count == 0 {
                    open.by_address.remove(&address);
                }
                self.traffic.count_refused_address();
                return Err(Refused::Address);
            }
            *count += 1;
        }
        open.total += 1;
        drop(open);
        self.traffic.count_accepted();
        Ok(ConnectionGuard(Arc::new(Admitted {
            admission: Arc::clone(self),
            address,
            _shutdown: self.shutdown.guard(),
        })))
    }

    /// Connections now open.
    pub fn connections(&self) -> usize {
        self.open().total
    }

    /// The limits that connections are held to.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The counters of the connections let in here.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// The shutdown that waits for the connections let in here.
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// The counts are plain numbers and stay right even if a holder of the lock panicked.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionGuard {
    /// The counters that bytes of this connection belong to.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.0.admission.traffic
    }

    /// The shutdown that waits for this connection.
    pub fn shutdown(&self) -> &Shutdown {
        &self.0.admission.shutdown
    }

    /// The limits of the server that this connection came in through.
    pub fn limits(&self) -> &Limits {
        &self.0.admission.limits
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.admission.open();
        open.total -= 1;
        let Some(address) = self.address else { return };
        if let Some(count) = open.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

/// What counts as one address: an IPv4 address, or the /64 of an IPv6 one, because that is what
/// a single subscriber line is given (RFC 6177).
pub fn address_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(connections: usize, connections_per_address: u32) -> Arc<Admission> {
        let limits = Limits { connections, connections_per_address, ..Limits::default() };
        Admission::new(limits, Shutdown::new())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_past_the_limit_of_an_address_is_refused_and_others_are_not() {
        let admission = admission(100, 2);
        let first = admission.admit(ip("192.0.2.1")).unwrap();
        let _second = admission.admit(ip("::ffff:192.0.2.1")).unwrap();
        assert_eq!(admission.admit(ip("192.0.2.1")).unwrap_err(), Refused::Address);
        let _other = admission.admit(ip("192.0.2.2")).unwrap();
        drop(first);
        let _third = admission.admit(ip("192.0.2.1")).unwrap();
        assert_eq!(admission.traffic().refused_address(), 1);
        assert_eq!(admission.traffic().accepted(), 4);
    }

    #[test]
    fn an_ipv6_network_of_64_bits_counts_as_one_address() {
        let admission = admission(100, 1);
        let _first = admission.admit(ip("2001:db8:0:1::1")).unwrap();
        assert_eq!(admission.admit(ip("2001:db8:0:1:ffff::2")).unwrap_err(), Refused::Address);
        let _other = admission.admit(ip("2001:db8:0:2::1")).unwrap();
    }

    #[test]
    fn one_past_the_limit_in_all_is_refused() {
        let admission = admission(2, 100);
        let _first = admission.admit(ip("127.0.0.1")).unwrap();
        let second = admission.admit(ip("192.0.2.1")).unwrap();
        let clone = second.clone();
        assert_eq!(admission.admit(ip("192.0.2.2")).unwrap_err(), Refused::Total);
        drop(second);
        assert_eq!(admission.connections(), 2);
        drop(clone);
        assert_eq!(admission.connections(), 1);
        assert!(admission.admit(ip("192.0.2.2")).is_ok());
        assert_eq!(admission.traffic().refused_total(), 1);
    }

    #[test]
    fn unlimited_addresses_count_only_in_all() {
        let admission = admission(100, 1);
        let guards: Vec<_> = (0..5).map(|_| admission.admit(ip("127.0.0.1")).unwrap()).collect();
        assert_eq!(admission.connections(), guards.len());
    }

    #[test]
    fn nothing_is_kept_for_addresses_without_connections() {
        let admission = admission(100, 0);
        assert!(admission.admit(ip("192.0.2.1")).is_err());
        assert!(admission.open().by_address.is_empty());
    }

    #[test]
    fn the_shutdown_waits_for_admitted_connections() {
        let admission = admission(100, 100);
        let guard = admission.admit(ip("192.0.2.1")).unwrap();
        assert_eq!(admission.shutdown().guards(), 1);
        drop(guard);
        assert_eq!(admission.shutdown().guards(), 0);
    }
}
