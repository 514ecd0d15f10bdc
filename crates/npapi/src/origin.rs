//! Which file this plugin was loaded from, and which build of it.
//!
//! Every object of the plugin's has a read-only property `npapiOrigin` with both, unless the plugin has one of that name
//! itself. So a page can tell whether the browser runs what was built last: the most common trouble with plugins is that
//! it does not.

use std::path::PathBuf;

/// The file that this code is in; `None` when the system does not say.
pub fn path() -> Option<PathBuf> {
    platform::path()
}

/// The build, as the linker has written it into the file: the GNU build id on ELF, the time stamp and size on Windows,
/// the UUID on OS X. `None` when the linker wrote none.
pub fn build_id() -> Option<String> {
    platform::build_id()
}

/// Both, a line each; what is not known is empty.
pub(crate) fn describe() -> String {
    let path = path().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    format!("{path}\n{}", build_id().unwrap_or_default())
}

#[cfg_attr(windows, allow(dead_code, reason = "Windows has a number instead"))]
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(unix)]
fn loaded() -> Option<libc::Dl_info> {
    let mut information = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: the address is that of this very function, and the place is written when the answer is not 0.
    unsafe {
        let found = libc::dladdr((loaded as *const ()).cast(), information.as_mut_ptr());
        (found != 0).then(|| information.assume_init())
    }
}

#[cfg(unix)]
fn loaded_path() -> Option<PathBuf> {
    use std::ffi::{CStr, OsStr};
    use std::os::unix::ffi::OsStrExt;
    let name = loaded()?.dli_fname;
    // SAFETY: the loader's text, which stays as long as this library.
    let name = (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) })?;
    let path = PathBuf::from(OsStr::from_bytes(name.to_bytes()));
    Some(path.canonicalize().unwrap_or(path))
}

#[cfg(all(unix, not(target_os = "macos")))]
mod platform {
    use std::ffi::{c_int, c_void};
    use std::path::PathBuf;

    pub(super) fn path() -> Option<PathBuf> {
        super::loaded_path()
    }

    /// What is looked for among the loaded files, and what was found.
    struct Search {
        base: usize,
        id: Option<String>,
    }

    pub(super) fn build_id() -> Option<String> {
        let mut search = Search { base: super::loaded()?.dli_fbase.addr(), id: None };
        // SAFETY: the callback gets the search back, which outlives the call.
        unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
        search.id
    }

    unsafe extern "C" fn visit(information: *mut libc::dl_phdr_info, _: usize, data: *mut c_void) -> c_int {
        // SAFETY: the loader's list of a loaded file, and the search given above.
        let (information, search) = unsafe { (&*information, &mut *data.cast::<Search>()) };
        if information.dlpi_phdr.is_null() {
            return 0;
        }
        // SAFETY: as many headers as it says.
        let headers = unsafe { std::slice::from_raw_parts(information.dlpi_phdr, usize::from(information.dlpi_phnum)) };
        let base = information.dlpi_addr as usize;
        let starts = |header: &&libc::Elf64_Phdr| header.p_type == libc::PT_LOAD && header.p_offset == 0;
        if headers.iter().find(starts).is_none_or(|header| base + header.p_vaddr as usize != search.base) {
            return 0;
        }
        for header in headers.iter().filter(|header| header.p_type == libc::PT_NOTE) {
            let start = std::ptr::with_exposed_provenance::<u8>(base + header.p_vaddr as usize);
            // SAFETY: notes are a part of the file that is loaded, for reading.
            let notes = unsafe { std::slice::from_raw_parts(start, header.p_memsz as usize) };
            search.id = search.id.take().or_else(|| gnu_build_id(notes));
        }
        1
    }

    /// The notes of a segment: sizes of name and content, type, name, content, each padded to four bytes.
    pub(super) fn gnu_build_id(mut notes: &[u8]) -> Option<String> {
        const GNU_BUILD_ID: u32 = 3;
        loop {
            let number = |at: usize| Some(u32::from_ne_bytes(notes.get(at..at + 4)?.try_into().ok()?));
            let (name, content, kind) = (number(0)? as usize, number(4)? as usize, number(8)?);
            let start = 12usize.checked_add(name.checked_next_multiple_of(4)?)?;
            let end = start.checked_add(content)?;
            if kind == GNU_BUILD_ID && notes.get(12..16) == Some(b"GNU\0") {
                return notes.get(start..end).map(super::hex);
            }
            notes = notes.get(end.checked_next_multiple_of(4)?..)?;
        }
    }
}

#[cfg(target_os = "macos")]
mod platform {
    use std::path::PathBuf;

    pub(super) fn path() -> Option<PathBuf> {
        super::loaded_path()
    }

    pub(super) fn build_id() -> Option<String> {
        const LC_UUID: u32 = 0x1B;
        const HEADER: usize = 32;
        let base = super::loaded()?.dli_fbase.cast::<u8>().cast_const();
        // SAFETY: the base is the header of a loaded 64-bit Mach-O file: the number of commands is at 16, their bytes
        // at 20, and they follow the header.
        unsafe {
            let count = base.add(16).cast::<u32>().read();
            let mut at = HEADER;
            let end = HEADER + base.add(20).cast::<u32>().read() as usize;
            for _ in 0..count {
                if at + 24 > end {
                    return None;
                }
                if base.add(at).cast::<u32>().read() == LC_UUID {
                    return Some(super::hex(std::slice::from_raw_parts(base.add(at + 8), 16)));
                }
                at += (base.add(at + 4).cast::<u32>().read() as usize).max(8);
            }
        }
        None
    }
}

#[cfg(windows)]
mod platform {
    use std::ffi::{OsString, c_int, c_void};
    use std::os::windows::ffi::OsStringExt;
    use std::path::PathBuf;
    use std::ptr;

    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetModuleHandleExW(flags: u32, name: *const c_void, module: *mut *mut c_void) -> c_int;
        fn GetModuleFileNameW(module: *mut c_void, name: *mut u16, size: u32) -> u32;
    }

    fn module() -> Option<*mut c_void> {
        // By an address within it, and without counting.
        const FROM_ADDRESS_UNCOUNTED: u32 = 4 | 2;
        let mut module = ptr::null_mut();
        // SAFETY: the address is that of this very function.
        let found = unsafe { GetModuleHandleExW(FROM_ADDRESS_UNCOUNTED, module_address(), &raw mut module) };
        (found != 0).then_some(module)
    }

    fn module_address() -> *const c_void {
        (module as *const ()).cast()
    }

    pub(super) fn path() -> Option<PathBuf> {
        let mut name = vec![0u16; 32_768];
        // SAFETY: the module is loaded, and there is as much room as is said.
        let length = unsafe { GetModuleFileNameW(module()?, name.as_mut_ptr(), name.len() as u32) } as usize;
        (length > 0 && length < name.len()).then(|| OsString::from_wide(&name[..length]).into())
    }

    pub(super) fn build_id() -> Option<String> {
        let base = module()?.cast::<u8>().cast_const();
        // SAFETY: the base is the header of a loaded PE file: at 0x3C is where its second one is, which has the time
        // stamp at 8 and the size of the image at 0x50.
        unsafe {
            let header = base.add(base.add(0x3C).cast::<u32>().read_unaligned() as usize);
            let (time, size) = (header.add(8).cast::<u32>(), header.add(0x50).cast::<u32>());
            Some(format!("{:08x}{:x}", time.read_unaligned(), size.read_unaligned()))
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{build_id, path, platform};

    #[test]
    fn the_file_is_this_one() {
        assert_eq!(path(), std::env::current_exe().ok().and_then(|path| path.canonicalize().ok()));
        let id = build_id();
        assert!(id.as_ref().is_none_or(|id| id.len() >= 16), "{id:?}");
    }

    #[test]
    fn notes_that_lie_about_their_length_end_the_search() {
        let note = |name: u32, content: u32, rest: &[u8]| {
            [&name.to_ne_bytes()[..], &content.to_ne_bytes(), &3u32.to_ne_bytes(), rest].concat()
        };
        assert_eq!(platform::gnu_build_id(&note(4, 2, b"GNU\0\xab\xcd\0\0")), Some("abcd".to_owned()));
        assert_eq!(platform::gnu_build_id(&note(4, 900, b"GNU\0\xab\xcd")), None);
        assert_eq!(platform::gnu_build_id(&note(u32::MAX, u32::MAX, b"XXX\0")), None);
        assert_eq!(platform::gnu_build_id(&[1, 2, 3]), None);
    }
}
