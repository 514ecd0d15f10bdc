//! Settings: from flags, the environment and a TOML file, in that order of strength, over defaults.
//!
//! | module | one idea |
//! | --- | --- |
//! | [`server`], [`app`], [`channel`] | the settings themselves, their meaning and their defaults |
//! | [`units`] | durations and sizes, and how they are written |
//! | [`values`] | secrets, addresses, networks and origins, and how they are written |
//! | [`schema`] | a table's keys as data, from the same declaration as its struct |
//! | [`file`](mod@file) | the TOML file, with the place of every key |
//! | [`overrides`] | flags, `--set` and environment variables |
//! | [`load`] | one layer over the other |
//! | [`check`] | what a value alone cannot show to be wrong |
//! | [`error`] | what is wrong, where, and what was probably meant |
//! | [`print`](mod@print) | `--print-config` |
//! | [`mod@reference`] | `docs/configuration.md` |

pub mod app;
pub mod channel;
pub mod check;
pub mod error;
pub mod file;
pub mod load;
pub mod nearest;
pub mod overrides;
pub mod print;
pub mod reference;
pub mod schema;
pub mod server;
pub mod units;
pub mod values;

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

pub use app::{App, AppLimits, Jwt, RestAuth};
pub use channel::{Access, ChannelRule, Overflow};
pub use error::{ConfigError, Origin, Problem};
pub use load::{Config, Layers};
pub use overrides::Override;
pub use server::{LogFormat, LogLevel, Server};
pub use units::{Period, Size};
pub use values::{Endpoint, Network, PageOrigin, Secret};

schema::table! {
    /// Everything that can be set.
    pub struct Settings {
        /// What holds for the whole process: addresses, TLS, timeouts, and the bounds of connections.
        pub server: Server = Server::default(),
        /// An app has its own users, channels, keys and limits. Write `[app]` for one, and `[[app]]` for each of several. The first is the default app, which flags and variables speak of.
        #[serde(deserialize_with = "one_or_many")]
        pub app: Vec<App> = vec![App::default()],
    }
}

impl Settings {
    /// The app of paths without an API key, which flags and variables speak of.
    pub fn default_app(&self) -> &App {
        &self.app[0]
    }
}

/// `[app]` is as good as one `[[app]]`.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<App>, D::Error> {
    struct Apps;

    impl<'de> Visitor<'de> for Apps {
        type Value = Vec<App>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table [app], or several [[app]]")
        }

        fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Vec<App>, M::Error> {
            App::deserialize(MapAccessDeserializer::new(map)).map(|app| vec![app])
        }

        fn visit_seq<S: SeqAccess<'de>>(self, mut apps: S) -> Result<Vec<App>, S::Error> {
            let mut all = Vec::new();
            while let Some(app) = apps.next_element()? {
                all.push(app);
            }
            Ok(all)
        }
    }

    deserializer.deserialize_any(Apps)
}
