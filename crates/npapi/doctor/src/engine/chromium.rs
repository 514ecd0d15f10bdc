//! Chromium up to 34 on Linux: `plugin_list_posix.cc` in its source. On Windows: the registry.

use std::path::{Path, PathBuf};

use super::{Choice, Decision, Surroundings, examine, files, handling, paths_in, registry, user_folder};
use crate::check::Prober;

const FOLDERS: [&str; 4] = [
    "/usr/lib/browser-plugins",
    "/usr/lib/mozilla/plugins",
    "/usr/lib/firefox/plugins",
    "/usr/lib/xulrunner-addons/plugins",
];
const FOLDERS_64: [&str; 4] = [
    "/usr/lib64/browser-plugins",
    "/usr/lib64/mozilla/plugins",
    "/usr/lib64/firefox/plugins",
    "/usr/lib64/xulrunner-addons/plugins",
];

pub(super) fn choose(mime: &str, surroundings: &Surroundings, prober: Prober<'_>) -> Choice {
    if cfg!(windows) {
        return registry::choose(mime);
    }
    let mut folders = paths_in(surroundings, "MOZ_PLUGIN_PATH");
    folders.push(user_folder(&surroundings.home));
    folders.extend(FOLDERS.map(PathBuf::from));
    if cfg!(target_pointer_width = "64") {
        folders.extend(FOLDERS_64.map(PathBuf::from));
    }
    let candidates = examine(files(&folders, is_listed), mime, prober);
    // Folder by folder, and in each the file that was changed last, or else the lowest name.
    let folder = |index: usize| {
        let found = PathBuf::from(&candidates[index].found_as);
        folders.iter().position(|folder| found.parent() == Some(folder)).unwrap_or(folders.len())
    };
    let mut order = handling(&candidates);
    order.sort_by_key(|index| {
        (folder(*index), std::cmp::Reverse(candidates[*index].modified), &candidates[*index].path)
    });
    let decision = match order[..] {
        [] => Decision::Nothing,
        [only] => Decision::File(only, "it is the only file for this type".to_owned()),
        [first, second, ..] if folder(first) != folder(second) => {
            Decision::File(first, format!("{} comes first", folders[folder(first)].display()))
        }
        [first, second, ..] if candidates[first].modified != candidates[second].modified => {
            Decision::File(first, "it was changed last of those in its folder".to_owned())
        }
        [first, ..] => {
            let rule = "of those changed at the same time in its folder, its name comes first";
            Decision::File(first, rule.to_owned())
        }
    };
    let notes = vec!["the folder `plugins` beside Chromium's own program comes before all of these".to_owned()];
    Choice { folders, candidates, decision, notes }
}

/// It tries every file, whatever its name, but for those of Mozilla's interface descriptions.
fn is_listed(name: &Path) -> bool {
    name.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("xpt"))
}
