//! Nothing: `cargo xtask bench` looks up where cargo keeps the dependency.
