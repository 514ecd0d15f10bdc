//! One layer over the other.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

use super::{
    ConfigError, Origin, Override, Problem, Settings,
    channel::{DEMO_PATTERN, DEMO_TYPING_PATTERN},
    check::check,
    file::{self, File},
    overrides,
};

/// What the settings are made from.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// The TOML file, if there is one.
    pub file: Option<PathBuf>,
    /// Environment variables; those that do not begin with `PLANET_` are passed over.
    pub variables: Vec<(String, String)>,
    /// What the command line says, which beats the variables.
    pub flags: Vec<Override>,
}

/// The settings in force, and where each comes from.
#[derive(Clone, Debug)]
pub struct Config {
    /// The settings.
    pub settings: Settings,
    pub(super) origins: BTreeMap<String, Origin>,
}

impl Config {
    /// Puts the flags over the variables over the file over the defaults.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or with everything that is wrong in any layer.
    pub fn load(layers: Layers) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let File { mut table, mut origins } = match layers.file {
            None => File::default(),
            Some(path) => {
                let text = std::fs::read_to_string(&path)
                    .map_err(|source| ConfigError::Read { path: path.clone(), source })?;
                file::read(path, &text).unwrap_or_else(|wrong| {
                    problems.extend(wrong);
                    File::default()
                })
            }
        };
        let variables = overrides::from_variables(layers.variables).unwrap_or_else(|wrong| {
            problems.extend(wrong);
            Vec::new()
        });
        for given in variables.into_iter().chain(layers.flags) {
            match given.apply(&mut table) {
                Ok(()) => drop(origins.insert(given.path, given.origin)),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(ConfigError::Wrong(problems));
        }
        // Each layer has been read by itself before, so only what they are together can fail here.
        let mut settings = Settings::deserialize(table).map_err(|error| {
            let message = file::one_line(&error);
            ConfigError::Wrong(vec![Problem::Syntax { at: Origin::Default, message }])
        })?;
        without_demo_rules(&mut settings, &origins);
        let config = Self { settings, origins };
        let problems = check(&config);
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::Wrong(problems)) }
    }

    /// Where the setting at a path such as `app[0].limits.channels` comes from.
    pub fn origin(&self, path: &str) -> Origin {
        self.origins.get(path).cloned().unwrap_or_default()
    }
}

/// Channels that anyone may publish to are there for the demo page alone.
fn without_demo_rules(settings: &mut Settings, origins: &BTreeMap<String, Origin>) {
    if settings.server.demo {
        return;
    }
    for (index, app) in settings.app.iter_mut().enumerate() {
        if !origins.contains_key(&format!("app[{index}].channel")) {
            app.channel.retain(|rule| rule.pattern != DEMO_PATTERN && rule.pattern != DEMO_TYPING_PATTERN);
        }
    }
}
