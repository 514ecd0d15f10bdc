//! As many file descriptors as there are connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::BenchError;

/// What a bench opens besides one descriptor for each client: the runtime's own, the publisher's, files in `/proc`.
const OTHERS: u64 = 64;

/// Raises the limit of this process to what `clients` need.
pub(crate) fn provide(clients: usize) -> Result<(), BenchError> {
    let needed = clients as u64 + OTHERS;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if let Some(limit) = maximum.filter(|maximum| *maximum < needed) {
        return Err(BenchError::Descriptors { needed, limit });
    }
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).map_err(|error| BenchError::System(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_when_there_are_not_enough() {
        assert!(provide(1).is_ok());
        let Some(maximum) = getrlimit(Resource::Nofile).maximum else { return };
        let refused = provide(maximum as usize);
        assert!(matches!(refused, Err(BenchError::Descriptors { limit, .. }) if limit == maximum));
    }
}
