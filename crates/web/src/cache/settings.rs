//! Every bound of the cache and its default.

use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What a cache may hold and do.
///
/// ```
/// use planet_web::cache::Settings;
///
/// let settings = Settings { capacity: 256 << 20, ..Settings::default() };
/// assert_eq!(settings.max_response, 1 << 20);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The name of this cache in `Cache-Status` (RFC 9211 section 2). Default: `Planet`.
    pub name: String,
    /// Bytes of all stored answers, with their headers and keys. Default: 64 MiB.
    pub capacity: usize,
    /// Bytes of one stored answer, with its headers and key. What is larger streams past. At most half of `capacity`
    /// takes effect. Default: 1 MiB.
    pub max_response: usize,
    /// Bytes of a key: host, path and query. A request with a longer one goes past the cache. Default: 2,048.
    pub max_key: usize,
    /// Stored answers for one key that differ by `Vary`; the oldest gives way. Default: 16.
    pub max_variants: usize,
    /// Bytes of answers that are on their way into the cache. When they are used up, an answer streams past without
    /// being stored. One whose length is not known in advance counts as `max_response`. Default: 64 MiB.
    pub max_collecting: usize,
    /// How long an answer may take to arrive in full, to be stored. Afterwards its rest streams past. Default: 60 s.
    pub collect_time: Duration,
    /// How long a request waits for one that fetches the same thing, before it goes on its own. Default: 5 s.
    pub wait: Duration,
    /// Revalidations at once that no client waits for. When there are as many, stale answers are served without asking
    /// for newer ones. Each may take `collect_time`. Default: 32.
    pub max_background: usize,
    /// For how long after its end an answer may stand in for an error of the service, unless the answer says otherwise
    /// by `stale-if-error` (RFC 5861 section 4) or forbids it. Default: 0, only those that say so.
    pub stale_if_error: Duration,
    /// What share of the time since `Last-Modified` an answer is fresh for, if it does not say how long it is (RFC 9111
    /// section 4.2.2). 0 turns this off. Default: 0.1.
    pub heuristic_share: f32,
    /// The longest time that an answer is fresh for by that rule. Default: 24 h.
    pub heuristic_limit: Duration,
    /// Whether `CDN-Cache-Control` goes before `Cache-Control` and `Expires` (RFC 9213). Default: yes.
    pub cdn_cache_control: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "Planet".to_owned(),
            capacity: 64 * MIB,
            max_response: MIB,
            max_key: 2 * KIB,
            max_variants: 16,
            max_collecting: 64 * MIB,
            collect_time: Duration::from_secs(60),
            wait: Duration::from_secs(5),
            max_background: 32,
            stale_if_error: Duration::ZERO,
            heuristic_share: 0.1,
            heuristic_limit: Duration::from_secs(24 * 60 * 60),
            cdn_cache_control: true,
        }
    }
}
