//! The apps of a server: who they are, and by which keys they are known.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use planet_hub::{AppSettings, Hub, Rules};
use planet_net::meter::Meter;
use planet_orbit::SessionSettings;
use planet_orbit::access::Access;
use planet_orbit::origin::AllowedOrigins;
use planet_orbit::token::{BeaconKey, JwtVerifier, Verifier};

use crate::data_dir::DataDir;
use crate::key_file::{KeyFile, KeyFileError};
use crate::keys::{ApiKey, NoRandomness, Secret};
use crate::quota::Quota;
use crate::repeats::Repeats;

/// The most characters of an app's name.
pub const MAX_NAME_LENGTH: usize = 64;

/// What the configuration says of an app.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// Its name in logs, metrics and the event stream, where it is called the sphere: 1 to 64 of `A-Z a-z 0-9 . _ -`,
    /// beginning with a letter, a digit or `_`.
    pub name: String,
    /// Its public key; `None` has one made and kept. The same goes for the other keys.
    pub api_key: Option<ApiKey>,
    /// What its back end shows to be let in.
    pub secret_key: Option<Secret>,
    /// What signs Beacon tokens.
    pub sign_key: Option<Secret>,
    /// Whether anyone may do anything, also through REST. For development. Default no.
    pub open: bool,
    /// Whether REST asks for the secret key. Default yes.
    pub rest_auth: bool,
    /// Publishing requests a second through REST, on average; 0 for no bound. Default 10,000.
    pub rest_publications_per_second: u32,
    /// Publishing requests at once before that bound applies. Default 20,000.
    pub rest_publication_burst: u32,
    /// Pages of other origins that may use the app. Default none.
    pub origins: AllowedOrigins,
    /// Who may do what, by channel name. Default for each channel: [`Access::default`].
    pub access: Rules<Access>,
    /// Checks JWTs; without it they are refused.
    pub jwt: Option<JwtVerifier>,
    /// Bounds and times of the sessions of its clients. Those of names and messages hold for REST too.
    pub sessions: SessionSettings,
    /// Its channels and bounds.
    pub hub: AppSettings,
    /// Counts the bytes of its clients and of its back end. Default: one of its own.
    pub meter: Arc<Meter>,
}

impl AppConfig {
    /// An app of this name with all the defaults.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            api_key: None,
            secret_key: None,
            sign_key: None,
            open: false,
            rest_auth: true,
            rest_publications_per_second: 10_000,
            rest_publication_burst: 20_000,
            origins: AllowedOrigins::default(),
            access: Rules::new(Access::default()),
            jwt: None,
            sessions: SessionSettings::default(),
            hub: AppSettings::default(),
            meter: Arc::default(),
        }
    }
}

/// One app.
pub struct App {
    keys: Keys,
    rest_auth: bool,
    orbit: Arc<planet_orbit::App>,
    pub(crate) quota: Quota,
    pub(crate) repeats: Repeats,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("name", &self.name()).field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl App {
    fn new(keys: Keys, config: AppConfig, hub: Arc<planet_hub::App>) -> Self {
        let meter = config.meter.clone();
        hub.on_written(move |bytes| meter.record_out(bytes));
        let beacon_key = BeaconKey::new(keys.sign_key.expose().as_bytes());
        Self {
            rest_auth: config.rest_auth,
            quota: Quota::new(config.rest_publications_per_second, config.rest_publication_burst),
            repeats: Repeats::new(hub.limits()),
            orbit: Arc::new(planet_orbit::App {
                hub,
                open: config.open,
                access: config.access,
                verifier: Verifier::new(config.jwt, Some(beacon_key)),
                origins: config.origins,
                settings: config.sessions,
                meter: config.meter,
            }),
            keys,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.hub().name()
    }

    /// Its public key.
    pub fn api_key(&self) -> &ApiKey {
        &self.keys.api_key
    }

    /// What its back end shows to be let in.
    pub fn secret_key(&self) -> &Secret {
        &self.keys.secret_key
    }

    /// Bounds and times of the sessions of its clients. Those of names and messages hold for REST too.
    pub fn sessions(&self) -> &SessionSettings {
        &self.orbit.settings
    }

    /// What signs Beacon tokens.
    pub fn sign_key(&self) -> &Secret {
        &self.keys.sign_key
    }

    /// Whether a key was made when the apps were opened, and so has never been shown.
    pub fn keys_are_new(&self) -> bool {
        self.keys.new
    }

    /// Whether REST asks for the secret key.
    pub fn rest_needs_secret(&self) -> bool {
        self.rest_auth && !self.orbit.open
    }

    /// The app as the sessions of clients see it.
    pub fn orbit(&self) -> &Arc<planet_orbit::App> {
        &self.orbit
    }

    /// Its channels, users and connections.
    pub fn hub(&self) -> &Arc<planet_hub::App> {
        &self.orbit.hub
    }
}

/// The apps of a server. Clones are the same apps.
#[derive(Clone, Debug)]
pub struct Apps(Arc<Table>);

#[derive(Debug)]
struct Table {
    /// In the order of the configuration; there is at least one.
    list: Vec<Arc<App>>,
    by_api_key: HashMap<ApiKey, Arc<App>>,
}

/// Why the apps cannot be opened.
#[derive(Debug)]
pub enum AppsError {
    /// The configuration has no app at all.
    None,
    /// A name cannot be used.
    Name {
        /// The name.
        name: String,
    },
    /// Two apps have the same name.
    SameName {
        /// The name.
        name: String,
    },
    /// Two apps have the same API key.
    SameApiKey {
        /// The names of the two.
        apps: [String; 2],
    },
    /// The keys cannot be read or kept.
    KeyFile(KeyFileError),
    /// No keys can be made.
    NoRandomness(NoRandomness),
    /// The history that was saved cannot be taken over.
    History {
        /// The app.
        app: String,
        /// What the store said.
        source: io::Error,
    },
}

impl fmt::Display for AppsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("there is no app; configure one"),
            Self::Name { name } => write!(
                f,
                "{name:?} cannot be the name of an app: write 1 to {MAX_NAME_LENGTH} of A-Z a-z 0-9 . _ - and begin \
                 with neither . nor -"
            ),
            Self::SameName { name } => write!(f, "two apps are named {name}; rename one"),
            Self::SameApiKey { apps: [one, other] } => {
                write!(f, "the apps {one} and {other} have the same API key; give one of them another")
            }
            Self::KeyFile(error) => error.fmt(f),
            Self::NoRandomness(error) => error.fmt(f),
            Self::History { app, source } => write!(f, "cannot take over the history of the app {app}: {source}"),
        }
    }
}

impl std::error::Error for AppsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::KeyFile(error) => error.source(),
            Self::History { source, .. } => Some(source),
            Self::None | Self::Name { .. } | Self::SameName { .. } | Self::SameApiKey { .. } => None,
            Self::NoRandomness(error) => error.source(),
        }
    }
}

impl Apps {
    /// Makes the apps in `hub`. A key comes from the configuration, or else from what was made and kept in `data` by an
    /// earlier start, or else is made and kept now.
    ///
    /// The hub's store gives up what it has saved, so call this when nothing else can keep the server from starting.
    ///
    /// # Errors
    /// See [`AppsError`].
    pub fn open(data: &DataDir, configs: Vec<AppConfig>, hub: &Hub) -> Result<Self, AppsError> {
        check_names(&configs)?;
        let mut kept = KeyFile::read(data).map_err(AppsError::KeyFile)?;
        let mut made_any = false;
        let mut with_keys = Vec::with_capacity(configs.len());
        for config in configs {
            let keys = Keys::find(&config, &mut kept).map_err(AppsError::NoRandomness)?;
            made_any |= keys.new;
            with_keys.push((config, keys));
        }
        check_api_keys(&with_keys)?;
        if made_any {
            kept.write().map_err(AppsError::KeyFile)?;
        }
        let mut list = Vec::with_capacity(with_keys.len());
        for (config, keys) in with_keys {
            let app = match hub.create_app(&config.name, config.hub.clone()) {
                Ok(app) => app,
                Err(source) => {
                    give_back(hub);
                    return Err(AppsError::History { app: config.name, source });
                }
            };
            list.push(Arc::new(App::new(keys, config, app)));
        }
        let by_api_key = list.iter().map(|app| (app.api_key().clone(), app.clone())).collect();
        Ok(Self(Arc::new(Table { list, by_api_key })))
    }

    /// The app with this public key.
    pub fn by_api_key(&self, api_key: &str) -> Option<&Arc<App>> {
        self.0.by_api_key.get(&api_key.parse::<ApiKey>().ok()?)
    }

    /// The app of this name.
    pub fn by_name(&self, name: &str) -> Option<&Arc<App>> {
        self.0.list.iter().find(|app| app.name() == name)
    }

    /// The app of those who name none: the first one.
    pub fn default_app(&self) -> &Arc<App> {
        &self.0.list[0]
    }

    /// All of them, in the order of the configuration.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<App>> {
        self.0.list.iter()
    }
}

impl planet_orbit::Apps for Apps {
    fn by_key(&self, api_key: &str) -> Option<Arc<planet_orbit::App>> {
        self.by_api_key(api_key).map(|app| app.orbit().clone())
    }

    fn default(&self) -> Arc<planet_orbit::App> {
        self.default_app().orbit().clone()
    }
}

/// The store has handed over the history of the apps before the one that failed. Without this it would be lost with the
/// process.
fn give_back(hub: &Hub) {
    if let Err(error) = hub.save() {
        tracing::error!("the history that was saved is lost: {error}");
    }
}

#[derive(Debug)]
struct Keys {
    api_key: ApiKey,
    secret_key: Secret,
    sign_key: Secret,
    /// Whether one of them was made just now.
    new: bool,
}

impl Keys {
    fn find(config: &AppConfig, kept: &mut KeyFile) -> Result<Self, NoRandomness> {
        let mut keys = kept.apps.get(&config.name).cloned().unwrap_or_default();
        let mut new = false;
        let api_key = choose(&config.api_key, &mut keys.api_key, ApiKey::random, &mut new)?;
        let secret_key = choose(&config.secret_key, &mut keys.secret_key, Secret::random, &mut new)?;
        let sign_key = choose(&config.sign_key, &mut keys.sign_key, Secret::random, &mut new)?;
        if new {
            kept.apps.insert(config.name.clone(), keys);
        }
        Ok(Self { api_key, secret_key, sign_key, new })
    }
}

fn choose<K: Clone>(
    configured: &Option<K>,
    kept: &mut Option<K>,
    make: impl FnOnce() -> Result<K, NoRandomness>,
    new: &mut bool,
) -> Result<K, NoRandomness> {
    if let Some(key) = configured.as_ref().or(kept.as_ref()) {
        return Ok(key.clone());
    }
    let key = make()?;
    *new = true;
    *kept = Some(key.clone());
    Ok(key)
}

fn check_names(configs: &[AppConfig]) -> Result<(), AppsError> {
    if configs.is_empty() {
        return Err(AppsError::None);
    }
    for (at, AppConfig { name, .. }) in configs.iter().enumerate() {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let fits = (1..=MAX_NAME_LENGTH).contains(&name.len());
        if !fits || !name.bytes().all(allowed) || name.starts_with(['.', '-']) {
            return Err(AppsError::Name { name: name.clone() });
        }
        if configs[..at].iter().any(|other| other.name == *name) {
            return Err(AppsError::SameName { name: name.clone() });
        }
    }
    Ok(())
}

fn check_api_keys(apps: &[(AppConfig, Keys)]) -> Result<(), AppsError> {
    let mut seen = HashMap::with_capacity(apps.len());
    for (config, keys) in apps {
        if let Some(other) = seen.insert(&keys.api_key, config) {
            return Err(AppsError::SameApiKey { apps: [other.name.clone(), config.name.clone()] });
        }
    }
    Ok(())
}
