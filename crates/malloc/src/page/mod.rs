//! The live figures of a process, in a small file that others can read at any time without asking it.
//!
//! A process on planet-malloc keeps a page of 8 KiB in shared memory: `/dev/shm/planet-malloc.UID/NAMESPACE.PID`, where
//! the namespace is that of its process ids. The environment variable `PLANET_MALLOC_PAGES` names another folder, and
//! switches pages off when it is empty or `0`. The folder has the permissions 0700 and the file 0600. The file goes when
//! the process exits; what one leaves behind that was killed, or that became another program, is known by the start of
//! the process that is written in it, and is removed by whoever reads it or makes a page beside it.
//!
//! ```no_run
//! for process in planet_malloc::page::all() {
//!     println!("{} {}: {} bytes live, {} resident", process.pid, process.command, process.live, process.resident);
//! }
//! ```
//!
//! | module | one idea |
//! | --- | --- |
//! | `layout` | the words of the page |
//! | `record` | noting what happens |
//! | `file`, `place` | making the file, and leaving it to the parent at a fork |
//! | `sweep` | removing what others left behind |
//! | `birth` | telling processes of the same id apart |
//! | `snapshot` | the figures as plain numbers |
//! | `reader` | finding pages, and trusting none |

mod birth;
mod file;
mod layout;
mod place;
mod reader;
mod record;
mod snapshot;
mod sweep;

use crate::{figures, sys};
pub(crate) use file::{keep_up, leave_to_parent, make, prepare_fork};
pub use reader::{PageError, all, all_in, named_folder, read, read_in};
pub(crate) use record::*;
pub use snapshot::{ClassSnapshot, Peaks, SecondSnapshot, Snapshot};

/// Names the folder of pages.
const FOLDER_VARIABLE: &str = "PLANET_MALLOC_PAGES";
/// Where pages are otherwise, followed by the user's id.
const DEFAULT_FOLDER: &str = "/dev/shm/planet-malloc.";

/// The figures of this process, counted now, whether or not it has a page for others. Takes about a tenth of a
/// millisecond for each 100 MB.
///
/// ```
/// let block = vec![1_u8; 100];
/// let own = planet_malloc::page::own();
/// assert_eq!(own.pid, std::process::id());
/// assert!(own.live <= own.mapped);
/// ```
pub fn own() -> Snapshot {
    make();
    figures::figures();
    Snapshot::of(&record::PAGE, sys::now())
}
