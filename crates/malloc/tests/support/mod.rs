//! What tests have in common.

pub(crate) mod pprof;
