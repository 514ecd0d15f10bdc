//! Where each engine looks, and which file wins.
//!
//! | engine | how its rule is known |
//! | --- | --- |
//! | [`Engine::QtWebKit`] | its source, version 5.212, and tests that compare with what it loads |
//! | [`Engine::Chromium`] | its source, version 31, for Linux; the registry of Windows |
//! | [`Engine::Mozilla`] | its source, for Linux; not tried |

mod chromium;
mod mozilla;
mod qtwebkit;
mod registry;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::check::Prober;
use crate::probe::{self, Answer};

/// A browser engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// QtWebKit 5.
    QtWebKit,
    /// Chromium up to version 34, which is where NPAPI ends on Linux.
    Chromium,
    /// Gecko up to version 51, and its descendants: Pale Moon, Basilisk.
    Mozilla,
}

/// What an engine finds in its surroundings.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The user's home.
    pub home: PathBuf,
    /// Environment variables; those of this process, unless a test says otherwise.
    pub variable: fn(&str) -> Option<String>,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_this_process() -> Self {
        let variable = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        Self { home: PathBuf::from(variable("HOME").or_else(|| variable("USERPROFILE")).unwrap_or_default()), variable }
    }
}

/// A file that an engine comes across.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Where it is, with symbolic links followed.
    pub path: PathBuf,
    /// Where the engine found it: the same, a symbolic link, or a registry key.
    pub found_as: String,
    /// What it answers; or why the engine passes over it.
    pub answer: Result<Answer, String>,
    /// Whether it is for the type in question.
    pub handles: bool,
    /// When it was changed last.
    pub modified: Option<SystemTime>,
}

/// What an engine will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// There is no plugin for the type.
    Nothing,
    /// This candidate wins, by this rule.
    File(usize, String),
    /// One of these, and it cannot be said which.
    Undetermined(Vec<usize>, String),
}

/// The whole answer.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Where the engine looks, in its order.
    pub folders: Vec<PathBuf>,
    /// What it finds there.
    pub candidates: Vec<Candidate>,
    /// What it does then.
    pub decision: Decision,
    /// What else to know.
    pub notes: Vec<String>,
}

/// Says which file an engine will load for a type.
pub fn which(engine: Engine, mime: &str, surroundings: &Surroundings, prober: Prober<'_>) -> Choice {
    let mime = mime.to_lowercase();
    match engine {
        Engine::QtWebKit => qtwebkit::choose(&mime, surroundings, prober),
        Engine::Chromium => chromium::choose(&mime, surroundings, prober),
        Engine::Mozilla => mozilla::choose(&mime, surroundings, prober),
    }
}

/// The user's own plugin folder, which all of the engines look into on X11.
pub fn user_folder(home: &Path) -> PathBuf {
    home.join(".mozilla/plugins")
}

/// The paths in a variable, divided by colons.
fn paths_in(surroundings: &Surroundings, name: &str) -> Vec<PathBuf> {
    let value = (surroundings.variable)(name).unwrap_or_default();
    value.split(':').filter(|path| !path.is_empty()).map(PathBuf::from).collect()
}

/// The files of some folders whose names an engine takes, each file once, in the order of the folders.
fn files(folders: &[PathBuf], takes: fn(&Path) -> bool) -> Vec<(PathBuf, String)> {
    let mut found: Vec<(PathBuf, String)> = Vec::new();
    for folder in folders {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        names.sort();
        for name in names {
            // A symbolic link to nowhere has no real path, and no engine sees it.
            let Ok(path) = name.canonicalize() else { continue };
            if takes(&name) && path.is_file() && !found.iter().any(|(known, _)| *known == path) {
                found.push((path, name.display().to_string()));
            }
        }
    }
    found
}

/// Whether a name ends with `.so`, in upper or lower case, and is not hidden.
fn is_shared_library(name: &Path) -> bool {
    name.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("so"))
        && name.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.'))
}

/// Asks each file what it is.
fn examine(found: Vec<(PathBuf, String)>, mime: &str, prober: Prober<'_>) -> Vec<Candidate> {
    let one = |(path, found_as): (PathBuf, String)| {
        let answer = match prober {
            Some(arguments) => probe::ask(&path, arguments),
            None => Err("it was not asked".to_owned()),
        };
        let handles = answer.as_ref().is_ok_and(|answer| answer.types().iter().any(|(name, _)| name == mime));
        let modified = path.metadata().and_then(|metadata| metadata.modified()).ok();
        Candidate { path, found_as, answer, handles, modified }
    };
    found.into_iter().map(one).collect()
}

/// The candidates for the type.
fn handling(candidates: &[Candidate]) -> Vec<usize> {
    (0..candidates.len()).filter(|index| candidates[*index].handles).collect()
}

impl fmt::Display for Choice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (there, missing): (Vec<_>, Vec<_>) = self.folders.iter().partition(|folder| folder.is_dir());
        writeln!(formatter, "folders, in the engine's order ({} more are not there):", missing.len())?;
        for folder in there {
            writeln!(formatter, "    {}", folder.display())?;
        }
        writeln!(formatter, "files:")?;
        if self.candidates.is_empty() {
            writeln!(formatter, "    none")?;
        }
        for candidate in &self.candidates {
            write!(formatter, "    {}", candidate.path.display())?;
            if candidate.found_as != candidate.path.display().to_string() {
                write!(formatter, "  (found as {})", candidate.found_as)?;
            }
            match &candidate.answer {
                Ok(answer) if candidate.handles => writeln!(formatter, "  {:?}, for this type", answer.name)?,
                Ok(answer) => writeln!(formatter, "  {:?}, for other types", answer.name)?,
                Err(problem) => writeln!(formatter, "  passed over: {problem}")?,
            }
        }
        for note in &self.notes {
            writeln!(formatter, "note: {note}")?;
        }
        match &self.decision {
            Decision::Nothing => writeln!(formatter, "loads: nothing; there is no plugin for this type"),
            Decision::File(index, rule) => {
                writeln!(formatter, "loads: {}", self.candidates[*index].path.display())?;
                writeln!(formatter, "because: {rule}")?;
                for shadowed in handling(&self.candidates).into_iter().filter(|other| other != index) {
                    writeln!(formatter, "shadowed: {}", self.candidates[shadowed].path.display())?;
                }
                Ok(())
            }
            Decision::Undetermined(indices, why) => {
                writeln!(formatter, "loads: undetermined")?;
                writeln!(formatter, "because: {why}")?;
                for index in indices {
                    writeln!(formatter, "perhaps: {}", self.candidates[*index].path.display())?;
                }
                Ok(())
            }
        }
    }
}
