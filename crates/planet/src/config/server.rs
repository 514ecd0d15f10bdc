//! `[server]`: what holds for the whole process.

use std::{net::SocketAddr, path::PathBuf};

use planet_net::{Limits, Networks};
use planet_thrift::{MessageLimits, ServerSettings};

use super::{
    schema::{choice, table},
    units::{Period, Size},
    values::{Endpoint, Network, PageOrigin, Secret},
};

table! {
    /// What holds for the whole process.
    pub struct Server {
        /// Addresses to accept HTTP on: WebSocket, the other transports, the REST API and the demo page.
        pub listen: Vec<SocketAddr> = vec![SocketAddr::from(([127, 0, 0, 1], 8000))],
        /// Where the TCP event stream for back ends is served, or `off`. It asks for no key, so keep it on a network that you trust.
        pub events: Endpoint = Endpoint::At(SocketAddr::from(([127, 0, 0, 1], 6051))),
        /// Readers of the event stream at once. One more is closed as soon as it is accepted.
        pub event_readers: usize = 32,
        /// Bytes that wait for one reader of the event stream. One that is further behind is disconnected.
        pub event_buffer_bytes: Size = Size::mib(1),
        /// Where back ends call `BackendService` over Thrift, in framed messages, or `off`. It asks for no key, so keep it on a network that you trust.
        pub thrift: Endpoint = Endpoint::At(SocketAddr::from(([127, 0, 0, 1], 6052))),
        /// Thrift connections at once. One more is closed as soon as it is accepted.
        pub thrift_connections: usize = 1024,
        /// Size of a Thrift message. A greater one closes its connection.
        pub thrift_message_bytes: Size = Size::mib(1),
        /// How long a Thrift connection may be silent between two calls.
        pub thrift_idle_timeout: Period = Period::seconds(900),
        /// What `/metrics` asks for, as `Authorization: Bearer …`. Without one, anyone may read it.
        pub metrics_token: Option<Secret> = None,
        /// Whether `/metrics` shows what other programs on planet-malloc hold, too: those of the server's own user, or of every user when it runs as root, with their process ids and names.
        pub metrics_processes: bool = false,
        /// Folder for what must outlive a restart, such as keys that were made at the first start.
        pub data: PathBuf = PathBuf::from("planet-data"),
        /// Whether the demo page is served at `/`.
        pub demo: bool = true,
        /// Certificate chain, a PEM file. With it and `tls_key`, every address in `listen` speaks TLS. Both files are read again when they change.
        pub tls_cert: Option<PathBuf> = None,
        /// Private key of `tls_cert`, a PEM file.
        pub tls_key: Option<PathBuf> = None,
        /// What Flash players get that ask for a policy file on a plain TCP address in `listen`: an XML file of at most 64 KiB with a `<cross-domain-policy>`. Without one, they are refused as no HTTP. With TLS there is no such request.
        pub flash_policy_file: Option<PathBuf> = None,
        /// Networks of your own reverse proxies. Only from them is `X-Forwarded-For` believed.
        pub trusted_proxies: Vec<Network> = Vec::new(),
        /// Origins of web pages that may connect, such as `https://example.org`, or `https://*.example.org` for its subdomains; `null` stands for pages without an origin, `*` for all. Pages from the server's own address always may.
        pub allowed_origins: Vec<PageOrigin> = Vec::new(),
        /// Connections open at once. The next one is closed as it is accepted.
        pub connections: usize = 100_000,
        /// Connections open at once from one IPv4 address or one IPv6 /64 network.
        pub connections_per_address: u32 = 1024,
        /// Networks that `connections_per_address` does not apply to. Those in `trusted_proxies` always belong to them.
        pub unlimited_addresses: Vec<Network> = network_list(&["127.0.0.0/8", "::1"]),
        /// Size of a request's head. A greater one is answered with 431. At least `8KiB`.
        pub header_bytes: Size = Size::kib(16),
        /// Header fields in a request. More are answered with 431.
        pub headers: usize = 100,
        /// Length of a request's URL. A longer one is answered with 414.
        pub url_bytes: Size = Size::kib(8),
        /// Requests in progress at once on one HTTP/2 connection.
        pub http2_streams: u32 = 128,
        /// From accepting a connection to the end of its TLS handshake.
        pub handshake_timeout: Period = Period::seconds(10),
        /// From the start of a connection to the end of its first request's head.
        pub header_timeout: Period = Period::seconds(10),
        /// From the end of a request's head to the end of its body.
        pub body_timeout: Period = Period::seconds(10),
        /// From opening a transport, WebSocket or another, to a connect command that succeeds.
        pub first_command_timeout: Period = Period::seconds(10),
        /// How long an HTTP connection may stay without a request in progress.
        pub idle_timeout: Period = Period::seconds(75),
        /// How long a write may wait for a client that does not read.
        pub write_timeout: Period = Period::seconds(30),
        /// Time between the server's pings to a client, and between heartbeats on one-way streams.
        pub ping_interval: Period = Period::seconds(25),
        /// How long a client may take to answer a ping.
        pub pong_timeout: Period = Period::seconds(10),
        /// How long a long poll is held when there is nothing to send.
        pub poll_wait: Period = Period::seconds(25),
        /// How long a long-polling session lives between two polls.
        pub poll_gap: Period = Period::seconds(30),
        /// How long a connection whose token has expired may take to bring a new one.
        pub refresh_grace: Period = Period::seconds(25),
        /// How long a graceful shutdown may take. After it the process exits with what is left undone.
        pub shutdown_timeout: Period = Period::seconds(30),
        /// What is logged: this level and the more serious ones.
        pub log_level: LogLevel = LogLevel::Info,
        /// How a line of the log looks.
        pub log_format: LogFormat = LogFormat::Plain,
    }
}

choice! {
    /// How serious a line of the log has to be.
    pub enum LogLevel as "log level" {
        /// The server cannot do what it should.
        Error = "error",
        /// Something needs attention.
        Warn = "warn",
        /// Start, stop, and changes of state.
        Info = "info",
        /// Single connections.
        Debug = "debug",
        /// Everything, of libraries too.
        Trace = "trace",
    }
}

choice! {
    /// How a line of the log looks.
    pub enum LogFormat as "log format" {
        /// One line of text, with colours on a terminal.
        Plain = "plain",
        /// One JSON object a line.
        Json = "json",
    }
}

impl Server {
    /// The proxies whose `X-Forwarded-For` is believed.
    pub fn trusted_proxies(&self) -> Networks {
        networks(&self.trusted_proxies)
    }

    /// The part of the settings that the Thrift service keeps to.
    pub fn thrift(&self) -> ServerSettings {
        let bytes = self.thrift_message_bytes.bytes();
        ServerSettings {
            connections: self.thrift_connections,
            connections_per_address: self.connections_per_address,
            unlimited_addresses: self.limits().unlimited_addresses,
            message: MessageLimits { bytes, string_bytes: bytes, ..MessageLimits::default() },
            idle_timeout: self.thrift_idle_timeout.duration(),
            write_timeout: self.write_timeout.duration(),
            ..ServerSettings::default()
        }
    }

    /// The part of the settings that the listener and its connections keep to.
    pub fn limits(&self) -> Limits {
        Limits {
            connections: self.connections,
            connections_per_address: self.connections_per_address,
            unlimited_addresses: networks(&self.unlimited_addresses).and(&self.trusted_proxies()),
            handshake_timeout: self.handshake_timeout.duration(),
            header_timeout: self.header_timeout.duration(),
            idle_timeout: self.idle_timeout.duration(),
            write_timeout: self.write_timeout.duration(),
            header_bytes: self.header_bytes.bytes(),
            headers: self.headers,
            url_bytes: self.url_bytes.bytes(),
            http2_streams: self.http2_streams,
            ..Limits::default()
        }
    }
}

fn networks(networks: &[Network]) -> Networks {
    Networks::parse(networks.iter().map(Network::as_str)).expect("each was checked when it was read")
}

fn network_list(texts: &[&str]) -> Vec<Network> {
    texts.iter().map(|text| text.parse().expect("defaults are valid networks")).collect()
}
