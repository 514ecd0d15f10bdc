//! A router: an ordered list of rules, each a [`Matcher`] and the service that answers what it takes.
//!
//! ```
//! use http::{Method, Request, Response};
//! use planet_web::router::{Matcher, PathParameters, Router};
//! use planet_web::{Body, body::full};
//! # async fn hello(request: Request<Body>) -> Result<Response<Body>, std::convert::Infallible> {
//! #     Ok(Response::new(full(request.extensions().get::<PathParameters>().unwrap().get("name").unwrap().to_owned())))
//! # }
//!
//! let router: Router<Body> = Router::builder()
//!     .rule(Matcher::pattern("/users/{name}").method(Method::GET), tower::service_fn(hello))
//!     .build()?;
//! # Ok::<(), planet_web::router::BuildError>(())
//! ```
//!
//! # What a request meets
//!
//! The first rule that takes it answers. When none does:
//!
//! - rules that would have taken it with another method make a `405` with `Allow` (RFC 9110 §15.5.6);
//! - otherwise the [default service](RouterBuilder::otherwise) answers, or a `404` without one;
//! - with [`Router::or_else`] both are off: what no rule takes goes on to the next service of the chain, and
//!   [`Router::route`] hands it back to the caller.
//!
//! A rule for `GET` takes `HEAD` too; the service sees the method as it came, and the router drops the body.
//!
//! # What a path is
//!
//! Paths are compared segment by segment, each decoded once from percent-encoding, so `/%61dmin` is `/admin`, while an
//! encoded slash never splits a segment. `.` and `..` are segments like any other: whoever opens files by a path looks at
//! them himself, as [`files`](crate::files) does. A request without a path (`OPTIONS *`, `CONNECT`) meets only rules that
//! ask for none.
//!
//! # Limits
//!
//! The number of rules is the program's own; a request costs at most one look at each. Paths are as long as the HTTP
//! implementation lets them be (the `http` crate stops at 65,534 bytes).
//!
//! | module | one idea |
//! | --- | --- |
//! | `matcher` | what a rule takes |
//! | `pattern` | paths with parameters |
//! | `segments` | the path of a request, decoded |
//! | `shadow` | rules that could never be reached |
//! | `builder` | rules in order, checked |
//! | `endpoint` | services of any type behind one |
//! | `nest` | a service under a prefix |
//! | `service` | the router itself |

mod builder;
mod endpoint;
mod matcher;
mod nest;
mod pattern;
mod segments;
mod service;
mod shadow;

pub use builder::{BuildError, RouterBuilder};
pub use endpoint::RouteFuture;
pub use matcher::Matcher;
pub use nest::OriginalUri;
pub use pattern::{PathParameters, PatternError};
pub use service::Router;
