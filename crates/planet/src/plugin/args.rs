//! What can be written after `planet plugin`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

/// `planet plugin …`
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Write a new plugin project into a folder of its name.
    New {
        /// Lower-case letters and digits.
        name: String,
        /// The type of data that pages name the plugin by [default: application/x-NAME]
        #[arg(long, value_name = "TYPE")]
        mime: Option<String>,
    },
    /// Build the project in this folder into dist/.
    Build {
        /// A target of rustc's other than this machine's, such as x86_64-pc-windows-gnu
        #[arg(long, value_name = "TARGET")]
        target: Option<String>,
    },
    /// Show a page in QtWebKit with the plugins of a folder, and print what it says.
    Try {
        /// The page.
        #[arg(default_value = "test.html")]
        page: PathBuf,
        /// The folder.
        #[arg(long, value_name = "DIR", default_value = "dist")]
        plugins: PathBuf,
        /// Write what is seen into a PNG.
        #[arg(long, value_name = "FILE")]
        screenshot: Option<PathBuf>,
    },
    /// Say what is wrong with a plugin file, which file a browser loads, and why.
    #[command(subcommand)]
    Doctor(DoctorCommand),
}

/// `planet plugin doctor …`
#[derive(Debug, Subcommand)]
pub enum DoctorCommand {
    /// Say what an engine would refuse of a file or bundle.
    Check {
        /// The file.
        file: PathBuf,
        /// Only read the file, without running code of its own to ask for its name and types.
        #[arg(long)]
        no_load: bool,
    },
    /// List every file that an engine finds for a type, and say which one it loads, by which rule.
    Which {
        /// Such as application/x-demo
        mime: String,
        /// The engine.
        #[arg(long, value_enum, default_value_t = EngineName::Qtwebkit)]
        engine: EngineName,
    },
    /// Put a plugin into your own plugin folder.
    Install {
        /// The file.
        file: PathBuf,
        /// Another folder, such as /usr/lib/mozilla/plugins for all users [default: ~/.mozilla/plugins]
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// Take a plugin that was installed out again.
    Uninstall {
        /// Its file name.
        name: String,
        /// The folder [default: ~/.mozilla/plugins]
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// Print a test page that shows which file the browser has loaded.
    Page {
        /// Such as application/x-demo
        mime: String,
    },
    /// Print how a browser is debugged with a plugin.
    Debug {
        /// The plugin.
        file: PathBuf,
        /// The browser's program.
        #[arg(long, value_name = "FILE")]
        browser: PathBuf,
        /// What the browser is to show.
        #[arg(long, value_name = "PAGE", default_value = "test.html")]
        page: String,
        /// Start it.
        #[arg(long)]
        run: bool,
    },
    /// Load a plugin and print its answers, for the other commands.
    #[command(hide = true)]
    Probe {
        /// The plugin.
        file: PathBuf,
    },
}

/// The engines whose rules are known.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum EngineName {
    /// QtWebKit 5
    Qtwebkit,
    /// Chromium up to 34
    Chromium,
    /// Pale Moon, Basilisk and other descendants of Gecko
    Mozilla,
}
