//! `docs/configuration.md`, made from the declarations of the settings.

use std::fmt::{self, Write};

use toml::{Table as TomlTable, Value as TomlValue};

use super::{
    Settings, channel,
    schema::{Key, Kind, Table},
};

const HEAD: &str = include_str!("reference.md");

/// The whole page, as Markdown.
pub fn markdown() -> String {
    let mut text = HEAD.to_owned();
    write_reference(&mut text).expect("writing to a string cannot fail");
    text
}

fn write_reference(text: &mut String) -> fmt::Result {
    let defaults = TomlTable::try_from(Settings::default()).expect("settings are made of what TOML has");
    for key in Settings::KEYS {
        section(text, key, defaults.get(key.name), "", "PLANET_")?;
    }
    writeln!(text, "\n## The default rules for channels\n")?;
    writeln!(
        text,
        "An app without an `[[app.channel]]` of its own has these. With `demo = false` the first is left out.\n"
    )?;
    writeln!(text, "```toml")?;
    for (index, rule) in channel::default_rules().iter().enumerate() {
        let rule = TomlTable::try_from(rule).expect("settings are made of what TOML has");
        let line_break = if index == 0 { "" } else { "\n" };
        writeln!(text, "{line_break}[[app.channel]]\npattern = {}", rule["pattern"])?;
        let otherwise = TomlTable::try_from(channel::ChannelRule::default()).expect("as before");
        for (name, value) in rule.iter().filter(|(name, value)| otherwise[*name] != **value && *name != "pattern") {
            writeln!(text, "{name} = {value}")?;
        }
    }
    writeln!(text, "```")
}

fn section(text: &mut String, key: &Key, default: Option<&TomlValue>, path: &str, variable: &str) -> fmt::Result {
    let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
    let (keys, header, variables) = match key.kind {
        Kind::Value(_) => return Ok(()),
        Kind::Table(keys) => (keys, format!("[{path}]"), true),
        Kind::Tables(keys) if path == "app" => (keys, format!("[{path}]"), true),
        Kind::Tables(keys) => (keys, format!("[[{path}]]"), false),
    };
    let table = match default {
        Some(TomlValue::Table(table)) => Some(table.clone()),
        Some(TomlValue::Array(_)) if path == "app" => default.and_then(|apps| apps[0].as_table().cloned()),
        _ => TomlTable::try_from(channel::ChannelRule::default()).ok(),
    };
    writeln!(text, "\n## `{header}`\n\n{}\n", one_line(key.doc))?;
    writeln!(text, "| key | value | default | meaning |\n| --- | --- | --- | --- |")?;
    for inner in keys {
        let Kind::Value(value) = inner.kind else { continue };
        let default = match table.as_ref().and_then(|table| table.get(inner.name)) {
            None => "none".to_owned(),
            Some(_) if inner.name == "pattern" => "needed".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        let mut name = format!("`{}`", inner.name);
        if variables {
            write!(name, "<br>`{variable}{}`", inner.name.to_ascii_uppercase())?;
        }
        writeln!(text, "| {name} | {} | {default} | {} |", value.what, one_line(inner.doc))?;
    }
    for inner in keys {
        let variable = format!("{variable}{}_", inner.name.to_ascii_uppercase());
        let default = table.as_ref().and_then(|table| table.get(inner.name));
        section(text, inner, default, &path, if path.is_empty() { "PLANET_" } else { &variable })?;
    }
    Ok(())
}

fn one_line(doc: &str) -> String {
    doc.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
