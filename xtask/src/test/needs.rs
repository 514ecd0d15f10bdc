//! What the steps need beyond the Rust toolchain: found, or installed.
//!
//! System packages come through `apt-get`, as root or through `sudo -n`; elsewhere the command to run is named. Python
//! packages go into a virtual environment under the target folder, npm packages beside their `package-lock.json`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use super::npapi;
use crate::{process, workspace};

/// How long one installation may take.
const INSTALL: Duration = Duration::from_secs(900);

/// Runs a command while a policy says that no server is started: Debian's start themselves once they are installed.
const WITHOUT_SERVICES: &str = r#"
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 755 "$policy"
    fi
    "$0" "$@"
"#;

/// Something a step needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Need {
    /// cargo fmt and cargo clippy.
    Lints,
    /// curl, a client of the interop tests.
    Curl,
    /// Chromium, the browser that the browser tests drive.
    Chromium,
    /// nginx, which benches are measured beside.
    Nginx,
    /// Varnish, the same.
    Varnish,
    /// wrk, which puts load on HTTP servers.
    Wrk,
    /// QtWebKit with its Python bindings, and an X server without a screen.
    QtWebKit,
    /// valgrind, which sees what is used after it was freed.
    Valgrind,
    /// C and C++ compilers, git, SQLite's shell, and CPython's own tests: what the allocator is tried with.
    Programs,
    /// Servers, compilers and browsers that it is tried with on demand.
    MorePrograms,
    /// A C compiler and linker for Windows, Rust's library for it, and Wine.
    Windows,
    /// The plugin headers in the source package of QtWebKit.
    PluginHeaders,
    /// The Thrift compiler, which makes the Python code of the interop tests.
    Thrift,
    /// The Python packages of `tests/interop/requirements.txt`.
    Python,
    /// What builds and checks the Python package, as `clients/python/tests/requirements.txt` has it.
    PythonBuild,
    /// The npm packages of `tests/`.
    TestPackages,
    /// The npm packages of `clients/js/`.
    ClientPackages,
}

/// What was found or installed so far, and what is not to be had.
pub(crate) struct Needs {
    install: bool,
    known: HashMap<Need, Result<(), String>>,
}

impl Needs {
    /// With `install`, what is missing is installed.
    pub(crate) fn new(install: bool) -> Self {
        Self { install, known: HashMap::new() }
    }

    /// Makes sure that `need` is there.
    ///
    /// # Errors
    /// Says what is missing and how to install it.
    pub(crate) fn provide(&mut self, need: Need) -> Result<(), String> {
        if let Some(known) = self.known.get(&need) {
            return known.clone();
        }
        let result = match need {
            Need::Lints => lints(),
            Need::Curl => self.packages(&["curl"], &["curl"]),
            Need::Chromium => self.packages(&["chromium", "chromium-browser", "google-chrome"], &["chromium"]),
            Need::Nginx => self.packages(&["nginx"], &["nginx-light"]),
            Need::Varnish => self.packages(&["varnishd"], &["varnish"]),
            Need::Wrk => self.packages(&["wrk"], &["wrk"]),
            Need::QtWebKit => self.qtwebkit(),
            Need::Valgrind => self.packages(&["valgrind"], &["valgrind"]),
            Need::Programs => self.programs(),
            Need::MorePrograms => self.more_programs(),
            Need::Windows => self.windows(),
            Need::PluginHeaders => self.plugin_headers(),
            Need::Thrift => self.packages(&["thrift"], &["thrift-compiler"]),
            Need::Python => self.python("tests/interop/requirements.txt", "python"),
            Need::PythonBuild => self.python("clients/python/tests/requirements.txt", "python-build"),
            Need::TestPackages => self.npm(&workspace::root().join("tests")),
            Need::ClientPackages => self.npm(&workspace::root().join("clients/js")),
        };
        self.known.insert(need, result.clone());
        result
    }

    /// Any one of `programs`, from the Debian `packages`.
    fn packages(&self, programs: &[&str], packages: &[&str]) -> Result<(), String> {
        self.debian(packages, || programs.iter().any(|program| find(program).is_some()))
    }

    /// What `is_there` looks for, from the Debian `packages`.
    fn debian(&self, packages: &[&str], is_there: impl Fn() -> bool) -> Result<(), String> {
        if is_there() {
            return Ok(());
        }
        self.apt_get(packages)?;
        if is_there() { Ok(()) } else { Err(format!("{} is not there after installing it", packages[0])) }
    }

    fn apt_get(&self, packages: &[&str]) -> Result<(), String> {
        let list = packages.join(" ");
        let missing = format!("{list} is missing; install it with: sudo apt-get install {list}");
        if !self.install || find("apt-get").is_none() {
            return Err(missing);
        }
        let is_root = rustix::process::geteuid().is_root();
        if !is_root && !succeeds(workspace::program("sudo").args(["-n", "true"])) {
            return Err(missing);
        }
        let apt_get = |script: &str, arguments: &[&str]| {
            let mut command = workspace::program(if is_root { "env" } else { "sudo" });
            if !is_root {
                command.args(["-n", "env"]);
            }
            command.args(["DEBIAN_FRONTEND=noninteractive", "sh", "-c", script, "apt-get", "--quiet"]).args(arguments);
            process::run(command, INSTALL, |_| {})
        };
        apt_get("\"$0\" \"$@\"", &["update"])?;
        apt_get(WITHOUT_SERVICES, &[&["install", "--yes", "--no-install-recommends"], packages].concat())
    }

    /// The system's Python with the bindings, which no virtual environment has.
    fn qtwebkit(&self) -> Result<(), String> {
        self.debian(&["xvfb", "xauth", "libqt5webkit5", "python3-pyqt5", "python3-pyqt5.qtwebkit"], || {
            find("xvfb-run").is_some() && has_module("PyQt5.QtWebKitWidgets") && has_module("PyQt5.QtTest")
        })
    }

    fn programs(&self) -> Result<(), String> {
        self.packages(&["c++"], &["g++"])?;
        self.packages(&["git"], &["git"])?;
        self.packages(&["sqlite3"], &["sqlite3"])?;
        self.debian(&["libpython3.*-testsuite", "python3"], || has_module("test.test_gc"))
    }

    fn more_programs(&self) -> Result<(), String> {
        self.packages(&["redis-server"], &["redis-server"])?;
        self.packages(&["node"], &["nodejs"])?;
        // Not the one of rustup, which has a malloc of its own in it.
        self.debian(&["rustc"], || Path::new("/usr/bin/rustc").is_file())?;
        self.debian(&["python3-pyqt5.qtwebengine"], || has_module("PyQt5.QtWebEngineWidgets"))?;
        self.debian(&["postgresql"], || {
            let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
            versions.into_iter().any(|version| version.path().join("bin/pg_amcheck").is_file())
        })
    }

    fn windows(&self) -> Result<(), String> {
        self.packages(&["x86_64-w64-mingw32-gcc"], &["gcc-mingw-w64-x86-64"])?;
        self.packages(&["wine"], &["wine", "wine64"])?;
        self.packages(&["xvfb-run"], &["xvfb", "xauth"])?;
        if !self.install {
            return Ok(());
        }
        let mut command = workspace::program("rustup");
        command.args(["target", "add", npapi::WINDOWS_TARGET]);
        process::run(command, INSTALL, |_| {})
    }

    /// Fetches the source package with package lists of its own, so that the system's stay as they are.
    fn plugin_headers(&self) -> Result<(), String> {
        let folder = npapi::headers();
        if folder.join("npfunctions.h").is_file() {
            return Ok(());
        }
        let missing = format!("the source package {} is missing", npapi::ENGINE_SOURCE);
        if !self.install || find("apt-get").is_none() {
            return Err(missing);
        }
        self.packages(&["cc"], &["gcc"])?;
        if !Path::new("/usr/include/X11/Xlib.h").is_file() {
            self.apt_get(&["libx11-dev"])?;
        }
        for name in ["lists/partial", "parts"] {
            fs::create_dir_all(folder.join(name))
                .map_err(|error| format!("cannot create {}: {error}", folder.join(name).display()))?;
        }
        for (name, text) in npapi::source_lists() {
            let path = folder.join("parts").join(name);
            fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        let apt_get = |arguments: &[&str]| {
            let mut command = Command::new("apt-get");
            command.current_dir(&folder).arg("--quiet");
            command.arg("--option=Dir::Etc::SourceList=/dev/null");
            command.arg(format!("--option=Dir::Etc::SourceParts={}", folder.join("parts").display()));
            command.arg(format!("--option=Dir::State::Lists={}", folder.join("lists").display()));
            command.args(arguments);
            process::run(command, INSTALL, |_| {})
        };
        apt_get(&["update"])?;
        apt_get(&["source", "--download-only", npapi::ENGINE_SOURCE])?;
        let archive = fs::read_dir(&folder)
            .map_err(|error| format!("cannot list {}: {error}", folder.display()))?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.to_string_lossy().ends_with(".orig.tar.xz"))
            .ok_or(missing)?;
        let mut command = Command::new("tar");
        command.current_dir(&folder).arg("--extract").arg("--file").arg(archive);
        command.args(["--strip-components=4", "--wildcards", "*/Source/WebCore/plugins/np*.h"]);
        process::run(command, INSTALL, |_| {})
    }

    /// A virtual environment with pinned packages; made anew when the pins change.
    fn python(&self, requirements: &str, environment: &str) -> Result<(), String> {
        let requirements = workspace::root().join(requirements);
        let environment = workspace::target().join(environment);
        if is_installed(&requirements, &environment) {
            return Ok(());
        }
        if !self.install {
            return Err(format!("the Python packages of {} are missing", requirements.display()));
        }
        self.packages(&["python3"], &["python3", "python3-venv"])?;
        let create = || {
            let mut command = workspace::program("python3");
            command.args(["-m", "venv", "--clear"]).arg(&environment);
            process::run(command, INSTALL, |_| {})
        };
        // Debian's python3 comes without what makes environments.
        if create().is_err() {
            self.apt_get(&["python3-venv"])?;
            create()?;
        }
        let mut command = workspace::program(environment.join("bin/pip"));
        command.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&requirements);
        process::run(command, INSTALL, |_| {})?;
        mark_installed(&requirements, &environment)
    }

    /// The packages that `folder/package-lock.json` names.
    fn npm(&self, folder: &Path) -> Result<(), String> {
        let lock = folder.join("package-lock.json");
        let modules = folder.join("node_modules");
        if is_installed(&lock, &modules) {
            return Ok(());
        }
        if !self.install {
            return Err(format!("the npm packages of {} are missing; install them with: npm ci", folder.display()));
        }
        self.packages(&["node"], &["nodejs", "npm"])?;
        self.packages(&["npm"], &["npm"])?;
        let mut command = Command::new("npm");
        command.current_dir(folder).args(["ci", "--no-audit", "--no-fund"]);
        process::run(command, INSTALL, |_| {})?;
        mark_installed(&lock, &modules)
    }
}

/// A program of the virtual environment of [`Need::Python`].
pub(crate) fn python(program: &str) -> PathBuf {
    workspace::target().join("python/bin").join(program)
}

/// A program of the virtual environment of [`Need::PythonBuild`].
pub(crate) fn python_build(program: &str) -> PathBuf {
    workspace::target().join("python-build/bin").join(program)
}

/// Whether the system's Python, which no virtual environment changes, has a module.
fn has_module(name: &str) -> bool {
    succeeds(workspace::program("/usr/bin/python3").args(["-c", &format!("import {name}")]))
}

fn lints() -> Result<(), String> {
    for tool in ["fmt", "clippy"] {
        if !succeeds(workspace::cargo().args([tool, "--version"])) {
            return Err(format!("cargo {tool} is missing; install it with: rustup component add rustfmt clippy"));
        }
    }
    Ok(())
}

/// The path of a program.
fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The list of packages is copied beside what was installed from it, and so tells when it has changed.
fn stamp(folder: &Path) -> PathBuf {
    folder.join(".installed-from")
}

fn is_installed(list: &Path, folder: &Path) -> bool {
    matches!((fs::read(list), fs::read(stamp(folder))), (Ok(wanted), Ok(installed)) if wanted == installed)
}

fn mark_installed(list: &Path, folder: &Path) -> Result<(), String> {
    let copied = fs::copy(list, stamp(folder));
    copied.map(|_| ()).map_err(|error| format!("cannot write into {}: {error}", folder.display()))
}
