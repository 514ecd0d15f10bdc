//! The steps for browser plugins.
//!
//! - `npapi` builds the demo plugin and drives it in QtWebKit, and compares `planet plugin doctor` with that engine.
//! - `npapi-abi` compares our definitions of the ABI with the headers in the engine's source package.
//! - `npapi-win`, on demand, runs the demo plugin in Chromium 31 for Windows, under Wine.
//! - `npapi-memory` runs the plugins of the in-repo host under valgrind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::needs::{self, Need};
use super::steps::{Context, Step};
use crate::workspace;

/// Rust's name for Windows with mingw-w64.
pub(crate) const WINDOWS_TARGET: &str = "x86_64-pc-windows-gnu";

/// Not in the everyday run: it fetches a browser of 32 MB.
pub(crate) const WINDOWS: Step = Step {
    name: "npapi-win",
    about: "plugins in Chromium 31 for Windows, under Wine",
    needs: &[Need::Windows, Need::Python],
    limit: Duration::from_secs(900),
    run: windows,
};

/// Debian's source package of the engine, whose public headers say what the ABI is.
pub(crate) const ENGINE_SOURCE: &str = "qtwebkit-opensource-src";

/// Where its headers are put.
pub(crate) fn headers() -> PathBuf {
    workspace::target().join("npapi-headers")
}

/// The system's own package lists of Debian, turned to source packages: file names and texts.
pub(crate) fn source_lists() -> Vec<(String, String)> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    files.extend(fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path()));
    let one = |path: &PathBuf| {
        let text = fs::read_to_string(path).ok().filter(|text| text.contains("debian"))?;
        let line = |line: &str| match line.trim() {
            "Types: deb" | "Types: deb deb-src" => "Types: deb-src".to_owned(),
            plain => plain.strip_prefix("deb ").map_or(plain.to_owned(), |rest| format!("deb-src {rest}")),
        };
        let text = text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n";
        Some((path.file_name()?.to_string_lossy().into_owned(), text))
    };
    files.iter().filter_map(one).collect()
}

pub(crate) fn qtwebkit(context: &Context) -> Result<(), String> {
    let mut command = workspace::cargo();
    command.args(["build", "--package", "planet-npapi", "--example", "npdemo"]);
    context.run(command)?;
    let folder = workspace::target().join("npapi-plugins");
    let home = workspace::target().join("npapi-home");
    for folder in [&folder, &home] {
        empty(folder)?;
    }
    let built = workspace::target().join("debug/examples/libnpdemo.so");
    copy(&built, &folder.join("npdemo.so"))?;
    let mut command = Command::new("xvfb-run");
    // PyQt5 comes from the system's packages, so that its own Python is what runs.
    command.args(["--auto-servernum", "/usr/bin/python3", "-m", "unittest", "discover", "--verbose"]);
    command.args(["--top-level-directory", ".", "--start-directory", "npapi"]);
    command.current_dir(workspace::root().join("tests"));
    command.env("HOME", home).env("QTWEBKIT_PLUGIN_PATH", folder).env("TESTED_PLUGIN", built);
    command.env("TESTED_PLANET", workspace::planet()).env("QT_QPA_PLATFORM", "xcb").env("RUST_BACKTRACE", "0");
    context.run(command)
}

pub(crate) fn memory(context: &Context) -> Result<(), String> {
    let mut command = workspace::cargo();
    command.args(["test", "--package", "planet-npapi", "--lib", "--test", "host"]);
    // What a test run itself keeps to its end is reachable, and no leak.
    let valgrind = "valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect \
                    --errors-for-leak-kinds=definite,indirect --error-exitcode=9";
    command.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", valgrind).env("RUST_BACKTRACE", "0");
    context.run(command)
}

pub(crate) fn abi(context: &Context) -> Result<(), String> {
    let tests = workspace::root().join("crates/npapi/tests/layout");
    let program = headers().join("layout");
    let mut command = Command::new("cc");
    command.args(["-DXP_UNIX", "-DMOZ_X11", "-I"]).arg(headers()).arg(tests.join("layout.c")).arg("-o").arg(&program);
    context.run(command)?;
    let output = Command::new(&program).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    let kept = tests.join("x86_64-linux.txt");
    let expected = fs::read(&kept).map_err(|error| format!("cannot read {}: {error}", kept.display()))?;
    if output.stdout != expected {
        return Err(format!("the headers say otherwise than {}: see {}", kept.display(), program.display()));
    }
    println!(
        "{} layouts and constants are those of the headers",
        output.stdout.split(|byte| *byte == b'\n').count() - 1
    );
    let mut command = workspace::cargo();
    command.args(["test", "--package", "planet-npapi", "--test", "layout"]);
    context.run(command)
}

fn windows(context: &Context) -> Result<(), String> {
    let folder = workspace::target().join("npapi-windows");
    let wheel = folder.join("wheel");
    let browser = folder.join("browser");
    let chromium = browser.join("cefpython3-31.2.data/purelib/cefpython3");
    if !chromium.join("cefclient.exe").is_file() {
        empty(&wheel)?;
        let mut command = Command::new(needs::python("pip"));
        command.args(["download", "--quiet", "--no-deps", "--platform", "win_amd64", "--python-version", "27"]);
        command.args(["--implementation", "cp", "--abi", "none", "--dest"]).arg(&wheel).arg("cefpython3==31.2");
        context.run(command)?;
        let mut command = Command::new(needs::python("python"));
        let extract =
            "import glob, sys, zipfile; zipfile.ZipFile(glob.glob(sys.argv[1] + '/*.whl')[0]).extractall(sys.argv[2])";
        command.args(["-c", extract]).arg(&wheel).arg(&browser);
        context.run(command)?;
    }
    let tests = workspace::root().join("tests/npapi");
    let resource = folder.join("npdemo.o");
    let mut command = Command::new("x86_64-w64-mingw32-windres");
    command.arg(tests.join("npdemo.rc")).arg(&resource);
    context.run(command)?;
    let mut command = Command::new("x86_64-w64-mingw32-gcc");
    command.args(["-shared", "-o"]).arg(chromium.join("bcryptprimitives.dll"));
    command.arg(tests.join("bcryptprimitives.c")).arg("-ladvapi32");
    context.run(command)?;
    let mut command = workspace::cargo();
    command.args(["rustc", "--package", "planet-npapi", "--example", "npdemo", "--target", WINDOWS_TARGET, "--"]);
    command.arg("-C").arg(format!("link-arg={}", resource.display()));
    context.run(command)?;
    let prefix = folder.join("wine");
    fs::create_dir_all(&prefix).map_err(|error| format!("cannot create {}: {error}", prefix.display()))?;
    // The layouts on Windows, where `long` and the calling conventions are others.
    let mut command = workspace::cargo();
    command.args(["test", "--package", "planet-npapi", "--test", "layout", "--target", WINDOWS_TARGET]);
    command.env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", "wine").env("WINEPREFIX", &prefix);
    command.env("WINEDEBUG", "-all").env("WINEPATH", format!("Z:{}", chromium.display()));
    context.run(command)?;
    let plugin = folder.join("npdemo.dll");
    copy(&workspace::target().join(WINDOWS_TARGET).join("debug/examples/npdemo.dll"), &plugin)?;
    let mut command = Command::new("xvfb-run");
    command.arg("--auto-servernum").arg(needs::python("python")).arg(tests.join("windows.py"));
    command.arg(chromium).arg(plugin).arg(prefix);
    context.run(command)
}

/// An empty folder.
fn empty(folder: &Path) -> Result<(), String> {
    let made = fs::remove_dir_all(folder).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    });
    made.and_then(|()| fs::create_dir_all(folder))
        .map_err(|error| format!("cannot empty {}: {error}", folder.display()))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let copied = fs::copy(from, to);
    copied.map(|_| ()).map_err(|error| format!("cannot copy {} to {}: {error}", from.display(), to.display()))
}
