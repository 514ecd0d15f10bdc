//! The servers that are compared, and how each is set up: one worker, no log, everything warm.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::SERVER_CORE;
use crate::process::Group;
use crate::{process, workspace};

/// Minutes that a build may take.
const BUILD_MINUTES: u64 = 30;

/// How long a server may take to answer.
const START: Duration = Duration::from_secs(20);

/// The file that is asked for.
const FILE: &str = "small.txt";
const FILE_BYTES: usize = 1024;

/// A running server.
pub(super) struct Contestant {
    pub(super) task: &'static str,
    pub(super) name: &'static str,
    pub(super) url: String,
    pub(super) server: Group,
}

/// The folder that is served, and where the servers keep what they write.
pub(super) struct Site {
    folder: PathBuf,
}

/// Builds our own servers.
pub(super) fn build() -> Result<(), String> {
    let mut command = workspace::cargo();
    command.args([
        "build",
        "--release",
        "-p",
        "planet-web",
        "--example",
        "static_server",
        "--example",
        "caching_proxy",
    ]);
    process::run(command, Duration::from_secs(60 * BUILD_MINUTES), |_| {})
}

impl Site {
    pub(super) fn make() -> Result<Self, String> {
        let site = Self { folder: workspace::target().join("web-bench") };
        for folder in ["files", "nginx-files", "nginx-proxy", "varnish"] {
            let path = site.folder.join(folder);
            fs::create_dir_all(&path).map_err(|error| format!("cannot create {}: {error}", path.display()))?;
        }
        let file = site.files().join(FILE);
        fs::write(&file, "x".repeat(FILE_BYTES))
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        Ok(site)
    }

    fn files(&self) -> PathBuf {
        self.folder.join("files")
    }

    /// nginx with `location`, the inside of its one location.
    fn nginx(&self, name: &str, address: SocketAddr, location: &str) -> Result<Command, String> {
        let folder = self.folder.join(name);
        let shown = folder.display();
        let config = format!(
            "daemon off; worker_processes 1; pid {shown}/pid; error_log stderr error; user root;\n\
             events {{ worker_connections 1024; }}\n\
             http {{\n\
               access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 1h;\n\
               open_file_cache max=1000; default_type text/plain; types {{}}\n\
               client_body_temp_path {shown}/body; proxy_temp_path {shown}/proxy; fastcgi_temp_path {shown}/fastcgi;\n\
               uwsgi_temp_path {shown}/uwsgi; scgi_temp_path {shown}/scgi;\n\
               proxy_cache_path {shown}/cache keys_zone=pages:10m;\n\
               server {{ listen {address}; location / {{ {location} }} }}\n\
             }}\n"
        );
        let path = folder.join("nginx.conf");
        fs::write(&path, config).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        let mut command = on_its_core("nginx");
        command.arg("-p").arg(&folder).arg("-c").arg(path);
        Ok(command)
    }
}

/// The servers, by what they do.
pub(super) fn groups(site: &Site) -> Result<Vec<Vec<Contestant>>, String> {
    let root = format!("root {}; expires 1h;", site.files().display());
    let start = |task, name, command: &dyn Fn(SocketAddr) -> Result<Command, String>| {
        let address = free_address()?;
        let server = start(&mut command(address)?, address)?;
        Ok::<_, String>(Contestant { task, name, url: format!("http://{address}/{FILE}"), server })
    };
    let files = "a file";
    let nginx = start(files, "nginx", &|address| site.nginx("nginx-files", address, &root))?;
    let upstream = nginx.url.trim_start_matches("http://").trim_end_matches(FILE).trim_end_matches('/').to_owned();
    let ours = |address: SocketAddr| {
        let mut command = on_its_core(example("static_server"));
        command.arg(address.to_string()).arg(site.files());
        command
    };
    let plain = start(files, "planet files", &|address| Ok(ours(address)))?;
    let cached = start(files, "planet cache, files behind", &|address| {
        let mut command = ours(address);
        command.arg("cached");
        Ok(command)
    })?;

    let proxy = "an answer from a cache, its origin elsewhere";
    let pass = format!("proxy_pass http://{upstream}; proxy_cache pages;");
    let nginx_proxy = start(proxy, "nginx", &|address| site.nginx("nginx-proxy", address, &pass))?;
    let varnish = start(proxy, "varnish", &|address| {
        let mut command = on_its_core("varnishd");
        command.args([
            "-F",
            "-j",
            "none",
            "-T",
            "none",
            "-s",
            "malloc,64m",
            "-a",
            &address.to_string(),
            "-b",
            &upstream,
        ]);
        command.arg("-n").arg(site.folder.join("varnish"));
        Ok(command)
    })?;
    let planet_proxy = start(proxy, "planet cache", &|address| {
        let mut command = on_its_core(example("caching_proxy"));
        command.args([&address.to_string(), &upstream]);
        Ok(command)
    })?;
    Ok(vec![vec![nginx, plain, cached], vec![nginx_proxy, varnish, planet_proxy]])
}

fn example(name: &str) -> PathBuf {
    workspace::target().join("release/examples").join(name)
}

/// A server that runs on the servers' core alone.
fn on_its_core(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = workspace::program("taskset");
    command.args(["--cpu-list", SERVER_CORE]).arg(program);
    // Debian has some servers where only root looks for programs.
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin"));
    command
}

/// An address that was free a moment ago, for servers that cannot say which one they took.
fn free_address() -> Result<SocketAddr, String> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    bound.map_err(|error| format!("cannot find a free port: {error}"))
}

/// Starts a server and waits until it takes connections.
fn start(command: &mut Command, address: SocketAddr) -> Result<Group, String> {
    let name = command.get_args().nth(2).map(|program| program.to_string_lossy().into_owned()).unwrap_or_default();
    let mut group = Group::spawn(command, |_| {}).map_err(|error| format!("cannot start {name}: {error}"))?;
    let deadline = Instant::now() + START;
    while TcpStream::connect(address).is_err() {
        if let Ok(Some(status)) = group.try_wait() {
            return Err(format!("{name} ended with {status}"));
        }
        if Instant::now() >= deadline {
            return Err(format!("{name} did not answer at {address} within {} s", START.as_secs()));
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(group)
}
