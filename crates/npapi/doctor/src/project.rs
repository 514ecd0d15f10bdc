//! A new plugin project, and its build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// The library's sources, which every project gets a copy of: it builds without a network, and is the user's own.
const LIBRARY: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/library.rs"));

const FILES: [(&str, &str); 9] = [
    ("Cargo.toml", include_str!("../template/Cargo.toml.txt")),
    ("build.rs", include_str!("../template/build.rs.txt")),
    ("src/lib.rs", include_str!("../template/lib.rs.txt")),
    ("{{name}}.rc", include_str!("../template/plugin.rc.txt")),
    ("Info.plist", include_str!("../template/Info.plist.txt")),
    ("test.html", include_str!("../template/test.html.txt")),
    ("README.md", include_str!("../template/README.md.txt")),
    (".vscode/launch.json", include_str!("../template/launch.json.txt")),
    (".gitignore", include_str!("../template/gitignore.txt")),
];

/// Writes a new project into `parent/name`, which must not be there yet; where it is.
///
/// # Errors
/// When the name or the type cannot be used, or something of that name is there.
pub fn create(parent: &Path, name: &str, mime: &str) -> Result<PathBuf, Error> {
    let is_name = name.len() <= 40
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|character| character.is_ascii_lowercase() || character.is_ascii_digit());
    if !is_name {
        return Err(Error::Name(name.to_owned()));
    }
    let is_part = |part: &str| {
        !part.is_empty()
            && part.chars().all(|character| {
                character.is_ascii_lowercase() || character.is_ascii_digit() || "+-._".contains(character)
            })
    };
    if !mime.split_once('/').is_some_and(|(kind, subtype)| is_part(kind) && is_part(subtype)) {
        let sentence = format!("{mime:?} is no type of data in lower case, such as application/x-{name}");
        return Err(Error::Refused(sentence));
    }
    let folder = parent.join(name);
    fs::create_dir(&folder).map_err(Error::io("create", &folder))?;
    let fill = |text: &str| text.replace("{{name}}", name).replace("{{mime}}", mime);
    for (path, text) in FILES {
        write(&folder.join(fill(path)), &fill(text))?;
    }
    for (path, text) in LIBRARY {
        write(&folder.join("planet-npapi").join(path), text)?;
    }
    write(&folder.join("planet-npapi/Cargo.toml"), include_str!("../template/library.toml.txt"))?;
    Ok(folder)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    }
    fs::write(path, text).map_err(Error::io("write", path))
}

/// Builds the project in `folder` for a target of rustc's, this machine's own unless one is given; what came of it in
/// `dist/`: `npNAME.so`, `npNAME.dll` or the bundle `NAME.plugin`.
///
/// # Errors
/// When `folder` is no such project, or cargo fails.
pub fn build(folder: &Path, target: Option<&str>) -> Result<PathBuf, Error> {
    let manifest = folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(Error::io("read", &manifest))?;
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("name = \"np")?.strip_suffix('"'))
        .ok_or_else(|| Error::Refused(format!("{} is not of `planet plugin new`", manifest.display())))?;
    let system = target.unwrap_or(std::env::consts::OS);
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder).args(["build", "--release", "--target-dir", "target"]);
    if let Some(target) = target {
        command.args(["--target", target]);
    }
    let status = command.status().map_err(Error::io("run", Path::new("cargo")))?;
    if !status.success() {
        return Err(Error::Refused(format!("cargo ended with {status}")));
    }
    let built = folder.join("target").join(target.unwrap_or_default()).join("release");
    let dist = folder.join("dist");
    let (from, to) = if system.contains("windows") {
        (format!("np{name}.dll"), dist.join(format!("np{name}.dll")))
    } else if system.contains("darwin") || system.contains("macos") {
        let contents = dist.join(format!("{name}.plugin/Contents"));
        fs::create_dir_all(&contents).map_err(Error::io("create", &contents))?;
        let plist = contents.join("Info.plist");
        fs::copy(folder.join("Info.plist"), &plist).map_err(Error::io("write", &plist))?;
        (format!("libnp{name}.dylib"), contents.join("MacOS").join(name))
    } else {
        (format!("libnp{name}.so"), dist.join(format!("np{name}.so")))
    };
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    }
    // A browser may have the old file open: it keeps that, and the name goes to the new one.
    let new = to.with_extension("new");
    fs::copy(built.join(&from), &new).map_err(Error::io("copy", &built.join(&from)))?;
    fs::rename(&new, &to).map_err(Error::io("write", &to))?;
    Ok(if system.contains("darwin") || system.contains("macos") { dist.join(format!("{name}.plugin")) } else { to })
}
