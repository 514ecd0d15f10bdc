//! The TOML file: its values, the place of each, and what is wrong with them.

use std::{collections::BTreeMap, ops::Range, path::PathBuf, sync::Arc};

use toml::de::{DeTable, DeValue};

use super::{
    Origin, Problem, Settings,
    nearest::nearest,
    schema::{Key, Kind, Table},
};

/// A file without a fault of its own.
#[derive(Debug, Default)]
pub struct File {
    /// What it sets.
    pub table: toml::Table,
    /// Where it sets what, by paths such as `app[0].limits.channels`.
    pub origins: BTreeMap<String, Origin>,
}

/// Reads the text of a file; `path` is for messages.
///
/// # Errors
///
/// Everything that is wrong with it, or the first fault when it is no TOML.
pub fn read(path: PathBuf, text: &str) -> Result<File, Vec<Problem>> {
    let mut reader = Reader { path: Arc::new(path), text, places: Vec::new(), problems: Vec::new() };
    let syntax =
        |error: &toml::de::Error| vec![Problem::Syntax { at: reader.at(error.span()), message: one_line(error) }];
    let parsed = DeTable::parse(text).map_err(|error| syntax(&error))?;
    let table: toml::Table = toml::from_str(text).map_err(|error| syntax(&error))?;
    reader.table(parsed.get_ref(), Settings::KEYS, "");
    if reader.problems.is_empty()
        && let Err(error) = toml::from_str::<Settings>(text)
    {
        let problem = Problem::BadValue {
            key: reader.key_at(error.span()),
            at: reader.at(error.span()),
            message: one_line(&error),
        };
        reader.problems.push((0, problem));
    }
    if !reader.problems.is_empty() {
        reader.problems.sort_by_key(|(offset, _)| *offset);
        return Err(reader.problems.into_iter().map(|(_, problem)| problem).collect());
    }
    let origins = reader.places.iter().map(|place| (place.path.clone(), reader.at(Some(place.key.clone())))).collect();
    Ok(File { table, origins })
}

struct Reader<'a> {
    path: Arc<PathBuf>,
    text: &'a str,
    places: Vec<Place>,
    /// With the offset of each, for tables are not walked in the order of the text.
    problems: Vec<(usize, Problem)>,
}

struct Place {
    path: String,
    key: Range<usize>,
    value: Range<usize>,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, keys: &'static [Key], path: &str) {
        for (name, value) in table {
            let Some(key) = keys.iter().find(|key| key.name == name.get_ref().as_ref()) else {
                let nearest = nearest(name.get_ref(), keys.iter().map(|key| key.name)).map(str::to_owned);
                let belongs_in = if nearest.is_none() { table_with(name.get_ref(), Settings::KEYS, "") } else { None };
                let at = self.at(Some(name.span()));
                let problem = Problem::UnknownKey { key: name.get_ref().to_string(), at, nearest, belongs_in };
                self.problems.push((name.span().start, problem));
                continue;
            };
            let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
            self.places.push(Place { path: path.clone(), key: name.span(), value: value.span() });
            match (key.kind, value.get_ref()) {
                (Kind::Table(keys), DeValue::Table(table)) => self.table(table, keys, &path),
                (Kind::Tables(keys), DeValue::Table(table)) => self.table(table, keys, &format!("{path}[0]")),
                (Kind::Tables(keys), DeValue::Array(tables)) => {
                    for (index, entry) in tables.iter().enumerate() {
                        let path = format!("{path}[{index}]");
                        self.places.push(Place { path: path.clone(), key: entry.span(), value: entry.span() });
                        if let DeValue::Table(table) = entry.get_ref() {
                            self.table(table, keys, &path);
                        }
                    }
                }
                // A value where a table should be, or the other way round, is told of by the types.
                _ => {}
            }
        }
    }

    fn at(&self, span: Option<Range<usize>>) -> Origin {
        let before = &self.text[..span.map_or(0, |span| span.start).min(self.text.len())];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Origin::File {
            path: Arc::clone(&self.path),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// The key whose value spans that place most closely.
    fn key_at(&self, span: Option<Range<usize>>) -> String {
        let at = span.map_or(0, |span| span.start);
        self.places
            .iter()
            .filter(|place| place.value.contains(&at))
            .min_by_key(|place| place.value.len())
            .map_or_else(String::new, |place| place.path.clone())
    }
}

/// The header of the table that has a key of that name.
fn table_with(name: &str, keys: &'static [Key], path: &str) -> Option<String> {
    keys.iter().find_map(|key| {
        let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        let (keys, header) = match key.kind {
            Kind::Value(_) => return None,
            // `[app]` may be written so, whereas rules are always several.
            Kind::Tables(keys) if path != "app" => (keys, format!("[[{path}]]")),
            Kind::Table(keys) | Kind::Tables(keys) => (keys, format!("[{path}]")),
        };
        let has_it = keys.iter().any(|key| key.name == name);
        if has_it { Some(header) } else { table_with(name, keys, &path) }
    })
}

pub(super) fn one_line(error: &toml::de::Error) -> String {
    error.message().trim_end().replace('\n', "; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        read("planet.toml".into(), text).unwrap_err().iter().map(Problem::to_string).collect()
    }

    #[test]
    fn typos_are_named_with_their_place_and_what_was_meant() {
        let text = "\
[server]
lisen = [\"127.0.0.1:1\"]
colour = \"red\"
history_size = 3

[app.limits]
chanels = 3

[[app.channel]]
pattern = \"*\"
  hisory_size = 5
";
        assert_eq!(
            problems(text),
            [
                "unknown key `lisen` at planet.toml:2:1; did you mean `listen`?",
                "unknown key `colour` at planet.toml:3:1",
                "unknown key `history_size` at planet.toml:4:1; `history_size` belongs in [[app.channel]]",
                "unknown key `chanels` at planet.toml:7:1; did you mean `channels`?",
                "unknown key `hisory_size` at planet.toml:11:3; did you mean `history_size`?",
            ]
        );
    }

    #[test]
    fn bad_values_are_named_with_their_place() {
        for (text, expected) in [
            (
                "[server]\nidle_timeout = \"5 minutes\"",
                "bad value for `server.idle_timeout` at planet.toml:2:16: `5 minutes` is not a duration: write a \
                 number and a unit, such as `250ms`, `25s` or `5m`",
            ),
            (
                "[server]\nidle_timeout = 5",
                "bad value for `server.idle_timeout` at planet.toml:2:16: 5 is not a duration: it needs a unit, such \
                 as `5s`",
            ),
            (
                "[[app.channel]]\npattern = \"*\"\noverflow = \"disconect\"",
                "bad value for `app[0].channel[0].overflow` at planet.toml:3:12: unknown overflow policy \
                 `disconect`; did you mean `disconnect`? (known: `disconnect`, `drop_oldest`, `conflate`)",
            ),
            (
                "[[app]]\nname = \"one\"\n[[app]]\nlimits.message_bytes = \"1 mega\"",
                "bad value for `app[1].limits.message_bytes` at planet.toml:4:24: `1 mega` is not a size: write \
                 bytes, or a number and a unit, such as `64KiB` or `1MiB`",
            ),
            (
                "[server]\ndemo = \"yes\"",
                "bad value for `server.demo` at planet.toml:2:8: invalid type: string \"yes\", expected a boolean",
            ),
            (
                "server = 5",
                "bad value for `server` at planet.toml:1:10: invalid type: integer `5`, expected struct Server",
            ),
            (
                "[server]\ntrusted_proxies = [\"10.0.0.0/8\", \"proxy\"]",
                "bad value for `server.trusted_proxies` at planet.toml:2:19: `proxy` is not a network: write an \
                 address such as 192.0.2.7 or a range such as 10.0.0.0/8",
            ),
        ] {
            assert_eq!(problems(text), [expected], "{text}");
        }
    }

    #[test]
    fn what_is_no_toml_is_named_with_its_place() {
        let all = problems("[server]\nlisten = \n");
        assert_eq!(all.len(), 1);
        assert!(all[0].starts_with("not TOML at planet.toml:2:"), "{all:?}");
    }

    #[test]
    fn every_key_of_a_good_file_has_its_place() {
        let file = read("f".into(), "[app]\nopen = true\n[app.limits]\nchannels = 5\n").unwrap();
        assert_eq!(file.origins["app[0].open"].to_string(), "f:2:1");
        assert_eq!(file.origins["app[0].limits.channels"].to_string(), "f:4:1");
    }
}
