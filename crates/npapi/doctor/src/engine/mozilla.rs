//! Gecko on Linux: `nsPluginHost.cpp` and `nsPluginDirServiceProvider` in its source. On Windows: the registry.

use std::path::PathBuf;

use super::{
    Choice, Decision, Surroundings, examine, files, handling, is_shared_library, paths_in, registry, user_folder,
};
use crate::check::Prober;

pub(super) fn choose(mime: &str, surroundings: &Surroundings, prober: Prober<'_>) -> Choice {
    if cfg!(windows) {
        return registry::choose(mime);
    }
    let mut folders = paths_in(surroundings, "MOZ_PLUGIN_PATH");
    folders.push(user_folder(&surroundings.home));
    let system =
        if cfg!(target_pointer_width = "64") { "/usr/lib64/mozilla/plugins" } else { "/usr/lib/mozilla/plugins" };
    folders.push(PathBuf::from(system));
    let candidates = examine(files(&folders, is_shared_library), mime, prober);
    let version = |index: usize| {
        let answer = candidates[index].answer.as_ref();
        numbers(answer.map(|answer| answer.version.as_str()).unwrap_or_default())
    };
    let mut order = handling(&candidates);
    order.sort_by_key(|index| std::cmp::Reverse(version(*index)));
    let decision = match order[..] {
        [] => Decision::Nothing,
        [only] => Decision::File(only, "it is the only file for this type".to_owned()),
        [first, second, ..] if version(first) != version(second) => {
            Decision::File(first, "its version, from NP_GetPluginVersion, is the highest".to_owned())
        }
        [first, ..] => {
            let equal = order.iter().copied().filter(|index| version(*index) == version(first)).collect();
            let why = "these have the same version; the order in which the browser has read its folders decides";
            Decision::Undetermined(equal, why.to_owned())
        }
    };
    let notes = vec![
        "the folder `plugins` beside the browser's own program is read as well".to_owned(),
        "the browser keeps a list in pluginreg.dat of its profile; a plugin that the user has switched off is passed over"
            .to_owned(),
    ];
    Choice { folders, candidates, decision, notes }
}

/// A version's numbers, without the zeros at its end.
fn numbers(version: &str) -> Vec<u64> {
    let mut numbers: Vec<u64> = version
        .split(|character: char| !character.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().unwrap_or(u64::MAX))
        .collect();
    while numbers.last() == Some(&0) {
        numbers.pop();
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn versions_compare_by_their_numbers() {
        assert!(numbers("1.10") > numbers("1.9"));
        assert_eq!(numbers("1.0.0"), numbers("1"));
        assert!(numbers("") < numbers("0.1"));
    }
}
