//! The steps of a test run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::count::Counter;
use super::needs::{self, Need};
use super::{malloc, npapi};
use crate::server::Server;
use crate::{process, workspace};

/// One step.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) needs: &'static [Need],
    /// How long each command of the step may take.
    pub(crate) limit: Duration,
    pub(crate) run: fn(&Context) -> Result<(), String>,
}

/// What a running step works with.
pub(crate) struct Context {
    /// Whether Autobahn's whole set was asked for.
    pub(crate) autobahn: bool,
    pub(crate) limit: Duration,
    pub(crate) counter: Counter,
}

impl Context {
    pub(super) fn run(&self, command: Command) -> Result<(), String> {
        let counter = self.counter.clone();
        process::run(command, self.limit, move |line| counter.read(line))
    }
}

/// What depends on where threads stop does not show each time.
const INTERRUPTED_ROUNDS: usize = 4;

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

/// Every step, cheap ones first.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "format", about: "cargo fmt --check", needs: &[Need::Lints], limit: minutes(2), run: format },
    Step { name: "clippy", about: "warnings are errors", needs: &[Need::Lints], limit: minutes(20), run: clippy },
    Step { name: "rust", about: "unit, crate and doc tests", needs: &[], limit: minutes(25), run: rust },
    Step { name: "docs", about: "rustdoc without a warning", needs: &[], limit: minutes(10), run: docs },
    Step {
        name: "loom",
        about: "model checks of the outbound queue and the allocator",
        needs: &[],
        limit: minutes(15),
        run: loom,
    },
    Step {
        name: "interrupted",
        about: "tests of the allocator with threads that stop where they meet others",
        needs: &[],
        limit: minutes(10),
        run: interrupted,
    },
    Step {
        name: "quarantine",
        about: "tests of the allocator as it is built to find misuse",
        needs: &[],
        limit: minutes(10),
        run: quarantine,
    },
    Step {
        name: "client",
        about: "unit tests of the browser client",
        needs: &[Need::ClientPackages],
        limit: minutes(5),
        run: client,
    },
    Step { name: "build", about: "release build of planet", needs: &[], limit: minutes(20), run: build },
    Step {
        name: "autobahn",
        about: "Autobahn's WebSocket cases, against our server and our client",
        needs: &[Need::Python],
        limit: minutes(20),
        run: autobahn,
    },
    Step {
        name: "interop-js",
        about: "clients from npm: centrifuge, eventsource, ws",
        needs: &[Need::TestPackages],
        limit: minutes(10),
        run: interop_js,
    },
    Step {
        name: "interop-py",
        about: "clients from PyPI: centrifuge-python, websockets; and curl",
        needs: &[Need::Python, Need::Curl],
        limit: minutes(10),
        run: interop_python,
    },
    Step {
        name: "interop-thrift",
        about: "thrift from PyPI with code of Debian's compiler: calls ours, and is called",
        needs: &[Need::Python, Need::Thrift],
        limit: minutes(20),
        run: interop_thrift,
    },
    Step {
        name: "hostile",
        about: "bad input and bad peers harm no one else",
        needs: &[Need::Python],
        limit: minutes(10),
        run: hostile,
    },
    Step {
        name: "cache",
        about: "the public test suite for HTTP caches",
        needs: &[Need::TestPackages],
        limit: minutes(15),
        run: cache,
    },
    Step {
        name: "browser",
        about: "chat in Chromium on each transport",
        needs: &[Need::ClientPackages, Need::Chromium],
        limit: minutes(10),
        run: browser,
    },
    Step {
        name: "no-loss",
        about: "200 clients, connections cut, the server restarted",
        needs: &[Need::TestPackages, Need::ClientPackages],
        limit: minutes(10),
        run: no_loss,
    },
    Step {
        name: "malloc",
        about: "CPython's tests, git, SQLite and compilers on the allocator",
        needs: &[Need::Programs],
        limit: minutes(25),
        run: malloc::everyday,
    },
    Step {
        name: "python",
        about: "the Python package, built, installed, type-checked and on the allocator",
        needs: &[Need::PythonBuild],
        limit: minutes(10),
        run: python_package,
    },
    Step {
        name: "npapi-abi",
        about: "layouts of the plugin ABI, against an engine's headers",
        needs: &[Need::PluginHeaders],
        limit: minutes(5),
        run: npapi::abi,
    },
    Step {
        name: "npapi-memory",
        about: "plugins in the in-repo host, under valgrind",
        needs: &[Need::Valgrind],
        limit: minutes(5),
        run: npapi::memory,
    },
    Step {
        name: "npapi",
        about: "plugins in QtWebKit",
        needs: &[Need::QtWebKit],
        limit: minutes(5),
        run: npapi::qtwebkit,
    },
];

fn format(context: &Context) -> Result<(), String> {
    let mut command = workspace::cargo();
    command.args(["fmt", "--all", "--check"]);
    context.run(command)
}

fn clippy(context: &Context) -> Result<(), String> {
    let mut command = workspace::cargo();
    command.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    context.run(command)
}

fn rust(context: &Context) -> Result<(), String> {
    let mut command = workspace::cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]);
    context.run(command)
}

fn docs(context: &Context) -> Result<(), String> {
    let mut command = workspace::cargo();
    command.args(["doc", "--workspace", "--no-deps", "--document-private-items"]).env("RUSTDOCFLAGS", "-D warnings");
    context.run(command)
}

fn loom(context: &Context) -> Result<(), String> {
    for arguments in [["planet-hub", "model"], ["planet-malloc", ""]] {
        let [package, filter] = arguments;
        let mut command = workspace::cargo();
        command.args(["test", "--package", package, "--lib", "--release", filter]);
        // Other flags would rebuild everything, and back again, in the usual target folder.
        command.env("RUSTFLAGS", "--cfg loom").env("CARGO_TARGET_DIR", workspace::target().join("loom"));
        context.run(command)?;
    }
    Ok(())
}

fn interrupted(context: &Context) -> Result<(), String> {
    for round in 1..=INTERRUPTED_ROUNDS {
        let mut command = workspace::cargo();
        command.args([
            "test",
            "--package",
            "planet-malloc",
            "--test",
            "model",
            "--test",
            "page",
            "--test",
            "first_moments",
        ]);
        command.env("RUSTFLAGS", "--cfg interrupted").env("CARGO_TARGET_DIR", workspace::target().join("interrupted"));
        command.env("PLANET_MALLOC_MODEL_STEPS", "10000");
        context.run(command).map_err(|error| format!("round {round}: {error}"))?;
    }
    Ok(())
}

fn quarantine(context: &Context) -> Result<(), String> {
    let mut command = workspace::cargo();
    command.args(["test", "--package", "planet-malloc", "--features", "debug"]);
    command.env("PLANET_MALLOC_MODEL_STEPS", "10000");
    context.run(command)
}

fn client(context: &Context) -> Result<(), String> {
    let mut command = Command::new("npm");
    command.current_dir(workspace::root().join("clients/js")).arg("test");
    context.run(command)
}

fn build(context: &Context) -> Result<(), String> {
    let mut command = workspace::cargo();
    command.args(["build", "--release", "--package", "planet"]);
    context.run(command)
}

fn autobahn(context: &Context) -> Result<(), String> {
    let mut command = workspace::cargo();
    command.args(["build", "--release", "--package", "planet-websocket", "--example", "echo"]);
    context.run(command)?;
    let mut command = workspace::program(workspace::target().join("release/examples/echo"));
    command.arg("127.0.0.1:0");
    let server = Server::start(command)?;
    let report = workspace::target().join("autobahn");
    std::fs::create_dir_all(&report).map_err(|error| format!("cannot create {}: {error}", report.display()))?;
    autobahn_cases(context, "autobahn.py", server.address().as_ref(), &report)?;
    drop(server);
    let client = client_probe(context)?;
    autobahn_cases(context, "autobahn_client.py", client.as_os_str(), &report)
}

fn autobahn_cases(context: &Context, script: &str, tested: &OsStr, report: &Path) -> Result<(), String> {
    let mut command = workspace::program(needs::python("python"));
    command.arg(workspace::root().join("crates/websocket/tests").join(script)).arg(tested).arg(report);
    command.arg("--kosoku").arg(needs::python("kosoku"));
    if context.autobahn {
        command.arg("--whole");
    }
    context.run(command)
}

/// Builds the program that drives our WebSocket client in tests.
fn client_probe(context: &Context) -> Result<PathBuf, String> {
    let mut command = workspace::cargo();
    command.args(["build", "--release", "--package", "planet-websocket", "--example", "client_probe"]);
    context.run(command)?;
    Ok(workspace::target().join("release/examples/client_probe"))
}

fn interop_js(context: &Context) -> Result<(), String> {
    client_probe(context)?;
    node_tests(context, "interop/js")
}

fn interop_python(context: &Context) -> Result<(), String> {
    client_probe(context)?;
    python_tests(context, "interop/python")
}

fn interop_thrift(context: &Context) -> Result<(), String> {
    let mut command = workspace::cargo();
    command.args(["build", "--release", "--package", "planet-thrift", "--example", "probe"]);
    context.run(command)?;
    python_tests(context, "interop/thrift")
}

fn hostile(context: &Context) -> Result<(), String> {
    python_tests(context, "hostile")
}

fn cache(context: &Context) -> Result<(), String> {
    let mut command = workspace::cargo();
    command.args(["build", "--release", "--package", "planet-web", "--example", "caching_proxy"]);
    context.run(command)?;
    let mut command = Command::new("node");
    command.current_dir(workspace::root().join("tests")).args(["--test", "cache/cache.test.mjs"]);
    command.env("TESTED_PROXY", workspace::target().join("release/examples/caching_proxy"));
    context.run(command)
}

fn browser(context: &Context) -> Result<(), String> {
    let server = Server::planet()?;
    let mut command = Command::new("npm");
    command.current_dir(workspace::root().join("clients/js")).args(["run", "test:browser"]);
    command.env("PLANET_URL", format!("http://{}", server.address()));
    context.run(command)
}

fn no_loss(context: &Context) -> Result<(), String> {
    // The test is only worth something if its ledger sees what goes wrong.
    node_tests(context, "no_loss")?;
    let mut command = Command::new("node");
    command.current_dir(workspace::root().join("tests")).arg("no_loss/main.mjs");
    command.env("TESTED_PLANET", workspace::planet());
    context.run(command)
}

/// The node tests of a folder under `tests/`, one file after the other: two cores are soon busy.
fn node_tests(context: &Context, folder: &str) -> Result<(), String> {
    let tests = workspace::root().join("tests");
    let mut files: Vec<_> = std::fs::read_dir(tests.join(folder))
        .map_err(|error| format!("cannot list tests/{folder}: {error}"))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    files.sort();
    let mut command = Command::new("node");
    command.current_dir(tests).args(["--test", "--test-concurrency=1"]).args(files);
    command.env("TESTED_PLANET", workspace::planet());
    context.run(command)
}

fn python_package(context: &Context) -> Result<(), String> {
    let folder = workspace::root().join("clients/python");
    let mut command = workspace::program(needs::python_build("pip"));
    // What builds it is in the environment already.
    command.args(["install", "--quiet", "--disable-pip-version-check", "--force-reinstall", "--no-deps"]);
    command.arg("--no-build-isolation").arg(&folder).env("CARGO_TARGET_DIR", workspace::target());
    context.run(command)?;
    let mut command = workspace::program(needs::python_build("python"));
    command.args(["-m", "planet.run", "-m", "unittest", "discover", "--verbose", "--start-directory"]);
    command.arg(folder.join("tests"));
    context.run(command)
}

/// The unittest tests of a folder under `tests/`.
fn python_tests(context: &Context, folder: &str) -> Result<(), String> {
    let mut command = Command::new(needs::python("python"));
    command.current_dir(workspace::root().join("tests"));
    command.args(["-m", "unittest", "discover", "--verbose", "--top-level-directory", ".", "--start-directory"]);
    command.arg(folder).env("TESTED_PLANET", workspace::planet());
    context.run(command)
}
