//! The store: stored answers by key, bounded in bytes.

use std::cell::Cell;
use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http::HeaderMap;
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};

use super::key::{Key, KeyRef};
use super::settings::Settings;
use super::stored::Stored;

/// How many locks keep changes of one key apart. Only misses and invalidations take them.
const STRIPES: usize = 64;

/// What is stored under one key.
#[derive(Debug, Default)]
pub(crate) struct Resource {
    /// The newest first. All differ in the values of the same selecting fields.
    variants: Box<[Arc<Stored>]>,
    /// Until when requests for it do not wait for each other, because waiting has not paid.
    apart_until: Duration,
    weight: usize,
}

impl Resource {
    /// The answer that a request selects.
    pub(crate) fn select(&self, request: &HeaderMap) -> Option<&Arc<Stored>> {
        self.variants.iter().find(|stored| stored.selecting.matches(request))
    }

    /// Any of the answers: they have the same selecting fields.
    pub(crate) fn any(&self) -> Option<&Arc<Stored>> {
        self.variants.first()
    }

    pub(crate) fn is_apart(&self, now: Duration) -> bool {
        now < self.apart_until
    }

    fn new(key: &KeyRef<'_>, variants: Vec<Arc<Stored>>, apart_until: Duration) -> Self {
        let variants: Box<[_]> = variants.into();
        let weight = overhead(key) + variants.iter().map(|stored| stored.weight()).sum::<usize>();
        Self { variants, apart_until, weight }
    }
}

/// Bytes that a key takes, with the table's share.
pub(crate) fn overhead(key: &KeyRef<'_>) -> usize {
    128 + size_of::<Resource>() + key.host().len() + key.path().len()
}

#[derive(Clone, Debug)]
struct Weigh;

impl Weighter<Key, Arc<Resource>> for Weigh {
    fn weight(&self, _: &Key, resource: &Arc<Resource>) -> u64 {
        resource.weight as u64
    }
}

#[derive(Clone, Debug, Default)]
struct CountEvicted(Arc<AtomicU64>);

impl Lifecycle<Key, Arc<Resource>> for CountEvicted {
    type RequestState = ();

    // The other hooks are called for values that are replaced too.
    fn before_evict(&self, (): &mut (), _: &Key, resource: &mut Arc<Resource>) {
        self.0.fetch_add(resource.variants.len() as u64, Ordering::Relaxed);
    }
}

/// Changes of the keys that share it happen one after the other.
type Stripe = Mutex<HashMap<u64, Asked>>;

/// How often a key is being asked for now, and how often it was invalidated meanwhile.
#[derive(Debug, Default)]
struct Asked {
    times: usize,
    invalidated: u64,
}

/// Held while an answer for a key is asked for. It tells whether the key was invalidated before the answer came.
#[derive(Debug)]
pub(crate) struct Asking {
    stripes: Arc<[Stripe]>,
    hash: u64,
    invalidated: u64,
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut asked = lock(&self.stripes, self.hash);
        if let Entry::Occupied(mut entry) = asked.entry(self.hash) {
            entry.get_mut().times -= 1;
            if entry.get().times == 0 {
                entry.remove();
            }
        }
    }
}

pub(crate) struct Store {
    cache: Cache<Key, Arc<Resource>, Weigh, DefaultHashBuilder, CountEvicted>,
    stripes: Arc<[Stripe]>,
    hasher: RandomState,
    evicted: CountEvicted,
    max_response: usize,
    max_resource: usize,
    max_variants: usize,
}

impl Store {
    pub(crate) fn new(settings: &Settings) -> Self {
        let max_response = settings.max_response.min(settings.capacity / 2);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        // The capacity is split among the shards, and each has to have room for several answers of the largest size.
        let roomy = settings.capacity / max_response.saturating_mul(4).max(1);
        let shards = (threads * 4).min(roomy.max(1));
        // The count is rounded up to a power of two, which here would make shards too small.
        let shards = 1 << shards.ilog2();
        let options = OptionsBuilder::new()
            .shards(shards)
            .weight_capacity(settings.capacity as u64)
            .estimated_items_capacity((settings.capacity / 4096).max(shards * 32))
            .build()
            .expect("both capacities are set");
        let evicted = CountEvicted::default();
        let cache = Cache::with_options(options, Weigh, DefaultHashBuilder::default(), evicted.clone());
        Self {
            max_response,
            max_resource: (cache.shard_capacity() / 10 * 9) as usize,
            max_variants: settings.max_variants.max(1),
            cache,
            stripes: (0..STRIPES).map(|_| Stripe::default()).collect(),
            hasher: RandomState::new(),
            evicted,
        }
    }

    pub(crate) fn get(&self, key: &KeyRef<'_>) -> Option<Arc<Resource>> {
        self.cache.get(key)
    }

    /// The largest body that can be stored under `key` beside fields of this weight.
    pub(crate) fn room(&self, key: &KeyRef<'_>, fields: usize) -> usize {
        self.max_response.saturating_sub(overhead(key) + size_of::<Stored>() + fields)
    }

    /// To be called before an answer for `key` is asked for.
    pub(crate) fn ask(&self, key: &KeyRef<'_>) -> Asking {
        let hash = self.hasher.hash_one(key);
        let mut stripe = lock(&self.stripes, hash);
        let asked = stripe.entry(hash).or_default();
        asked.times += 1;
        Asking { stripes: Arc::clone(&self.stripes), hash, invalidated: asked.invalidated }
    }

    /// Stores an answer in place of the one that the same requests selected. Says whether it was stored: it is not if
    /// its key was invalidated since it was asked for, or if it is too large.
    pub(crate) fn put(&self, key: &KeyRef<'_>, asking: &Asking, stored: Arc<Stored>) -> bool {
        let stripe = lock(&self.stripes, asking.hash);
        let is_valid = stripe.get(&asking.hash).is_some_and(|asked| asked.invalidated == asking.invalidated);
        if !is_valid || stored.weight() + overhead(key) > self.max_response {
            return false;
        }
        let before = self.cache.peek(key);
        let others = before
            .iter()
            .flat_map(|resource| resource.variants.iter())
            .filter(|other| other.selecting.has_fields_of(&stored.selecting) && other.selecting != stored.selecting);
        let mut room = self.max_resource.saturating_sub(overhead(key));
        let variants = [&stored].into_iter().chain(others).take(self.max_variants).take_while(|variant| {
            let fits = variant.weight() <= room;
            room = room.saturating_sub(variant.weight());
            fits
        });
        let variants: Vec<_> = variants.cloned().collect();
        let had = before.as_ref().map_or(0, |resource| resource.variants.len());
        // All that were there, but for the one whose place is taken, and the new one.
        let replaced = before
            .as_ref()
            .map_or(0, |resource| resource.variants.iter().filter(|other| other.selecting == stored.selecting).count());
        self.evicted.0.fetch_add((had - replaced + 1 - variants.len()) as u64, Ordering::Relaxed);
        self.cache.insert(key.to_key(), Arc::new(Resource::new(key, variants, Duration::ZERO)));
        true
    }

    /// Lets requests for `key` go each on its own until then.
    pub(crate) fn set_apart(&self, key: &KeyRef<'_>, until: Duration) {
        let _stripe = lock(&self.stripes, self.hasher.hash_one(key));
        let variants = self.cache.peek(key).map(|resource| resource.variants.to_vec());
        self.cache.insert(key.to_key(), Arc::new(Resource::new(key, variants.unwrap_or_default(), until)));
    }

    /// Forgets what is stored under `key`, and what is on its way there. Says whether something was.
    pub(crate) fn remove(&self, key: &KeyRef<'_>) -> bool {
        let hash = self.hasher.hash_one(key);
        let mut stripe = lock(&self.stripes, hash);
        if let Some(asked) = stripe.get_mut(&hash) {
            asked.invalidated += 1;
        }
        self.cache.remove(key).is_some_and(|(_, resource)| !resource.variants.is_empty())
    }

    /// Forgets every key that starts with `prefix`. Says how many answers went.
    pub(crate) fn remove_prefix(&self, prefix: &str) -> usize {
        // Which of the keys that are being asked for start so is not known any more, so all of them are invalid.
        let mut stripes: Vec<_> = (0..STRIPES as u64).map(|index| lock(&self.stripes, index)).collect();
        stripes.iter_mut().flat_map(|stripe| stripe.values_mut()).for_each(|asked| asked.invalidated += 1);
        let removed = Cell::new(0);
        self.cache.retain(|key, resource| {
            let stays = !key.as_str().starts_with(prefix);
            if !stays {
                removed.set(removed.get() + resource.variants.len());
            }
            stays
        });
        removed.get()
    }

    pub(crate) fn weight(&self) -> u64 {
        self.cache.weight()
    }

    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.0.load(Ordering::Relaxed)
    }
}

fn lock(stripes: &[Stripe], hash: u64) -> MutexGuard<'_, HashMap<u64, Asked>> {
    stripes[hash as usize % STRIPES].lock().expect("nothing panics under this lock")
}
