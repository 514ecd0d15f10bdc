//! What whoever starts the server is told: where it is, and the keys that were made just now.

use std::fmt::{self, Display, Formatter};
use std::io::{IsTerminal, Write, stdout};

use planet_beacon::Apps;
use planet_net::Listener;

use crate::config::Settings;

pub(super) struct Announcement<'a> {
    pub(super) listener: &'a Listener,
    pub(super) events: Option<&'a Listener>,
    pub(super) thrift: Option<&'a Listener>,
    pub(super) settings: &'a Settings,
    pub(super) apps: &'a Apps,
}

impl Announcement<'_> {
    /// Prints it. A server whose output nobody reads serves all the same.
    pub(super) fn print(&self) {
        let mut out = stdout();
        let _ = out.write_all(self.to_string().as_bytes()).and_then(|()| out.flush());
    }
}

impl Display for Announcement<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let server = &self.settings.server;
        let scheme = if server.tls_cert.is_some() { "https" } else { "http" };
        for address in self.listener.addresses() {
            writeln!(f, "Planet is at {scheme}://{address}")?;
        }
        for address in self.events.iter().flat_map(|listener| listener.addresses()) {
            writeln!(f, "  event stream  {address}")?;
        }
        for address in self.thrift.iter().flat_map(|listener| listener.addresses()) {
            writeln!(f, "  Thrift        {address}")?;
        }
        let app = self.apps.default_app();
        writeln!(f, "  API key       {}", app.api_key())?;
        let configured = self.settings.default_app();
        if app.keys_are_new() {
            // Those from the settings are known to whoever wrote them.
            if configured.secret_key.is_none() {
                writeln!(f, "  secret key    {}", app.secret_key().expose())?;
            }
            if configured.sign_key.is_none() {
                writeln!(f, "  sign key      {}", app.sign_key().expose())?;
            }
            let folder = server.data.display();
            writeln!(f, "  Keys that the settings do not give were made just now and are kept in {folder}.")?;
        }
        if configured.open {
            let (bold, plain) = if stdout().is_terminal() { ("\x1b[1;33m", "\x1b[0m") } else { ("", "") };
            let text = "OPEN: anyone may connect as anyone, subscribe and publish. Not for production.";
            writeln!(f, "{bold}{text}{plain}")?;
        }
        Ok(())
    }
}
