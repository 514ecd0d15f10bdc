//! What a plugin file is, from its bytes alone.

use std::fmt;

use object::read::NameOrOrdinal;
use object::read::macho::{FatArch, MachOFatFile32, MachOFatFile64};
use object::{Architecture, FileKind, Object};

use crate::version::{self, Resource};

/// Files past this size are not read: no plugin comes near.
pub const MAX_SIZE: u64 = 1 << 30;

/// Exports past this number are not listed.
const MAX_EXPORTS: usize = 100_000;

/// The format of a plugin file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Linux and other Unixes.
    Elf,
    /// Windows.
    Pe,
    /// OS X.
    MachO,
}

/// What the bytes of a file say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Of the file.
    pub format: Format,
    /// Of the code in it, such as `x86_64`; several for a universal file.
    pub architectures: Vec<String>,
    /// Whether it is a library that can be loaded, rather than a program or an object file.
    pub is_library: bool,
    /// The functions of the ABI among the exports.
    pub exports: Vec<String>,
    /// The build that the linker has noted, which a loaded plugin tells as `npapiOrigin`.
    pub build: Option<String>,
    /// The version resource, on Windows.
    pub resource: Option<Resource>,
}

/// Why a file is no plugin at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It has no bytes.
    Empty,
    /// It is none of the three formats; with what it seems to be.
    Format(String),
    /// It is one of them, but broken.
    Broken(Format, String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(formatter, "the file is empty"),
            Self::Format(kind) => write!(formatter, "the file is no plugin: it is {kind}"),
            Self::Broken(format, problem) => write!(formatter, "the file is a broken or truncated {format}: {problem}"),
        }
    }
}

impl std::error::Error for Unreadable {}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Elf => "ELF file",
            Self::Pe => "PE file",
            Self::MachO => "Mach-O file",
        })
    }
}

/// Reads what a file is.
///
/// # Errors
/// When it is no plugin at all, or broken.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, Unreadable> {
    if bytes.is_empty() {
        return Err(Unreadable::Empty);
    }
    let format = match FileKind::parse(bytes) {
        Ok(FileKind::Elf32 | FileKind::Elf64) => Format::Elf,
        Ok(FileKind::Pe32 | FileKind::Pe64) => Format::Pe,
        Ok(FileKind::MachO32 | FileKind::MachO64) => Format::MachO,
        Ok(FileKind::MachOFat32) => {
            return match MachOFatFile32::parse(bytes) {
                Ok(file) => universal(bytes, file.arches()),
                Err(error) => Err(Unreadable::Broken(Format::MachO, error.to_string())),
            };
        }
        Ok(FileKind::MachOFat64) => {
            return match MachOFatFile64::parse(bytes) {
                Ok(file) => universal(bytes, file.arches()),
                Err(error) => Err(Unreadable::Broken(Format::MachO, error.to_string())),
            };
        }
        Ok(other) => return Err(Unreadable::Format(format!("of kind {other:?}"))),
        Err(_) => return Err(Unreadable::Format(guess(bytes))),
    };
    read(bytes, format)
}

fn read(bytes: &[u8], format: Format) -> Result<Inspection, Unreadable> {
    let broken = |error: object::Error| Unreadable::Broken(format, error.to_string());
    let file = object::File::parse(bytes).map_err(broken)?;
    let mut exports = Vec::new();
    for export in file.exports().map_err(broken)?.take(MAX_EXPORTS) {
        // Windows can export by number alone, which is of no use to a browser.
        let export = export.map_err(broken)?;
        let NameOrOrdinal::Name(name) = export.name() else { continue };
        let name = String::from_utf8_lossy(name);
        // Mach-O puts an underscore in front of what C calls it.
        let name = if format == Format::MachO { name.trim_start_matches('_') } else { &name };
        if name.starts_with("NP_") {
            exports.push(name.to_owned());
        }
    }
    exports.sort();
    exports.dedup();
    let build = match format {
        Format::Elf => file.build_id().ok().flatten().map(hex),
        Format::MachO => file.mach_uuid().ok().flatten().map(|uuid| hex(&uuid)),
        Format::Pe => version::build(bytes),
    };
    let is_library = match file.kind() {
        object::ObjectKind::Dynamic => true,
        // What the header of a Windows library says, and of the bundle that OS X linkers make.
        _ => format != Format::Elf && is_library(bytes, format),
    };
    Ok(Inspection {
        format,
        architectures: vec![architecture(file.architecture())],
        is_library,
        exports,
        build,
        resource: if format == Format::Pe { version::read(bytes) } else { None },
    })
}

/// Each architecture has to be a plugin; what is said is what they have in common.
fn universal<A: FatArch>(bytes: &[u8], arches: &[A]) -> Result<Inspection, Unreadable> {
    let broken = |problem: &str| Unreadable::Broken(Format::MachO, problem.to_owned());
    let mut all: Option<Inspection> = None;
    for arch in arches.iter().take(16) {
        let data = arch.data(bytes).map_err(|error| broken(&error.to_string()))?;
        let one = match FileKind::parse(data) {
            Ok(FileKind::MachO32 | FileKind::MachO64) => read(data, Format::MachO)?,
            _ => return Err(broken("a part of it is no Mach-O file")),
        };
        match &mut all {
            None => all = Some(one),
            Some(all) => {
                all.architectures.extend(one.architectures);
                all.exports.retain(|name| one.exports.contains(name));
                all.is_library &= one.is_library;
            }
        }
    }
    all.ok_or_else(|| broken("it has no architecture"))
}

fn is_library(bytes: &[u8], format: Format) -> bool {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?));
    match format {
        // IMAGE_FILE_DLL in the characteristics, which are 22 bytes into the second header.
        Format::Pe => number(0x3C)
            .and_then(|header| number((header as usize).checked_add(22)?))
            .is_some_and(|characteristics| characteristics & 0x2000 != 0),
        // MH_DYLIB or MH_BUNDLE.
        Format::MachO => number(12).is_some_and(|kind| kind == 6 || kind == 8),
        Format::Elf => false,
    }
}

fn architecture(architecture: Architecture) -> String {
    match architecture {
        Architecture::X86_64 => "x86_64".to_owned(),
        Architecture::I386 => "x86".to_owned(),
        Architecture::Aarch64 => "aarch64".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// The name by which this machine's own architecture goes.
pub fn host_architecture() -> &'static str {
    std::env::consts::ARCH
}

fn guess(bytes: &[u8]) -> String {
    let start = bytes.get(..bytes.len().min(512)).unwrap_or_default();
    if start.starts_with(b"!<arch>\n") {
        "a static library".to_owned()
    } else if start.starts_with(b"#!") {
        "a script".to_owned()
    } else if start.starts_with(b"PK") {
        "a ZIP archive".to_owned()
    } else if std::str::from_utf8(start).is_ok() {
        "a text".to_owned()
    } else {
        "of no known format, or too short to tell".to_owned()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Unreadable, inspect};

    #[test]
    fn what_is_no_plugin_is_named() {
        assert_eq!(inspect(b""), Err(Unreadable::Empty));
        assert_eq!(inspect(b"#!/bin/sh\n").unwrap_err().to_string(), "the file is no plugin: it is a script");
        assert_eq!(inspect(b"hello, this is a text").unwrap_err().to_string(), "the file is no plugin: it is a text");
        assert!(inspect(b"\x7fELF\x02\x01\x01").is_err());
        assert!(inspect(&[0xFF; 100]).is_err());
    }
}
