//! How many sessions each address has, where its accepted connections do not tell: behind trusted proxies, over HTTP/2,
//! and between the requests of a long poll.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use planet_net::admission::address_key;

use crate::orbit::give_back;

/// Sessions by address; an IPv6 address counts as its /64 network.
#[derive(Debug, Default)]
pub(crate) struct Addresses(Mutex<HashMap<IpAddr, usize>>);

/// One session of an address, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct AddressGuard {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Addresses {
    /// Counts one more, unless the address has `limit` already.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr, limit: usize) -> Option<AddressGuard> {
        let address = address_key(address);
        let mut counts = self.lock();
        let count = counts.entry(address).or_insert(0);
        if *count >= limit {
            if *count == 0 {
                counts.remove(&address);
            }
            return None;
        }
        *count += 1;
        Some(AddressGuard { addresses: self.clone(), address })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressGuard {
    fn drop(&mut self) {
        let mut counts = self.addresses.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
                give_back(&mut counts);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_and_then_some_again() {
        let addresses = Arc::new(Addresses::default());
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = addresses.admit(one, 2);
        let _second = addresses.admit(one, 2);
        assert!(first.is_some() && addresses.admit(one, 2).is_none());
        assert!(addresses.admit(other, 2).is_some());
        drop(first);
        assert!(addresses.admit(one, 2).is_some());
        assert!(addresses.admit(other, 0).is_none());
        assert_eq!(addresses.lock().len(), 1, "only the one that is held");
    }
}
