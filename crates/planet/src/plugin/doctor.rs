//! `planet plugin doctor`

use std::path::{Path, PathBuf};

use planet_npapi_doctor::debug::{Debugging, OTHER_SYSTEMS};
use planet_npapi_doctor::engine::{self, Decision, Engine, Surroundings};
use planet_npapi_doctor::{Error, check, install, page};

use super::PROBE;
use super::args::{DoctorCommand, EngineName};

/// Carries a command out; whether what it looked at is as it should be.
pub(super) fn run(command: &DoctorCommand) -> Result<bool, Error> {
    let surroundings = Surroundings::of_this_process();
    let folder_or_own = |folder: &Option<PathBuf>| match folder {
        Some(folder) => folder.clone(),
        None => engine::user_folder(&surroundings.home),
    };
    match command {
        DoctorCommand::Check { file, no_load } => {
            let report = check::check(file, (!no_load).then_some(&PROBE))?;
            print!("{report}");
            Ok(report.is_plugin())
        }
        DoctorCommand::Which { mime, engine } => {
            let choice = engine::which(engine_of(*engine), mime, &surroundings, Some(&PROBE));
            print!("{choice}");
            Ok(matches!(choice.decision, Decision::File(..)))
        }
        DoctorCommand::Install { file, folder } => {
            let target = install::install(file, &folder_or_own(folder), Some(&PROBE))?;
            let name = target.file_name().unwrap_or_default().to_string_lossy();
            println!("{}\nundo with: planet plugin doctor uninstall {name}", target.display());
            Ok(true)
        }
        DoctorCommand::Uninstall { name, folder } => {
            let came_back = install::uninstall(name, &folder_or_own(folder))?;
            println!("{name} is out{}", if came_back { "; the file that was there before is back" } else { "" });
            Ok(true)
        }
        DoctorCommand::Page { mime } => {
            let choice = engine::which(Engine::QtWebKit, mime, &surroundings, Some(&PROBE));
            print!("{}", page::page(mime, &choice.candidates));
            Ok(true)
        }
        DoctorCommand::Debug { file, browser, page, run } => {
            let (page, file) = (address(page), file.canonicalize().unwrap_or_else(|_| file.clone()));
            let debugging = Debugging { file: &file, browser, page: &page };
            println!("{}\n\n{OTHER_SYSTEMS}", debugging.text());
            if !run {
                return Ok(true);
            }
            let mut command = debugging.command();
            let ended = command.status().map_err(|error| Error::Refused(format!("cannot start gdb: {error}")))?;
            Ok(ended.success())
        }
        DoctorCommand::Probe { file } => super::answer_probe(file),
    }
}

/// A file's address, which browsers want in place of a relative path.
fn address(page: &str) -> String {
    match Path::new(page).canonicalize() {
        Ok(path) => format!("file://{}", path.display()),
        Err(_) => page.to_owned(),
    }
}

fn engine_of(name: EngineName) -> Engine {
    match name {
        EngineName::Qtwebkit => Engine::QtWebKit,
        EngineName::Chromium => Engine::Chromium,
        EngineName::Mozilla => Engine::Mozilla,
    }
}
