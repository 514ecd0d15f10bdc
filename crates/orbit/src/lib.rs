//! orbit

pub mod access;
pub mod name;
pub mod protocol;
pub mod token;
