//! Removing the pages of processes that ended without being asked: killed ones, and children of a fork, which usually
//! leave by `_exit`. Whoever makes a page looks after others', so that they do not pile up where nobody reads.

use super::place::Place;
use crate::sys;

/// Bytes of the folder's list that are looked at: some hundred pages, the newest first.
const LOOKED_AT: usize = 4096;
/// Where an entry (getdents64(2)) has its length and its name.
const LENGTH_AT: usize = 16;
const NAME_AT: usize = 19;

/// Removes pages beside `own` whose processes are no more.
pub(super) fn sweep(own: &Place) {
    let mut list = [0; LOOKED_AT];
    let Some(folder) = sys::open(own.folder().path(), libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC, 0) else {
        return;
    };
    let len = sys::list(folder, &mut list).unwrap_or(0);
    sys::close(folder);
    names(&list[..len]).filter_map(|name| own.pid_in(name)).filter(|pid| !sys::is_process(*pid)).for_each(|pid| {
        if let Some(stale) = own.of_other(pid) {
            sys::remove_file(stale.path());
        }
    });
}

fn names(mut list: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        let length = u16::from_ne_bytes(*list.get(LENGTH_AT..)?.first_chunk()?);
        let (entry, rest) = list.split_at_checked(length.into())?;
        list = rest;
        let name = entry.get(NAME_AT..)?;
        Some(&name[..name.iter().position(|byte| *byte == 0)?])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_out_of_a_list_and_no_further() {
        let entry = |name: &[u8]| {
            let mut entry = vec![0; NAME_AT];
            entry.extend(name);
            entry.resize((entry.len() + 1).next_multiple_of(8), 0);
            let length = entry.len() as u16;
            entry[LENGTH_AT..][..2].copy_from_slice(&length.to_ne_bytes());
            entry
        };
        let list = [entry(b"."), entry(b"7.123"), entry(b"")].concat();
        assert_eq!(names(&list).collect::<Vec<_>>(), [&b"."[..], b"7.123", b""]);
        assert_eq!(names(&list[..list.len() - 1]).count(), 2);
        assert_eq!(names(&[]).count(), 0);
    }
}
