//! Beacon through its public face.

mod apps;
mod backend;
mod events;
mod history;
mod operations;
mod rest;
mod rest_limits;
mod support;
