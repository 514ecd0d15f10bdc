//! The program and the libraries in the process: where their code is, and which files it comes from.

use core::ffi::{CStr, c_int, c_void};
use std::fs;

use crate::sys::PAGE;

/// Code of the program or of a library.
pub(super) struct Module {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Where in the file it begins.
    pub(super) offset: usize,
    pub(super) path: String,
    /// In hexadecimal digits; empty when the file has none.
    pub(super) build_id: String,
}

/// All of them, the program first.
pub(super) fn modules() -> Vec<Module> {
    let mut modules = Vec::new();
    // SAFETY: `note` gets what it expects, and nothing of it is used after the call.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut modules).cast()) };
    modules
}

unsafe extern "C" fn note(about: *mut libc::dl_phdr_info, _: usize, modules: *mut c_void) -> c_int {
    // SAFETY: what the linker describes stays as it is during the call, and `modules` is the list from above.
    let (about, headers, modules) = unsafe {
        let about = &*about;
        let headers = core::slice::from_raw_parts(about.dlpi_phdr, about.dlpi_phnum.into());
        (about, headers, &mut *modules.cast::<Vec<Module>>())
    };
    let address = |header: &libc::Elf64_Phdr| (about.dlpi_addr + header.p_vaddr) as usize;
    let path = match about.dlpi_name.is_null() {
        true => String::new(),
        // SAFETY: a text that ends in a zero byte.
        false => unsafe { CStr::from_ptr(about.dlpi_name) }.to_string_lossy().into_owned(),
    };
    // The program itself has no name there.
    let path = match path.is_empty() && modules.is_empty() {
        true => fs::read_link("/proc/self/exe").map_or(path, |exe| exe.display().to_string()),
        false => path,
    };
    let notes = headers.iter().filter(|header| header.p_type == libc::PT_NOTE);
    // SAFETY: notes are mapped with the module, for as many bytes.
    let mut notes = notes
        .map(|header| unsafe { core::slice::from_raw_parts(address(header) as *const u8, header.p_memsz as usize) });
    let build_id = notes.find_map(build_id).unwrap_or_default();
    let code = |header: &&libc::Elf64_Phdr| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_X != 0;
    modules.extend(headers.iter().filter(code).map(|header| {
        let skew = address(header) % PAGE;
        Module {
            start: address(header) - skew,
            end: (address(header) + header.p_memsz as usize).next_multiple_of(PAGE),
            offset: header.p_offset as usize - skew,
            path: path.clone(),
            build_id: build_id.clone(),
        }
    }));
    0
}

/// The build id among the notes of a file (elf(5)).
fn build_id(mut notes: &[u8]) -> Option<String> {
    const BUILD_ID: u32 = 3;
    loop {
        let (head, rest) = notes.split_at_checked(12)?;
        let mut numbers = head.as_chunks::<4>().0.iter().map(|bytes| u32::from_ne_bytes(*bytes));
        let (name_len, len, kind) = (numbers.next()? as usize, numbers.next()? as usize, numbers.next()?);
        let (name, rest) = rest.split_at_checked(name_len.next_multiple_of(4))?;
        if kind == BUILD_ID && name == b"GNU\0" {
            return Some(rest.get(..len)?.iter().map(|byte| format!("{byte:02x}")).collect());
        }
        notes = rest.get(len.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_comes_first_and_holds_its_own_code() {
        let modules = modules();
        let here = modules_test_address();
        assert!((modules[0].start..modules[0].end).contains(&here));
        assert_eq!(Some(modules[0].path.as_str()), std::env::current_exe().expect("a path").to_str());
        assert!(modules.iter().any(|module| module.path.contains("libc.so") && module.build_id.len() == 40));
    }

    fn modules_test_address() -> usize {
        modules as fn() -> Vec<Module> as usize
    }

    #[test]
    fn a_build_id_is_found_behind_other_notes() {
        let note = |kind: u8, contents: &[u8]| {
            [&[4, 0, 0, 0, contents.len() as u8, 0, 0, 0, kind, 0, 0, 0][..], b"GNU\0", contents].concat()
        };
        let notes = [note(1, b"four"), note(3, &[0xab, 0, 0x12, 0xff])].concat();
        assert_eq!(build_id(&notes).as_deref(), Some("ab0012ff"));
        assert_eq!(build_id(&notes[..notes.len() - 1]), None);
        assert_eq!(build_id(&note(1, b"four")), None);
        assert_eq!(build_id(&[]), None);
    }
}
