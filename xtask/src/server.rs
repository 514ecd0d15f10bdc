//! Servers that run beside a test.

use std::fs;
use std::path::PathBuf;
use std::process::{self, Command};
use std::sync::mpsc;
use std::time::Duration;

use crate::process::Group;
use crate::workspace;

/// How long a server may take to say where it listens.
const START: Duration = Duration::from_secs(30);

/// A running server, ended when dropped.
pub(crate) struct Server {
    address: String,
    // Fields are dropped in this order: the folder goes when no one writes into it any more.
    _group: Group,
    data: Option<Folder>,
}

/// A folder that is removed when dropped.
struct Folder(PathBuf);

impl Server {
    /// Starts `command`, a server that prints the URL of the port it listens on.
    ///
    /// # Errors
    /// Says why it did not start.
    pub(crate) fn start(mut command: Command) -> Result<Self, String> {
        let program = command.get_program().to_string_lossy().into_owned();
        let (found, address) = mpsc::channel();
        let group = Group::spawn(&mut command, move |line| {
            if let Some(address) = find_address(line) {
                // Once the first address has been taken, no one listens for more.
                let _ = found.send(address.to_owned());
            }
        })
        .map_err(|error| format!("cannot start {program}: {error}"))?;
        match address.recv_timeout(START) {
            Ok(address) => Ok(Self { address, _group: group, data: None }),
            Err(_) => Err(format!("{program} did not say where it listens within {} s", START.as_secs())),
        }
    }

    /// Starts the release build of `planet serve`, open to anyone, on a free port and with a data folder of its own.
    ///
    /// # Errors
    /// Says why it did not start.
    pub(crate) fn planet() -> Result<Self, String> {
        let data = Folder(workspace::target().join(format!("test-server-{}", process::id())));
        fs::create_dir_all(&data.0).map_err(|error| format!("cannot create {}: {error}", data.0.display()))?;
        let mut command = workspace::program(workspace::planet());
        command.args(["serve", "--open", "--data"]).arg(&data.0);
        command.args(["--listen", "127.0.0.1:0", "--events", "127.0.0.1:0", "--thrift", "127.0.0.1:0"]);
        let mut server = Self::start(command)?;
        server.data = Some(data);
        Ok(server)
    }

    /// Address and port, as in `127.0.0.1:8000`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed lies in the target folder and does no harm there.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The first loopback address with a port in a URL that a line of a server's output names.
fn find_address(line: &str) -> Option<&str> {
    let (_, address) = line.split_once("://").filter(|(_, rest)| rest.starts_with("127.0.0.1:"))?;
    let prefix = "127.0.0.1:".len();
    let digits = address[prefix..].bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| &address[..prefix + digits])
}

#[cfg(test)]
mod tests {
    use super::find_address;

    #[test]
    fn finds_the_address_in_a_line() {
        assert_eq!(find_address("open http://127.0.0.1:8123/ in a browser"), Some("127.0.0.1:8123"));
        assert_eq!(find_address("ws://127.0.0.1:9001"), Some("127.0.0.1:9001"));
        assert_eq!(find_address("http://127.0.0.1:"), None);
        assert_eq!(find_address("events on 127.0.0.1:6051"), None);
    }
}
