//! As many file descriptors as the system allows: each connection needs one.

/// Raises the soft limit of the process to its hard limit, and logs when that fails.
pub fn raise_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current == maximum {
            return;
        }
        if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
            tracing::warn!(%error, "the limit of open files stays as it was: raise it with `ulimit -n`");
        }
    }
}
