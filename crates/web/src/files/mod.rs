//! A file server: a folder, or files embedded in the binary, behind one service.
//!
//! ```no_run
//! use std::time::Duration;
//! use planet_web::files::Files;
//!
//! let files = Files::folder("public")?
//!     .strip_prefix("/static")
//!     .immutable_hashed_names()
//!     .max_age("*.css", Duration::from_secs(600))
//!     .precompressed();
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What it answers
//!
//! `GET` and `HEAD`; other methods get `405`. Conditions (RFC 9110 §13) and ranges (§14), one or several; the index file
//! of a folder; a redirect from `/folder` to `/folder/`. Whatever is refused is a `404`, like what is not there: names that
//! begin with a dot, symbolic links that lead out of the root or are absolute, pipes and devices, names that are not UTF-8.
//!
//! # Why nothing outside the root is opened
//!
//! A path is decoded once and cut into names, none of which may be `..` or hold a slash. On Linux from 5.6 the kernel then
//! resolves it with `RESOLVE_BENEATH`, which refuses to leave the root whatever links lie on the way, and without a race.
//! Elsewhere on Unix each folder of the path is opened from the one before it and no link is followed at all.
//! The root itself is opened once: a folder renamed over it later is not seen.
//!
//! # Limits and defaults
//!
//! | what | default | setting |
//! | --- | --- | --- |
//! | bytes read ahead for a response | 64 KiB | [`CHUNK_BYTES`] |
//! | files open for responses that stream | 1,024, then `503` | [`Files::open_files`] |
//! | ranges in a request | 16, then the whole file | [`MAX_RANGES`] |
//! | bytes of a path | 4,096, then `404` | [`MAX_PATH_BYTES`] |
//! | entries of a listing | 1,000, then it says that there are more | [`MAX_LISTED`] |
//! | listing, precompressed siblings, `Cache-Control` | none | [`Files::listing`], [`Files::precompressed`], [`Files::max_age`] |
//!
//! A file of up to one chunk is closed before its response begins. Pages that the kernel holds are read without leaving the
//! async thread (`RESOLVE_CACHED`, `RWF_NOWAIT`); what needs the disk is read on a thread that may wait.
//!
//! hyper's `http1::Builder::pipeline_flush(true)` takes a body as fast as it comes, whatever the client reads, so a long
//! file would end up in memory: leave it off in front of this service.
//!
//! # Entity tags
//!
//! Strong. In a folder: a hash of device, inode, size, and the times of change to the nanosecond, the one that no program
//! can set among them. A file that changed so recently that its clock may not have ticked since carries no validators yet.
//! Embedded: the hash of the content.
//!
//! | module | one idea |
//! | --- | --- |
//! | `path` | which file a request names, or none |
//! | `source`, `disk`, `embedded` | where files come from |
//! | `conditions`, `ranges`, `encoding`, `caching` | what the fields of a request and a response say |
//! | `content` | the body: pieces of a file, read as they are wanted |
//! | `listing` | a folder as a page |
//! | `settings`, `service`, `answer` | the service |

mod answer;
mod caching;
mod conditions;
mod content;
#[cfg(unix)]
mod disk;
mod embedded;
mod encoding;
mod listing;
pub mod path;
mod ranges;
mod service;
mod settings;
mod source;

pub use content::CHUNK_BYTES;
pub use listing::MAX_LISTED;
pub use path::MAX_PATH_BYTES;
pub use ranges::MAX_RANGES;
pub use service::FilesFuture;
pub use settings::Files;
