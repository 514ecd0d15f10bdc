//! orbit

pub mod protocol;
