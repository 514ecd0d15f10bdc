//! What a file server is told when it is made.

use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use rust_embed::RustEmbed;
use tokio::sync::Semaphore;

use super::caching::{Names, Rules};
use super::embedded::Embedded;
use super::source::Source;

/// Serves files; see the [module](super). A clone costs a reference count, and shares the bound on open files.
#[derive(Clone)]
pub struct Files {
    pub(super) shared: Arc<Shared>,
}

#[derive(Clone)]
pub(super) struct Shared {
    pub(super) source: Arc<dyn Source>,
    /// Segments, as a path has them.
    pub(super) prefix: String,
    pub(super) index: String,
    pub(super) listing: bool,
    pub(super) precompressed: bool,
    pub(super) caching: Rules,
    pub(super) open_files: Arc<Semaphore>,
}

impl Files {
    /// Serves what is in a folder.
    ///
    /// # Errors
    /// When there is no such folder, or it cannot be opened.
    #[cfg(unix)]
    pub fn folder(path: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self::from_source(super::disk::Folder::new(path.as_ref())?))
    }

    /// Serves what `#[derive(RustEmbed)]` put into the binary. In a debug build, rust-embed itself reads the files from
    /// where they were.
    ///
    /// ```
    /// use planet_web::files::Files;
    /// # use std::borrow::Cow;
    /// # struct Console;
    /// # impl rust_embed::RustEmbed for Console {
    /// #     fn get(_: &str) -> Option<rust_embed::EmbeddedFile> { None }
    /// #     fn iter() -> rust_embed::Filenames { unreachable!() }
    /// # }
    ///
    /// // #[derive(rust_embed::RustEmbed)]
    /// // #[folder = "console/"]
    /// // struct Console;
    /// let files = Files::embedded::<Console>().immutable("assets/*");
    /// ```
    pub fn embedded<E: RustEmbed + 'static>() -> Self {
        Self::from_source(Embedded::<E>(PhantomData))
    }

    fn from_source(source: impl Source + 'static) -> Self {
        Self {
            shared: Arc::new(Shared {
                source: Arc::new(source),
                prefix: String::new(),
                index: "index.html".to_owned(),
                listing: false,
                precompressed: false,
                caching: Rules::default(),
                open_files: Arc::new(Semaphore::new(1024)),
            }),
        }
    }

    /// Takes this prefix off each path, on the border of a segment; a path without it is a `404`. It is compared as it
    /// was sent, without decoding.
    pub fn strip_prefix(self, prefix: &str) -> Self {
        self.with(|shared| shared.prefix = prefix.trim_end_matches('/').to_owned())
    }

    /// The file that answers for a folder: `index.html` unless set.
    pub fn index(self, name: &str) -> Self {
        self.with(|shared| shared.index = name.to_owned())
    }

    /// Answers with a page of its entries for a folder without an index file.
    pub fn listing(self) -> Self {
        self.with(|shared| shared.listing = true)
    }

    /// Answers with a sibling that ends in `.br`, `.zst` or `.gz` when there is one and the client likes it, and says
    /// `Vary: Accept-Encoding` for every file.
    pub fn precompressed(self) -> Self {
        self.with(|shared| shared.precompressed = true)
    }

    /// Lets caches keep the paths that fit, relative to the root, for a time in whole seconds; none means that they ask
    /// each time. `*` stands for any run of characters, slashes among them. The first rule that fits decides.
    pub fn max_age(self, pattern: &str, age: Duration) -> Self {
        let value = match age.as_secs() {
            0 => HeaderValue::from_static("no-cache"),
            seconds => {
                HeaderValue::try_from(format!("public, max-age={seconds}")).expect("digits are valid in a field")
            }
        };
        self.cache(Names::Fit(pattern.to_owned()), value)
    }

    /// Lets caches keep the paths that fit for a year without asking again (RFC 8246): for names that change with what
    /// is in them.
    pub fn immutable(self, pattern: &str) -> Self {
        self.cache(Names::Fit(pattern.to_owned()), IMMUTABLE)
    }

    /// [`immutable`](Self::immutable) for names that have a hash of 8 or more lower-case hexadecimal digits between
    /// dots, hyphens or underscores, with letters and figures in it, as in `app.3f9c01de.js`.
    pub fn immutable_hashed_names(self) -> Self {
        self.cache(Names::Hashed, IMMUTABLE)
    }

    /// How many files may be open at a time for responses longer than a [chunk](super::CHUNK_BYTES): 1,024 unless set.
    /// One more gets `503`.
    pub fn open_files(self, count: usize) -> Self {
        self.with(|shared| shared.open_files = Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS))))
    }

    fn cache(self, names: Names, value: HeaderValue) -> Self {
        self.with(|shared| shared.caching.0.push((names, value)))
    }

    fn with(mut self, change: impl FnOnce(&mut Shared)) -> Self {
        change(Arc::make_mut(&mut self.shared));
        self
    }
}

const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
