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
}

impl Place {
    pub(super) const fn nowhere() -> Self {
        Self { bytes: [0; MOST], len: 0 }
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
        place.put(b"/")?;
        place.put_number(namespace.st_ino)?;
        place.put(b".")?;
        place.put_number(pid.into())?;
        Some(place)
    }

    pub(super) fn path(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
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
