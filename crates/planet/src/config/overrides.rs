//! Single settings from flags, `--set` and environment variables.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table as TomlTable, Value as TomlValue};

use super::{
    Origin, Problem, Settings, file,
    nearest::nearest,
    schema::{Key, Kind, Syntax, Table, Value},
};

/// The file to read is no setting, for it cannot be set in the file.
pub const CONFIG_VARIABLE: &str = "PLANET_CONFIG";

/// What every variable that means something to Planet begins with.
pub const PREFIX: &str = "PLANET_";

/// What the variables begin with that are the allocator's; the server passes them over.
const ALLOCATOR_PREFIX: &str = "PLANET_MALLOC_";

/// One setting from outside the file.
#[derive(Clone, Debug)]
pub struct Override {
    /// Which one, as in `app[0].limits.channels`.
    pub path: String,
    /// Its value as text; a list has commas between its values.
    pub text: String,
    /// The flag or variable.
    pub origin: Origin,
}

/// A setting that flags and variables can speak of. Those of apps mean the first app; the rules of channels can only
/// be written in the file.
#[derive(Clone, Debug)]
pub struct Single {
    /// Which one, as in `app[0].limits.channels`.
    pub path: String,
    /// Its variable, as in `PLANET_LIMITS_CHANNELS`.
    pub variable: String,
    /// How its value is written.
    pub value: Value,
}

/// Every setting that flags and variables can speak of.
pub fn singles() -> Vec<Single> {
    fn collect(keys: &'static [Key], path: &str, variable: &str, all: &mut Vec<Single>) {
        for key in keys {
            let path = format!("{path}.{}", key.name);
            let variable = format!("{variable}{}", key.name.to_ascii_uppercase());
            match key.kind {
                Kind::Value(value) => all.push(Single { path, variable, value }),
                Kind::Table(keys) => collect(keys, &path, &format!("{variable}_"), all),
                Kind::Tables(_) => {}
            }
        }
    }
    let mut all = Vec::new();
    for key in Settings::KEYS {
        match key.kind {
            Kind::Table(keys) => collect(keys, key.name, PREFIX, &mut all),
            Kind::Tables(keys) => collect(keys, &format!("{}[0]", key.name), PREFIX, &mut all),
            Kind::Value(_) => {}
        }
    }
    all
}

/// The settings among environment variables. An empty variable counts as one that is not there.
///
/// # Errors
///
/// Names every `PLANET_…` variable that means nothing.
pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Result<Vec<Override>, Vec<Problem>> {
    let known: BTreeMap<_, _> = singles().into_iter().map(|single| (single.variable, single.path)).collect();
    let mut all = Vec::new();
    let mut problems = Vec::new();
    for (name, text) in variables {
        if !name.starts_with(PREFIX) || name.starts_with(ALLOCATOR_PREFIX) || name == CONFIG_VARIABLE {
            continue;
        }
        match known.get(&name) {
            Some(_) if text.is_empty() => {}
            Some(path) => all.push(Override { path: path.clone(), text, origin: Origin::Variable(name) }),
            None => {
                let names = known.keys().map(String::as_str).chain([CONFIG_VARIABLE]);
                let nearest = nearest(&name, names).map(str::to_owned);
                problems.push(Problem::UnknownVariable { name, nearest });
            }
        }
    }
    if problems.is_empty() { Ok(all) } else { Err(problems) }
}

/// The setting in `--set KEY=VALUE`, where the key is written as in `app.limits.channels`.
///
/// # Errors
///
/// When it is not of that form or there is no such key.
pub fn from_assignment(text: &str) -> Result<Override, Problem> {
    let origin = Origin::Flag(format!("--set {}", text.split('=').next().unwrap_or_default()));
    let Some((key, value)) = text.split_once('=') else {
        let message = "write a key, `=` and a value, such as `app.limits.channels=1000`".to_owned();
        return Err(Problem::BadValue { key: text.to_owned(), at: Origin::Flag("--set".to_owned()), message });
    };
    let written = |path: &str| path.replace("[0]", "");
    let singles = singles();
    match singles.iter().find(|single| written(&single.path) == key) {
        Some(single) => Ok(Override { path: single.path.clone(), text: value.to_owned(), origin }),
        None => {
            let names: Vec<_> = singles.iter().map(|single| written(&single.path)).collect();
            let nearest = nearest(key, names.iter().map(String::as_str)).map(str::to_owned);
            let at = Origin::Flag("--set".to_owned());
            Err(Problem::UnknownKey { key: key.to_owned(), at, nearest, belongs_in: None })
        }
    }
}

impl Override {
    /// Puts the setting into a table, over what is there.
    ///
    /// # Errors
    ///
    /// When the value is none for that key.
    pub fn apply(&self, table: &mut TomlTable) -> Result<(), Problem> {
        let wrong = |message| Problem::BadValue { key: self.path.clone(), at: self.origin.clone(), message };
        let single = singles().into_iter().find(|single| single.path == self.path);
        let value = single
            .and_then(|single| read(&self.text, single.value))
            .ok_or_else(|| wrong(format!("`{}` is not what is written there", self.text)))?;
        let mut alone = TomlTable::new();
        set(&mut alone, &self.path, value.clone());
        Settings::deserialize(alone).map_err(|error| wrong(file::one_line(&error)))?;
        set(table, &self.path, value);
        Ok(())
    }
}

/// The TOML value that a text stands for. What is no number or boolean stays a text, which the types then refuse with
/// a message of their own.
fn read(text: &str, value: Value) -> Option<TomlValue> {
    let as_text = || TomlValue::String(text.to_owned());
    Some(match value.syntax {
        Syntax::Text => as_text(),
        Syntax::Boolean => text.parse().map_or_else(|_| as_text(), TomlValue::Boolean),
        Syntax::Integer => text.parse().map_or_else(|_| as_text(), TomlValue::Integer),
        Syntax::List => text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| TomlValue::String(part.to_owned()))
            .collect::<Vec<_>>()
            .into(),
    })
}

/// Sets the value at a path, making the tables on the way. `[app]` becomes the first `[[app]]`.
fn set(table: &mut TomlTable, path: &str, value: TomlValue) {
    let Some((first, rest)) = path.split_once('.') else {
        table.insert(path.to_owned(), value);
        return;
    };
    let inner = match first.strip_suffix("[0]") {
        None => table.entry(first).or_insert_with(|| TomlTable::new().into()),
        Some(name) => {
            let entry = table.entry(name).or_insert_with(|| TomlTable::new().into());
            match entry {
                TomlValue::Array(tables) => {
                    if tables.is_empty() {
                        tables.push(TomlTable::new().into());
                    }
                    &mut tables[0]
                }
                one => one,
            }
        }
    };
    if let TomlValue::Table(inner) = inner {
        set(inner, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_setting_has_a_variable_of_its_own() {
        let all = singles();
        let variables: BTreeSet<_> = all.iter().map(|single| &single.variable).collect();
        assert_eq!(variables.len(), all.len());
        for (path, variable) in [
            ("server.listen", "PLANET_LISTEN"),
            ("app[0].secret_key", "PLANET_SECRET_KEY"),
            ("app[0].jwt.hs256_secret", "PLANET_JWT_HS256_SECRET"),
            ("app[0].limits.connections", "PLANET_LIMITS_CONNECTIONS"),
        ] {
            assert!(all.iter().any(|single| single.path == path && single.variable == variable), "{path}");
        }
    }

    #[test]
    fn variables_that_mean_nothing_are_refused() {
        let variable = |name: &str| (name.to_owned(), "1".to_owned());
        assert_eq!(from_variables(["PLANET_CONFIG", "HOME", "PLANET_MALLOC_PAGES"].map(variable)).unwrap().len(), 0);
        let problems = from_variables(["PLANET_LISEN", "PLANET_CONFIG", "HOME", "PLANET_X"].map(variable)).unwrap_err();
        let texts: Vec<_> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(
            texts,
            [
                "unknown environment variable `PLANET_LISEN`; did you mean `PLANET_LISTEN`?",
                "unknown environment variable `PLANET_X`",
            ]
        );
    }

    #[test]
    fn an_override_of_the_wrong_kind_is_refused_by_name() {
        for (path, text, expected) in [
            (
                "server.demo",
                "maybe",
                "bad value for `server.demo` at PLANET_X: invalid type: string \"maybe\", expected a boolean",
            ),
            (
                "server.headers",
                "many",
                "bad value for `server.headers` at PLANET_X: invalid type: string \"many\", expected usize",
            ),
            (
                "server.log_level",
                "inof",
                "bad value for `server.log_level` at PLANET_X: unknown log level `inof`; did you mean `info`? \
                 (known: `error`, `warn`, `info`, `debug`, `trace`)",
            ),
        ] {
            let given = Override { path: path.into(), text: text.into(), origin: Origin::Variable("PLANET_X".into()) };
            let problem = given.apply(&mut TomlTable::new()).unwrap_err();
            assert_eq!(problem.to_string().replace("; in `server", "\n").lines().next(), Some(expected));
        }
    }

    #[test]
    fn assignments_are_written_like_keys() {
        let given = from_assignment("app.limits.channels=7").unwrap();
        assert_eq!((given.path.as_str(), given.text.as_str()), ("app[0].limits.channels", "7"));
        let problem = from_assignment("app.limits.chanels=7").unwrap_err().to_string();
        assert_eq!(problem, "unknown key `app.limits.chanels` at --set; did you mean `app.limits.channels`?");
        assert!(from_assignment("server.demo").is_err());
    }

    #[test]
    fn overrides_reach_the_first_app_however_it_is_written() {
        for text in ["", "[app]\nname = 'one'", "[[app]]\nname = 'one'\n[[app]]\nname = 'two'"] {
            let mut table: TomlTable = toml::from_str(text).unwrap();
            let given = Override { path: "app[0].open".into(), text: "true".into(), origin: Origin::Default };
            given.apply(&mut table).unwrap();
            let settings = Settings::deserialize(table).unwrap();
            assert!(settings.default_app().open, "{text}");
            assert!(settings.app[1..].iter().all(|app| !app.open));
        }
    }
}
