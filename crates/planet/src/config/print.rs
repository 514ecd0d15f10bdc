//! `--print-config`: what is in force, as a file that can be loaded again.

use std::fmt::{self, Write};

use toml::{Table as TomlTable, Value as TomlValue};

use super::{
    Config, Origin, Settings,
    schema::{Key, Kind, Table},
};

/// Writes the settings in force as TOML. What is not a default has its origin behind it. A secret is not written, only
/// that there is one.
pub fn print(config: &Config) -> String {
    let values = TomlTable::try_from(&config.settings).expect("settings are made of what TOML has");
    let mut printer = Printer { config, text: String::new() };
    printer.text.push_str("# The settings in force. Lines without an origin are defaults.\n");
    for key in Settings::KEYS {
        printer.nested(key, &values, "", "").expect("writing to a string cannot fail");
    }
    printer.text
}

struct Printer<'a> {
    config: &'a Config,
    text: String,
}

impl Printer<'_> {
    /// `path` says which of several tables it is; `header` is how the table is headed.
    fn table(&mut self, keys: &'static [Key], values: &TomlTable, path: &str, header: &str) -> fmt::Result {
        for key in keys {
            self.value(key, values.get(key.name), &format!("{path}.{}", key.name))?;
        }
        for key in keys {
            self.nested(key, values, path, header)?;
        }
        Ok(())
    }

    fn value(&mut self, key: &Key, value: Option<&TomlValue>, path: &str) -> fmt::Result {
        let origin = match self.config.origin(path) {
            Origin::Default => String::new(),
            origin => format!("  # {origin}"),
        };
        match (key.kind, value) {
            (Kind::Value(_), None) => writeln!(self.text, "# {} is not set", key.name),
            (Kind::Value(kind), Some(_)) if kind.secret => {
                writeln!(self.text, "# {} is set and not shown{origin}", key.name)
            }
            (Kind::Value(_), Some(value)) => writeln!(self.text, "{} = {value}{origin}", key.name),
            // Without a line of its own an empty list would be lost, and the default one would come back.
            (Kind::Tables(_), Some(TomlValue::Array(tables))) if tables.is_empty() => {
                writeln!(self.text, "{} = []{origin}", key.name)
            }
            _ => Ok(()),
        }
    }

    fn nested(&mut self, key: &Key, values: &TomlTable, path: &str, header: &str) -> fmt::Result {
        let join =
            |before: &str| if before.is_empty() { key.name.to_owned() } else { format!("{before}.{}", key.name) };
        let (path, header) = (join(path), join(header));
        match (key.kind, values.get(key.name)) {
            (Kind::Table(keys), Some(TomlValue::Table(table))) => {
                writeln!(self.text, "\n[{header}]")?;
                self.table(keys, table, &path, &header)
            }
            (Kind::Tables(keys), Some(TomlValue::Array(tables))) => {
                for (index, table) in tables.iter().enumerate() {
                    let Some(table) = table.as_table() else { continue };
                    writeln!(self.text, "\n[[{header}]]")?;
                    self.table(keys, table, &format!("{path}[{index}]"), &header)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
