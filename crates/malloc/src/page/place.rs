//! Where the file of the page is.

use core::ffi::CStr;

use super::DEFAULT_FOLDER;
use crate::{settings, sys};

/// A path that is longer gives no page.
const MOST: usize = 512;

/// A path, without an allocation.
pub(super) struct Place {
    /// Zero bytes from `len` on.
    bytes: [u8; MOST],
    len: usize,
    /// Where the folder ends, and where the process id begins.
    folder_end: usize,
    pid_start: usize,
}

impl Place {
    pub(super) const fn nowhere() -> Self {
        Self { bytes: [0; MOST], len: 0, folder_end: 0, pid_start: 0 }
    }

    /// The file of process `pid`, this one, in a folder that is there and belongs to its user alone. `None` when there
    /// is to be none, or such a folder cannot be had.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let mut place = Self::nowhere();
        // SAFETY: the call takes nothing.
        let user = unsafe { libc::geteuid() };
        match settings::variable(settings::PAGES) {
            Some(named) if matches!(named.to_bytes(), b"" | b"0") => return None,
            Some(named) => place.put(named.to_bytes())?,
            None => {
                place.put(DEFAULT_FOLDER.as_bytes())?;
                place.put_number(user.into())?;
            }
        }
        if place.bytes[0] != b'/' {
            // The process may be elsewhere when it ends.
            return None;
        }
        sys::make_folder(place.path());
        let folder = sys::status(place.path(), false)?;
        let is_private = folder.st_mode & (libc::S_IFMT | 0o077) == libc::S_IFDIR && folder.st_uid == user;
        if !is_private {
            return None;
        }
        let namespace = sys::status(c"/proc/self/ns/pid", true)?;
        place.folder_end = place.len;
        place.put(b"/")?;
        place.put_number(namespace.st_ino)?;
        place.put(b".")?;
        place.pid_start = place.len;
        place.put_number(pid.into())?;
        Some(place)
    }

    pub(super) fn path(&self) -> &CStr {
        // SAFETY: the last byte stays zero.
        unsafe { CStr::from_ptr(self.bytes.as_ptr().cast()) }
    }

    /// The folder it is in.
    pub(super) fn folder(&self) -> Self {
        self.cut(self.folder_end)
    }

    /// Where the page of process `pid` is, in the same folder and namespace.
    pub(super) fn of_other(&self, pid: u32) -> Option<Self> {
        let mut place = self.cut(self.pid_start);
        place.put_number(pid.into())?;
        Some(place)
    }

    /// The process whose page would have this name; `None` for another namespace, and for other names.
    pub(super) fn pid_in(&self, name: &[u8]) -> Option<u32> {
        let digits = name.strip_prefix(&self.bytes[self.folder_end + 1..self.pid_start])?;
        // Not `parse`, for which each process would have another part of the library in memory.
        let append = |number: u32, digit: &u8| {
            number.checked_mul(10)?.checked_add(digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?)
        };
        if digits.is_empty() { None } else { digits.iter().try_fold(0, append) }
    }

    fn cut(&self, len: usize) -> Self {
        let mut place = Self { bytes: self.bytes, len, ..*self };
        place.bytes[len..].fill(0);
        place
    }

    fn put(&mut self, text: &[u8]) -> Option<()> {
        let end = self.len + text.len();
        // The last byte stays zero.
        self.bytes[..MOST - 1].get_mut(self.len..end)?.copy_from_slice(text);
        self.len = end;
        Some(())
    }

    fn put_number(&mut self, number: u64) -> Option<()> {
        if number >= 10 {
            self.put_number(number / 10)?;
        }
        self.put(&[b'0' + (number % 10) as u8])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_in_the_same_folder_and_namespace() {
        let own = Place::of(7).expect("there is a folder for shared memory");
        let name = own.path().to_str().expect("a path").rsplit('/').next().expect("a name").to_owned();
        assert_eq!(own.pid_in(name.as_bytes()), Some(7));
        for other in ["1.7", &name[..name.len() - 1], &format!("{name}x"), &format!("{name}777777777777")] {
            assert_eq!(own.pid_in(other.as_bytes()), None, "{other}");
        }
        let other = own.of_other(123).expect("room");
        assert_eq!(
            other.path().to_str(),
            Ok(&*format!("{}123", &own.path().to_str().expect("a path").trim_end_matches('7')))
        );
        assert!(own.path().to_bytes().starts_with(own.folder().path().to_bytes()));
    }

    #[test]
    fn paths_are_put_together_and_bounded() {
        let mut place = Place::nowhere();
        place.put(b"/a/").expect("room");
        place.put_number(0).expect("room");
        place.put_number(40_961).expect("room");
        assert_eq!(place.path(), c"/a/040961");
        assert_eq!(place.put(&[b'x'; MOST]), None);
        assert_eq!(place.put(&[b'x'; MOST - 1 - "/a/040961".len()]), Some(()));
        assert_eq!(place.put(b"x"), None);
        assert_eq!(place.path().to_bytes().len(), MOST - 1);
    }
}
