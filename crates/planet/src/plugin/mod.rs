//! `planet plugin`: native browser plugins. What the commands do is in `planet-npapi-doctor`.
//!
//! - [`args`] is what can be written on the command line.
//! - `doctor` is `planet plugin doctor`.

pub mod args;
mod doctor;

use std::path::Path;

use planet_npapi_doctor::{Error, probe, project, viewer};

pub use self::args::PluginCommand;

/// How this program is run to ask a plugin what it is: see [`probe::ask`].
const PROBE: [&str; 3] = ["plugin", "doctor", "probe"];

/// Carries a command out; whether what it looked at is as it should be.
///
/// # Errors
/// When the command could not be carried out.
pub fn run(command: &PluginCommand) -> Result<bool, Error> {
    match command {
        PluginCommand::New { name, mime } => {
            let mime = mime.clone().unwrap_or_else(|| format!("application/x-{name}"));
            let folder = project::create(Path::new("."), name, &mime)?;
            println!("{} is there. Next:", folder.display());
            println!("    cd {name}\n    planet plugin build\n    planet plugin try");
        }
        PluginCommand::Build { target } => {
            let made = project::build(Path::new("."), target.as_deref())?;
            println!("{}", made.display());
        }
        PluginCommand::Try { page, plugins, screenshot } => {
            println!("{}", viewer::show(page, plugins, screenshot.as_deref())?.trim_end());
        }
        PluginCommand::Doctor(command) => return doctor::run(command),
    }
    Ok(true)
}

/// Answers for a plugin that is loaded into this process.
fn answer_probe(file: &Path) -> Result<bool, Error> {
    probe::run(file).map(|()| true).map_err(Error::Refused)
}
