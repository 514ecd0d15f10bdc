//! A page in QtWebKit: the quickest way to see a plugin answer.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::Error;

const SCRIPT: &str = include_str!("viewer.py");

/// Shows a page with the plugins of one folder, and prints what it says once it is loaded. Without a display, an X server
/// without a screen is started.
///
/// # Errors
/// When QtWebKit is missing, with what to install.
pub fn show(page: &Path, plugins: &Path, screenshot: Option<&Path>) -> Result<String, Error> {
    let python = "/usr/bin/python3";
    let import = Command::new(python)
        .args(["-c", "import PyQt5.QtWebKitWidgets"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let has_display = std::env::var_os("DISPLAY").is_some_and(|display| !display.is_empty());
    let has_server = has_display || Command::new("xvfb-run").arg("--help").output().is_ok();
    if !import.is_ok_and(|status| status.success()) || !has_server {
        let sentence = "QtWebKit is missing; install it with: sudo apt-get install xvfb xauth python3-pyqt5.qtwebkit";
        return Err(Error::Refused(sentence.to_owned()));
    }
    let mut command = Command::new(if has_display { python } else { "xvfb-run" });
    if !has_display {
        command.args(["--auto-servernum", python]);
    }
    let page = page.canonicalize().map_err(Error::io("open", page))?;
    let plugins = plugins.canonicalize().map_err(Error::io("open", plugins))?;
    command.args(["-c", SCRIPT]).arg(&page).args(screenshot);
    command.env("QTWEBKIT_PLUGIN_PATH", plugins).env("QT_QPA_PLATFORM", "xcb").stdin(Stdio::null());
    let output = command.stderr(Stdio::inherit()).output().map_err(Error::io("run", Path::new(python)))?;
    if !output.status.success() {
        return Err(Error::Refused(format!("QtWebKit ended with {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
