//! An app as sessions see it: its part of the hub, and who may do what in it.

use std::sync::Arc;

use planet_hub::Rules;
use planet_net::meter::Meter;

use crate::access::Access;
use crate::origin::AllowedOrigins;
use crate::settings::SessionSettings;
use crate::token::Verifier;

/// One app. Beacon makes them; Orbit looks them up in an [`Apps`].
pub struct App {
    /// Its channels, users and connections.
    pub hub: Arc<planet_hub::App>,
    /// Whether anyone may claim to be anyone, subscribe to anything and publish anywhere. For development.
    pub open: bool,
    /// Who may do what, by channel name.
    pub access: Rules<Access>,
    /// Checks tokens.
    pub verifier: Verifier,
    /// Pages that may connect.
    pub origins: AllowedOrigins,
    /// Bounds and times.
    pub settings: SessionSettings,
    /// Counts what its clients send and get, over all transports. What the hub writes to sinks is not part of it unless
    /// [`App::on_written`](planet_hub::App::on_written) tells it.
    pub meter: Arc<Meter>,
}

/// The apps there are.
pub trait Apps: Send + Sync + 'static {
    /// The app with this public key.
    fn by_key(&self, api_key: &str) -> Option<Arc<App>>;
    /// The app of paths that name none.
    fn default(&self) -> Arc<App>;
}
