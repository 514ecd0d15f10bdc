//! What can be written on the command line.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::config::{ConfigError, Layers, Origin, Override, Size, overrides};

/// Real-time push to browsers.
#[derive(Debug, Parser)]
#[command(name = "planet", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the push server.
    Serve(Box<ServeArgs>),
    /// Put load on a running server, and say what was lost, how late it came and what it cost.
    Bench(Box<planet_loadtest::BenchArgs>),
    /// Run a program, such as a Python back end, on planet-malloc.
    Run(RunArgs),
    /// Show what the programs on planet-malloc hold, now and over time.
    Memory(crate::memory::MemoryArgs),
    /// Write, build and diagnose native browser plugins.
    #[command(subcommand)]
    Plugin(crate::plugin::PluginCommand),
    /// Print the page of all settings, docs/configuration.md.
    #[command(hide = true)]
    Reference,
}

const RUN_EXAMPLES: &str = "\
Examples:
  planet run -- python app.py
      Memory that the application no longer needs goes back to the system within about a second.
  planet run --memory-limit-advice 512M -- python app.py
      While more than 512 MiB are in memory, give back what is freed at once and not after a second.
  planet run --profile heap.pb.gz -- python app.py
  go tool pprof -http=: heap.pb.gz
  go tool pprof -http=: -sample_index=alloc_space heap.pb.gz
      Find out which functions held memory at the exit, of which Python has freed most by then, and which allocated the
      most. For what is held while the program runs, set PLANET_MALLOC_PROFILE_SIGNAL=12 and send it that signal. The
      second file of a process is heap.2.pb.gz, and so on.
  PYTHONMALLOC=pymalloc planet run -- python app.py
      Leave Python's small objects to Python's own allocator.
  PLANET_MALLOC_PYTHON=0 planet run -- python app.py
      Let Python go through malloc for them, which takes more time, but tools can watch malloc.
  planet memory
      See what all programs under planet run hold.

The program takes this process's place: its exit code and its signals are its own. Python is told to take its small
objects from the allocator too (PLANET_MALLOC_PYTHON=1, and PYTHONMALLOC=malloc where the command is seen to be Python),
unless these variables are set already. The library, libplanet_malloc.so, is looked for beside planet and in ../lib;
PLANET_MALLOC_LIBRARY names another one.

Exit codes of planet itself: 127 when there is no such program; 126 when it cannot run on the allocator, say because it
is linked statically or gains rights (setuid), or when the library is missing; 2 for a wrong command line.";

/// `planet run`.
#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub struct RunArgs {
    /// Memory of each process above which what is freed goes back to the system at once, such as 512M. Nothing is
    /// refused when there is more [env: PLANET_MALLOC_LIMIT, in bytes]
    #[arg(long, value_name = "SIZE")]
    pub memory_limit_advice: Option<Size>,
    /// File for a heap profile in pprof's format, written when the program exits; %p in it stands for the process id, for
    /// programs that start others [env: PLANET_MALLOC_PROFILE]
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  planet serve --open
      Try it: http://127.0.0.1:8000 is a chat, and anyone may do anything.
  PLANET_SECRET_KEY=… planet serve --listen 0.0.0.0:8000 --api-key example_app
      Serve to the network, with keys of your own.
  planet serve --config planet.toml --print-config
      Check a file and show what would be in force.
  planet serve --listen '[::]:443' --tls-cert cert.pem --tls-key key.pem
      Speak TLS; the files are read again when they change.

Every key of the file has an environment variable, such as PLANET_IDLE_TIMEOUT for [server] idle_timeout and
PLANET_LIMITS_CHANNELS for [app.limits] channels. Flags beat variables, and variables beat the file.";

/// `planet serve`.
#[derive(Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub struct ServeArgs {
    /// Address to accept HTTP on; may be given several times [default: 127.0.0.1:8000] [env: PLANET_LISTEN]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Vec<String>,
    /// Folder for keys and whatever else must outlive a restart [default: planet-data] [env: PLANET_DATA]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Settings file, TOML [env: PLANET_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address of the TCP event stream, or `off` [default: 127.0.0.1:6051] [env: PLANET_EVENTS]
    #[arg(long, value_name = "ADDRESS")]
    pub events: Option<String>,
    /// Address of the Thrift service for back ends, or `off` [default: 127.0.0.1:6052] [env: PLANET_THRIFT]
    #[arg(long, value_name = "ADDRESS")]
    pub thrift: Option<String>,
    /// Public key of the default app [default: made at the first start] [env: PLANET_API_KEY]
    #[arg(long, value_name = "KEY")]
    pub api_key: Option<String>,
    /// Secret key of the default app; others on this machine can see flags, so rather use the variable
    /// [default: made at the first start] [env: PLANET_SECRET_KEY]
    #[arg(long, value_name = "KEY")]
    pub secret_key: Option<String>,
    /// Key that Beacon tokens of the default app are signed with; rather use the variable
    /// [default: made at the first start] [env: PLANET_SIGN_KEY]
    #[arg(long, value_name = "KEY")]
    pub sign_key: Option<String>,
    /// Let anyone connect as anyone, subscribe and publish; for development [env: PLANET_OPEN=true]
    #[arg(long)]
    pub open: bool,
    /// Do not serve the demo page [env: PLANET_DEMO=false]
    #[arg(long)]
    pub no_demo: bool,
    /// Certificate chain for TLS, PEM [env: PLANET_TLS_CERT]
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// Private key for TLS, PEM [env: PLANET_TLS_KEY]
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<String>,
    /// Network of a reverse proxy whose X-Forwarded-For is believed; may be given several times
    /// [env: PLANET_TRUSTED_PROXIES]
    #[arg(long, value_name = "NETWORK")]
    pub trusted_proxy: Vec<String>,
    /// Origin of pages that may connect, or `*`; may be given several times [env: PLANET_ALLOWED_ORIGINS]
    #[arg(long, value_name = "ORIGIN")]
    pub allowed_origin: Vec<String>,
    /// How long a graceful shutdown may take [default: 30s] [env: PLANET_SHUTDOWN_TIMEOUT]
    #[arg(long, value_name = "DURATION")]
    pub shutdown_timeout: Option<String>,
    /// error, warn, info, debug or trace [default: info] [env: PLANET_LOG_LEVEL]
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// plain or json [default: plain] [env: PLANET_LOG_FORMAT]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// Any other setting, as in `app.limits.channels=1000`; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Show the settings in force and where each comes from, and stop
    #[arg(long)]
    pub print_config: bool,
}

impl ServeArgs {
    /// The settings on the command line over those in the environment over the file that either names.
    ///
    /// # Errors
    ///
    /// When a `--set` is none.
    pub fn layers(self, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Layers, ConfigError> {
        let variables: Vec<_> = environment
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
            .collect();
        let from_environment = || {
            let named = variables.iter().find(|(name, value)| name == overrides::CONFIG_VARIABLE && !value.is_empty());
            named.map(|(_, value)| PathBuf::from(value))
        };
        let file = self.config.clone().or_else(from_environment);
        Ok(Layers { file, flags: self.overrides()?, variables })
    }

    fn overrides(self) -> Result<Vec<Override>, ConfigError> {
        let given = |flag: &str, path: &str, text: String| Override {
            path: path.to_owned(),
            text,
            origin: Origin::Flag(flag.to_owned()),
        };
        let mut all = self
            .set
            .iter()
            .map(|text| overrides::from_assignment(text))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|problem| ConfigError::Wrong(vec![problem]))?;
        for (flag, path, list) in [
            ("--listen", "server.listen", self.listen),
            ("--trusted-proxy", "server.trusted_proxies", self.trusted_proxy),
            ("--allowed-origin", "server.allowed_origins", self.allowed_origin),
        ] {
            if !list.is_empty() {
                all.push(given(flag, path, list.join(",")));
            }
        }
        for (flag, path, text) in [
            ("--data", "server.data", self.data),
            ("--events", "server.events", self.events),
            ("--thrift", "server.thrift", self.thrift),
            ("--api-key", "app[0].api_key", self.api_key),
            ("--secret-key", "app[0].secret_key", self.secret_key),
            ("--sign-key", "app[0].sign_key", self.sign_key),
            ("--open", "app[0].open", self.open.then(|| "true".to_owned())),
            ("--no-demo", "server.demo", self.no_demo.then(|| "false".to_owned())),
            ("--tls-cert", "server.tls_cert", self.tls_cert),
            ("--tls-key", "server.tls_key", self.tls_key),
            ("--shutdown-timeout", "server.shutdown_timeout", self.shutdown_timeout),
            ("--log-level", "server.log_level", self.log_level),
            ("--log-format", "server.log_format", self.log_format),
        ] {
            all.extend(text.map(|text| given(flag, path, text)));
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_names_only_variables_that_exist() {
        let known: BTreeSet<_> = overrides::singles().into_iter().map(|single| single.variable).collect();
        let mut command = Cli::command();
        let help = command.find_subcommand_mut("serve").unwrap().render_long_help().to_string();
        let mut count = 0;
        for word in help.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            if word.starts_with("PLANET_") && word != overrides::CONFIG_VARIABLE {
                assert!(known.contains(word), "{word}");
                count += 1;
            }
        }
        assert!(count > 10);
    }
}
