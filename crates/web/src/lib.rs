//! Small HTTP tools: each is a [tower service](https://docs.rs/tower-service) or a layer around one, works on plain hyper and
//! in axum alike, and knows nothing of the others.
//!
//! All of them answer with one [`Body`], so that they fit into each other in any order.
//!
//! | module | one idea |
//! | --- | --- |
//! | [`body`] | the body of every answer |
//! | [`cache`] | a shared HTTP cache in front of any service |
//! | [`files`] | a folder, or files in the binary, with ranges and conditions |
//! | [`router`] | an ordered list of rules: which service takes a request |

pub mod body;
pub mod cache;
pub mod files;
pub mod router;

pub use body::{Body, BoxError};
