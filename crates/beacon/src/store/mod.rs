//! History kept in files between two runs of a server.

mod codec;

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::PathBuf;

use planet_hub::{SavedChannel, Store};

use crate::data_dir::{DataDir, make_directory, sync_directory, write_atomically};
use codec::ReadError;

/// Keeps the logs of each app in a file of its own, `history/APP.log` in the data directory.
///
/// A file is written at a graceful stop, and gone for good before the next run uses what is in it. Otherwise a server
/// that crashes later would start again from the old file, and give out offsets a second time that clients have seen
/// already. After a crash there is no file: the channels begin new epochs, and clients that resume are told of a gap.
#[derive(Debug)]
pub struct FileStore {
    directory: PathBuf,
}

impl FileStore {
    /// A store in this data directory.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub fn open(data: &DataDir) -> io::Result<Self> {
        let directory = data.path().join("history");
        make_directory(&directory)
            .map_err(|error| in_context(&error, format!("cannot make the folder {}", directory.display())))?;
        Ok(Self { directory })
    }

    fn path(&self, app: &str) -> io::Result<PathBuf> {
        if app.is_empty() || app.starts_with('.') || app.contains(['/', '\\', ':', '\0']) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the app's name cannot be the name of a file"));
        }
        Ok(self.directory.join(format!("{app}.log")))
    }
}

impl Store for FileStore {
    /// Takes what was saved: it is not there any more afterwards. A damaged file is moved to `APP.log.damaged` and
    /// counts as none.
    fn load(&self, app: &str) -> io::Result<Vec<SavedChannel>> {
        let path = self.path(app)?;
        let about = |error: io::Error, what: &str| in_context(&error, format!("cannot {what} {}", path.display()));
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(about(error, "open")),
        };
        let length = file.metadata().map_err(|error| about(error, "read"))?.len();
        let channels = match codec::read(BufReader::new(file), length) {
            Ok(channels) => {
                fs::remove_file(&path).map_err(|error| about(error, "remove"))?;
                channels
            }
            Err(ReadError::Io(error)) => return Err(about(error, "read")),
            Err(damaged @ ReadError::Damaged(_)) => {
                let aside = self.directory.join(format!("{app}.log.damaged"));
                fs::rename(&path, &aside).map_err(|error| about(error, "set aside"))?;
                tracing::error!(
                    app,
                    file = %aside.display(),
                    "the saved history is damaged and was set aside: {damaged}; \
                     the app starts without history, and clients that resume are told of a gap"
                );
                Vec::new()
            }
        };
        sync_directory(&self.directory).map_err(|error| about(error, "remove"))?;
        Ok(channels)
    }

    fn save(&self, app: &str, channels: &[SavedChannel]) -> io::Result<()> {
        let path = self.path(app)?;
        write_atomically(&path, |file| codec::write(file, channels))
            .map_err(|error| in_context(&error, format!("cannot write {}", path.display())))
    }
}

fn in_context(error: &io::Error, what: String) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}
