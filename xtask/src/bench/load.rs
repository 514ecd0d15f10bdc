//! Runs `planet bench` and reads its figures.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::workspace;

/// A load to put on a server, in the terms of `planet bench`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) transport: &'static str,
    pub(crate) clients: usize,
    pub(crate) rate: usize,
    pub(crate) burst: usize,
    /// 0 measures idle connections alone.
    pub(crate) seconds: u64,
    pub(crate) users: bool,
}

/// The figures that the benches of this crate are about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) lost: u64,
    pub(crate) delivered: u64,
    pub(crate) cpu_per_delivery: Option<f64>,
    pub(crate) bytes_per_connection: f64,
}

impl Load {
    fn arguments(&self, url: &str) -> Vec<String> {
        let Self { transport, clients, rate, burst, seconds, users } = self;
        let line = format!(
            "bench --json --url {url} --transport {transport} --clients {clients} --rate {rate} --burst {burst} \
             --duration {seconds}s --settle 3s"
        );
        line.split_whitespace().map(str::to_owned).chain(users.then(|| "--users".to_owned())).collect()
    }

    /// Puts the load on the server at an address.
    ///
    /// # Errors
    /// What `planet bench` said when it gave no figures.
    pub(crate) fn run(&self, address: &str) -> Result<Figures, String> {
        let mut command: Command = workspace::program(workspace::planet());
        // Keys of another server in the environment would make it publish elsewhere.
        command.env_remove("PLANET_API_KEY").env_remove("PLANET_SECRET_KEY");
        let command = command.args(self.arguments(&format!("http://{address}"))).stderr(Stdio::inherit());
        let output = command.output().map_err(|error| format!("cannot start planet bench: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let figures: Value = serde_json::from_str(&text)
            .map_err(|_| format!("planet bench gave no figures and ended with {}", output.status))?;
        read(&figures).ok_or_else(|| format!("planet bench left out a figure: {text}"))
    }
}

fn read(figures: &Value) -> Option<Figures> {
    let harm = |name: &str| figures[name].as_u64();
    Some(Figures {
        lost: harm("lost")? + harm("repeated")? + harm("out_of_order")? + harm("dropped_clients")?,
        delivered: figures["delivered"].as_u64()?,
        cpu_per_delivery: figures["server_cpu"]["us_per_delivery"].as_f64(),
        bytes_per_connection: figures["server_memory"]["bytes_per_connection"].as_f64()?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_are_read_and_missing_ones_noticed() {
        let mut report = json!({
            "lost": 1, "repeated": 2, "out_of_order": 0, "dropped_clients": 4, "delivered": 10,
            "server_cpu": { "us_per_delivery": 4.5 }, "server_memory": { "bytes_per_connection": 1000.0 },
        });
        let figures = read(&report).expect("all is there");
        assert_eq!((figures.lost, figures.delivered, figures.cpu_per_delivery), (7, 10, Some(4.5)));
        report["server_memory"] = Value::Null;
        assert!(read(&report).is_none());
    }
}
