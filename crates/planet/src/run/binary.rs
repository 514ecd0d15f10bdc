//! What the dynamic loader will do with a file, as far as its ELF header says (elf(5)).

use std::path::Path;
use std::{fs, io::Read as _};

use object::elf::{self, FileHeader32, FileHeader64, PT_INTERP};
use object::read::elf::{FileHeader, ProgramHeader as _};
use object::{Endianness, FileKind};

use super::RunError;

/// Headers lie at the start of every program that linkers make.
const MAX_HEADERS: u64 = 64 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Binary {
    pub(super) machine: Machine,
    pub(super) linkage: Linkage,
}

/// What the file's code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    number: elf::Machine,
    is_64: bool,
}

/// Whether a loader comes first, which is what puts other libraries in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Linkage {
    Dynamic,
    Static,
}

impl Binary {
    pub(super) fn read(path: &Path) -> Result<Self, RunError> {
        let mut headers = Vec::new();
        fs::File::open(path)
            .and_then(|file| file.take(MAX_HEADERS).read_to_end(&mut headers))
            .map_err(|error| RunError::Read { path: path.to_owned(), error })?;
        Self::parse(&headers).map_err(|problem| RunError::NotAProgram { path: path.to_owned(), problem })
    }

    fn parse(headers: &[u8]) -> Result<Self, String> {
        match FileKind::parse(headers) {
            Ok(FileKind::Elf64) => Self::of::<FileHeader64<Endianness>>(headers, true),
            Ok(FileKind::Elf32) => Self::of::<FileHeader32<Endianness>>(headers, false),
            _ => Err("it is neither an ELF file nor a script".to_owned()),
        }
    }

    fn of<H: FileHeader<Endian = Endianness>>(headers: &[u8], is_64: bool) -> Result<Self, String> {
        let broken = |error: object::Error| format!("its ELF header is broken: {error}");
        let header = H::parse(headers).map_err(broken)?;
        let endian = header.endian().map_err(broken)?;
        let programs = header.program_headers(endian, headers).map_err(broken)?;
        let has_loader = programs.iter().any(|program| program.p_type(endian) == PT_INTERP);
        let linkage = if has_loader { Linkage::Dynamic } else { Linkage::Static };
        Ok(Self { machine: Machine { number: header.e_machine(endian), is_64 }, linkage })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_dynamic_and_for_this_machine() {
        let own = Binary::read(&std::env::current_exe().unwrap()).unwrap();
        assert_eq!(own.linkage, Linkage::Dynamic);
        assert_eq!(own.machine.is_64, cfg!(target_pointer_width = "64"));
    }

    #[test]
    fn without_a_loader_it_is_static() {
        let mut headers = fs::read(std::env::current_exe().unwrap()).unwrap();
        headers.truncate(4096);
        const PROGRAM_HEADERS: usize = 0x38;
        headers[PROGRAM_HEADERS] = 0;
        assert_eq!(Binary::parse(&headers).unwrap().linkage, Linkage::Static);
    }

    #[test]
    fn anything_else_is_refused() {
        assert!(Binary::parse(b"").is_err());
        assert!(Binary::parse(b"hello").is_err());
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        for length in [5, 20, 63, 65, 100] {
            assert!(Binary::parse(&own[..length]).is_err(), "{length} bytes");
        }
    }
}
