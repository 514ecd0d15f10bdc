//! orbit

pub mod access;
pub mod name;
pub mod origin;
pub mod protocol;
pub mod token;
