//! Why a program was not run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::{fmt, io};

/// Why a program was not run. Each says what to do.
#[derive(Debug)]
pub enum RunError {
    /// No command was given.
    NoCommand,
    /// The allocator's library is in none of these places.
    NoLibrary {
        /// Where it was looked for.
        looked_at: Vec<PathBuf>,
    },
    /// The library's path has a character that the loader takes for something else.
    Unlistable {
        /// The library.
        library: PathBuf,
    },
    /// No such program.
    NotFound {
        /// As it was given.
        name: OsString,
    },
    /// It is there, and may not be run.
    NotExecutable {
        /// The file.
        path: PathBuf,
    },
    /// A file could not be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file that is neither an ELF program nor a script.
    NotAProgram {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Scripts whose interpreters are scripts, too many of them.
    TooManyInterpreters {
        /// The first.
        path: PathBuf,
    },
    /// The program brings its own C library, and takes no other allocator.
    Static {
        /// The file.
        program: PathBuf,
    },
    /// The program runs with more rights than its caller, so the loader ignores what the caller wants preloaded.
    Privileged {
        /// The file.
        program: PathBuf,
    },
    /// Program and library are for different processors.
    OtherMachine {
        /// The program.
        program: PathBuf,
        /// The library.
        library: PathBuf,
    },
    /// The system did not start it.
    Start {
        /// The file.
        program: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand => write!(f, "what is to be run? As in: planet run -- python app.py"),
            Self::NoLibrary { looked_at } => {
                let places: Vec<_> = looked_at.iter().map(|path| path.display().to_string()).collect();
                write!(
                    f,
                    "the allocator's library is not at {}; build it with `cargo build --release -p \
                     planet-malloc-preload`, or say where it is with {}",
                    places.join(" or "),
                    super::LIBRARY_VARIABLE
                )
            }
            Self::Unlistable { library } => write!(
                f,
                "the loader would not find {}, for the space, colon or dollar sign in its path; copy it elsewhere, and say \
                 where with {}",
                library.display(),
                super::LIBRARY_VARIABLE
            ),
            Self::NotFound { name } => write!(f, "{}: no such program", name.display()),
            Self::NotExecutable { path } => {
                write!(f, "{} may not be run; make it executable, or name its interpreter", path.display())
            }
            Self::Read { path, error } => write!(f, "cannot read {}: {error}", path.display()),
            Self::NotAProgram { path, problem } => write!(f, "{} is no program: {problem}", path.display()),
            Self::TooManyInterpreters { path } => {
                write!(f, "{} is a script whose interpreter is a script, and so on; name the last one", path.display())
            }
            Self::Static { program } => write!(
                f,
                "{} is linked statically and keeps the allocator it was built with; link it dynamically, or build \
                 planet-malloc into it",
                program.display()
            ),
            Self::Privileged { program } => write!(
                f,
                "{} gains rights when it is run (setuid or setgid), so the loader would ignore the allocator; run it as \
                 the user it changes to",
                program.display()
            ),
            Self::OtherMachine { program, library } => write!(
                f,
                "{} is for another processor than {}; build the library for it",
                program.display(),
                library.display()
            ),
            Self::Start { program, error } => write!(f, "cannot run {}: {error}", program.display()),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { error, .. } | Self::Start { error, .. } => Some(error),
            _ => None,
        }
    }
}
