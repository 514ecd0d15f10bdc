//! Windows: `Software\MozillaPlugins` of the user and of the machine, as `reg query … /s` prints it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Candidate, Choice, Decision};
use crate::check::read;
use crate::file;
use crate::probe::Answer;

/// A key below `MozillaPlugins` and its value `Path`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    key: String,
    path: Option<PathBuf>,
}

pub(super) fn choose(mime: &str) -> Choice {
    let mut entries = Vec::new();
    for root in ["HKCU", "HKLM"] {
        let output = Command::new("reg").args(["query", &format!(r"{root}\Software\MozillaPlugins"), "/s"]).output();
        if let Ok(output) = output {
            entries.extend(parse(&String::from_utf8_lossy(&output.stdout)));
        }
    }
    let (mut candidates, mut notes) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry.path {
            None => notes.push(format!("{} has no value Path, so that engines pass over it", entry.key)),
            Some(path) if !path.is_file() => notes.push(format!(
                "{} names {}, which is not there: engines pass over it without a word",
                entry.key,
                path.display()
            )),
            Some(path) => candidates.push(examine(path, entry.key, mime)),
        }
    }
    let handling = super::handling(&candidates);
    let decision = match handling[..] {
        [] => Decision::Nothing,
        [only] => Decision::File(only, "it is the only file for this type in the registry".to_owned()),
        _ => Decision::Undetermined(handling, "the order of the registry's keys decides".to_owned()),
    };
    Choice { folders: Vec::new(), candidates, decision, notes }
}

fn examine(path: PathBuf, found_as: String, mime: &str) -> Candidate {
    let types = types(&path);
    let handles = types.as_ref().is_ok_and(|(_, types)| types.iter().any(|name| name == mime));
    let answer = types.map(|(name, types)| Answer { name, mime: types.join(";"), ..Answer::default() });
    let modified = path.metadata().and_then(|metadata| metadata.modified()).ok();
    Candidate { path, found_as, answer, handles, modified }
}

/// The name and the types that a plugin's version resource has.
fn types(path: &Path) -> Result<(String, Vec<String>), String> {
    let bytes = read(path).map_err(|error| error.to_string())?;
    let resource = file::inspect(&bytes).map_err(|error| error.to_string())?.resource;
    let resource = resource.ok_or("it has no version resource")?;
    let types = resource.string("MIMEType").ok_or("its version resource has no MIMEType")?;
    let name = resource.string("ProductName").unwrap_or_default().to_owned();
    Ok((name, types.split('|').map(str::to_lowercase).collect()))
}

/// Keys begin at the margin; values are indented: name, type and data.
fn parse(output: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in output.lines().map(|line| line.trim_end()) {
        if line.starts_with("HKEY_") {
            // MozillaPlugins itself, and the keys MimeTypes below a plugin's, have no Path and need none.
            let depth = line.split('\\').skip_while(|part| !part.eq_ignore_ascii_case("MozillaPlugins")).count();
            entries.push(Entry { key: if depth == 2 { line.to_owned() } else { String::new() }, path: None });
        } else if let (Some(entry), Some(value)) = (entries.last_mut(), line.trim_start().strip_prefix("Path"))
            && let Some(data) = value.trim_start().strip_prefix("REG_SZ")
        {
            entry.path = Some(PathBuf::from(data.trim()));
        }
    }
    entries.retain(|entry| !entry.key.is_empty());
    entries
}

#[cfg(test)]
mod tests {
    use super::{Entry, parse};

    #[test]
    fn the_registry_is_read() {
        let output = "\r\nHKEY_CURRENT_USER\\Software\\MozillaPlugins\r\n\r\n\
                      HKEY_CURRENT_USER\\Software\\MozillaPlugins\\@a/b\r\n    Path    REG_SZ    C:\\a folder\\npa.dll\r\n\
                      \x20   Vendor    REG_SZ    me\r\n\
                      HKEY_CURRENT_USER\\Software\\MozillaPlugins\\@a/b\\MimeTypes\r\n\
                      HKEY_CURRENT_USER\\Software\\MozillaPlugins\\@c/d\r\n";
        let key = |name: &str| format!("HKEY_CURRENT_USER\\Software\\MozillaPlugins\\{name}");
        let entry = |name: &str, path: Option<&str>| Entry { key: key(name), path: path.map(Into::into) };
        assert_eq!(parse(output), [entry("@a/b", Some("C:\\a folder\\npa.dll")), entry("@c/d", None)]);
    }
}
