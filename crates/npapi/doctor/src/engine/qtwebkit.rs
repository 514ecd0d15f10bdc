//! QtWebKit 5.212: `PluginDatabase`, `PluginPackage` and `FileSystemQt` in its source.

use std::path::{Path, PathBuf};

use super::{Choice, Decision, Surroundings, examine, files, handling, is_shared_library, paths_in, user_folder};
use crate::check::Prober;

const FOLDERS: [&str; 18] = [
    "/usr/lib/browser/plugins",
    "/usr/local/lib/mozilla/plugins",
    "/usr/lib/firefox/plugins",
    "/usr/lib64/browser-plugins",
    "/usr/lib/browser-plugins",
    "/usr/lib/mozilla/plugins",
    "/usr/local/netscape/plugins",
    "/opt/mozilla/plugins",
    "/opt/mozilla/lib/plugins",
    "/opt/netscape/plugins",
    "/opt/netscape/communicator/plugins",
    "/usr/lib/netscape/plugins",
    "/usr/lib/netscape/plugins-libc5",
    "/usr/lib/netscape/plugins-libc6",
    "/usr/lib64/netscape/plugins",
    "/usr/lib64/mozilla/plugins",
    "/usr/lib/nsbrowser/plugins",
    "/usr/lib64/nsbrowser/plugins",
];

/// Files that it never loads, by the name up to the first dot.
const BANNED: [&str; 3] = ["skypebuttons", "libkpartsplugin", "libvlcplugin"];

pub(super) fn choose(mime: &str, surroundings: &Surroundings, prober: Prober<'_>) -> Choice {
    let folders = folders(surroundings);
    let mut candidates = examine(files(&folders, is_shared_library), mime, prober);
    for candidate in &mut candidates {
        let name = candidate.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let base = name.split('.').next().unwrap_or_default();
        if BANNED.contains(&base) {
            candidate.answer = Err("QtWebKit has banned files of this name".to_owned());
            candidate.handles = false;
        }
        // It looks a type up among those that have a description.
        let is_described = candidate
            .answer
            .as_ref()
            .is_ok_and(|answer| answer.types().iter().any(|(name, described)| name == mime && *described));
        if candidate.handles && !is_described {
            candidate.answer = Err("the type has no description, without which QtWebKit does not find it".to_owned());
            candidate.handles = false;
        }
    }
    // The user's own folder first, then by name, then by folder.
    let preferred = user_folder(&surroundings.home);
    let key = |index: usize| {
        let candidate = &candidates[index];
        let folder = candidate.path.parent().unwrap_or(Path::new("")).to_owned();
        let name = candidate.answer.as_ref().map(|answer| answer.name.clone()).unwrap_or_default();
        (folder != preferred, name, folder)
    };
    let mut order = handling(&candidates);
    order.sort_by_key(|index| key(*index));
    let crashing =
        candidates.iter().filter(|candidate| candidate.answer.as_ref().is_err_and(|why| why.contains("crashes")));
    let mut notes: Vec<_> = crashing
        .map(|file| format!("loading {} crashes, and QtWebKit with it, since it loads every file", file.path.display()))
        .collect();
    let decision = match order[..] {
        [] => Decision::Nothing,
        [only] => Decision::File(only, "it is the only file for this type".to_owned()),
        [first, second, ..] => {
            let (one, other) = (key(first), key(second));
            if one == other {
                let equal = order.iter().copied().filter(|index| key(*index) == one).collect();
                let why = "these have the same name and are in the same folder; the order of a hash table decides";
                Decision::Undetermined(equal, why.to_owned())
            } else if one.0 != other.0 {
                Decision::File(first, format!("it is in {}, which comes first", preferred.display()))
            } else if one.1 != other.1 {
                Decision::File(first, format!("its name {:?} comes before {:?}", one.1, other.1))
            } else {
                let rule = format!("of equal names, {} comes before {}", one.2.display(), other.2.display());
                Decision::File(first, rule)
            }
        }
    };
    if order.len() > 1 {
        notes.push("QtWebKit does not try the next file when the first one's NP_Initialize fails".to_owned());
    }
    Choice { folders, candidates, decision, notes }
}

fn folders(surroundings: &Surroundings) -> Vec<PathBuf> {
    let mut folders = vec![user_folder(&surroundings.home), surroundings.home.join(".netscape/plugins")];
    folders.extend(FOLDERS.iter().map(PathBuf::from));
    // Without the variable it looks into /plugins.
    let mozilla = (surroundings.variable)("MOZILLA_HOME").unwrap_or_default();
    folders.push(PathBuf::from(format!("{mozilla}/plugins")));
    folders.extend(paths_in(surroundings, "MOZ_PLUGIN_PATH"));
    folders.extend(paths_in(surroundings, "QTWEBKIT_PLUGIN_PATH"));
    folders
}
