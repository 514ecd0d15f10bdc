//! A `planet serve` for tests that need one running beside them.

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;
use std::{fs, io, process};

use crate::process::Group;
use crate::workspace;

/// How long the server may take to say where it listens.
const START: Duration = Duration::from_secs(30);

/// A running server, ended when dropped.
pub(crate) struct Server {
    url: String,
    data: PathBuf,
    _group: Group,
}

impl Server {
    /// Starts an open server on a free port of the loopback interface, with a data folder of its own.
    ///
    /// # Errors
    /// Says why it did not start.
    pub(crate) fn start() -> Result<Self, String> {
        let data = workspace::target().join(format!("test-server-{}", process::id()));
        fs::create_dir_all(&data).map_err(|error| format!("cannot create {}: {error}", data.display()))?;
        let mut command = workspace::program(workspace::planet());
        command.args(["serve", "--open", "--listen", "127.0.0.1:0", "--events", "127.0.0.1:0", "--data"]).arg(&data);
        let (found, address) = mpsc::channel();
        let group = Group::spawn(&mut command, move |line| {
            if let Some(url) = find_url(line) {
                let _ = found.send(url);
            }
        })
        .map_err(|error: io::Error| format!("cannot start {}: {error}", workspace::planet().display()))?;
        drop(command);
        match address.recv_timeout(START) {
            Ok(url) => Ok(Self { url, data, _group: group }),
            Err(_) => Err(format!("the server did not say where it listens within {} s", START.as_secs())),
        }
    }

    /// The address, as in `http://127.0.0.1:8000`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.data);
    }
}

/// The first loopback address with a port that a line of the server's output names.
fn find_url(line: &str) -> Option<String> {
    let start = line.find("http://127.0.0.1:")?;
    let rest = &line[start..];
    let prefix = "http://127.0.0.1:".len();
    let digits = rest[prefix..].bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| rest[..prefix + digits].to_owned())
}

#[cfg(test)]
mod tests {
    use super::find_url;

    #[test]
    fn finds_the_address_in_a_line() {
        assert_eq!(find_url("open http://127.0.0.1:8123/ in a browser").as_deref(), Some("http://127.0.0.1:8123"));
        assert_eq!(find_url("http://127.0.0.1:"), None);
        assert_eq!(find_url("events on 127.0.0.1:6051"), None);
    }
}
