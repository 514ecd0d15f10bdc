//! What stands at an address: from debug information, or from the symbol table where there is none.

use std::ffi::c_void;

/// A function that a return address leads into, with the line that it is at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// For people to read.
    pub(super) name: String,
    /// As the linker knows it.
    pub(super) linkage_name: String,
    /// The source file, or nothing where it is not known.
    pub(super) file: String,
    /// Counted from 1; 0 where it is not known.
    pub(super) line: u32,
}

/// The functions at a return address. Where some are inlined, the innermost comes first; none where nothing is known.
pub(super) fn places(address: usize) -> Vec<Place> {
    let mut places = Vec::new();
    backtrace::resolve(address as *mut c_void, |symbol| {
        let Some(name) = symbol.name() else { return };
        places.push(Place {
            name: format!("{name:#}"),
            linkage_name: name.as_str().unwrap_or_default().to_owned(),
            file: symbol.filename().map(|file| file.display().to_string()).unwrap_or_default(),
            line: symbol.lineno().unwrap_or(0),
        });
    });
    places
}

/// Lets go of what was read to answer.
pub(super) fn forget() {
    backtrace::clear_symbol_cache();
}
