//! Behaviour through the public face.

#[path = "../../examples/probe/calls.rs"]
mod calls;
#[path = "../../examples/probe/probe.rs"]
#[allow(dead_code, unreachable_pub, clippy::all, reason = "generated")]
mod probe;
#[path = "../../examples/probe/service.rs"]
mod service;

mod bad_input;
mod client;
mod limits;
mod server;
mod support;
