//! A shared HTTP cache in front of any service, by RFC 9111.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::{Empty, Full};
//! use planet_web::cache::Cache;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let cache = Cache::default();
//! let service = cache.layer().layer(service_fn(async |_: Request<Empty<Bytes>>| {
//!     Response::builder().header("cache-control", "max-age=60").body(Full::from("slow to make"))
//! }));
//! for _ in 0..2 {
//!     let request = Request::get("http://example.org/page").body(Empty::new()).unwrap();
//!     service.clone().oneshot(request).await.unwrap();
//! }
//! assert_eq!(cache.counters().hits, 1);
//! # }
//! ```
//!
//! # What it does
//!
//! - Answers to GET are stored when RFC 9111 section 3 allows it and they are of use; GET and HEAD are answered from them,
//!   conditional and single-range requests too. Nothing marked `private` or `no-store` is stored, nor the answer to a request
//!   with `Authorization` unless it says that it is for all. A cookie is shared only when the answer says how long it is
//!   fresh; one that should not be shared must say `private`.
//! - What is stale is validated; it is served stale only as `stale-while-revalidate`, `stale-if-error` (RFC 5861), `max-stale`
//!   or the settings allow, and never against `must-revalidate`, `proxy-revalidate` or `no-cache`.
//! - Requests for the same thing at the same time make one fetch. Those who wait get the whole answer; when it turns out not
//!   to be for all, or takes longer than [`Settings::wait`], they go on their own, at once. When the one who fetches goes away,
//!   another takes over.
//! - Successful requests that change something (POST, PUT and so on) make the cache forget their target, and what `Location`
//!   and `Content-Location` name on the same host.
//! - An answer is collected at the pace of the service while its first client reads it. When it is too large or too slow, it
//!   streams past. An incomplete one is never stored.
//! - An error of the service becomes `502 Bad Gateway`. Every answer says in `Cache-Status` (RFC 9211) where it is from.
//!
//! Keys are host, path and query. Schemes share them: a service that answers differently over TLS needs a cache of its own
//! for each.
//!
//! # Limits
//!
//! All are [`Settings`], with their defaults there: bytes of everything stored, of one answer, of a key and of answers on
//! their way; variants for a key; the time to collect, the time to wait, and revalidations in the background. There is no
//! clean-up of expired answers, since they are still good for validation: they are replaced or give way.
//!
//! It has to run within a tokio runtime with its timers on.
//!
//! | module | one idea |
//! | --- | --- |
//! | `layer` | the cache as its owner sees it |
//! | `settings`, `counters`, `clock` | bounds and defaults; what was done; the time |
//! | `service` | what happens to a request |
//! | `fetch`, `flight` | asking the service; one for many |
//! | `received`, `collect` | an answer that came, and its body on the way into the store |
//! | `past` | requests that go past the cache, and what they make invalid |
//! | `store`, `stored`, `key`, `vary` | stored answers, and which one fits |
//! | `storing`, `freshness`, `directives` | what may be stored, how long it is good, what `Cache-Control` says |
//! | `conditional`, `fields`, `status` | conditions and ranges; header fields; `Cache-Status` |

mod clock;
mod collect;
mod conditional;
mod counters;
mod directives;
mod fetch;
mod fields;
mod flight;
mod freshness;
mod key;
mod layer;
mod past;
mod received;
mod service;
mod settings;
mod status;
mod store;
mod stored;
mod storing;
mod vary;

pub use clock::{Clock, ManualClock, SystemClock};
pub use counters::Counters;
pub use layer::{Cache, CacheLayer};
pub use service::{CacheService, ResponseFuture};
pub use settings::Settings;
