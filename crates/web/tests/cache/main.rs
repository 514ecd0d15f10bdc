//! The cache through its public face: a client, the cache, and an origin that counts what it is asked.

mod bounds;
mod model;
mod serving;
mod stale;
mod stampede;
mod streaming;
mod support;
