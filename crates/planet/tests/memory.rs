//! `planet memory` as a process, looking at a real program under `planet run`.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use support::planet;
use tempfile::TempDir;

const MB: u64 = 1_000_000;

/// Holds 8 MB, and for a moment 100 more; then waits for its input to end.
const PROGRAM: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static char *spike[100];
int main(void) {
    char *kept = memset(malloc(8000000), 1, 8000000);
    for (int i = 0; i < 100; i++) spike[i] = memset(malloc(1000000), 1, 1000000);
    for (int i = 0; i < 100; i++) free(spike[i]);
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF) {}
    return kept[7] == 1 ? 0 : 1;
}
"#;

/// The allocator's library, built on first use: cargo builds a cdylib for nobody's tests.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = Path::new(env!("CARGO_BIN_EXE_planet")).parent().unwrap();
        let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "planet-malloc-preload", "--profile", profile, "--target-dir"]);
        build.arg(folder.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
        assert!(build.status().unwrap().success(), "the library cannot be built");
        folder.join("libplanet_malloc.so")
    })
}

/// A machine of its own, as far as processes on planet-malloc go.
struct Machine {
    folder: TempDir,
}

/// A program on planet-malloc.
struct Program {
    child: Child,
    _out: BufReader<ChildStdout>,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("pages")).unwrap();
        fs::set_permissions(folder.path().join("pages"), fs::Permissions::from_mode(0o700)).unwrap();
        Self { folder }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn planet(&self, arguments: &[&str]) -> Command {
        let mut command = planet(arguments);
        command.env("PLANET_MALLOC_PAGES", self.file("pages")).env("PLANET_MALLOC_LIBRARY", library());
        command.stdin(Stdio::null());
        command
    }

    /// Runs `planet memory`, which has to end with that code; what it printed, and what it said.
    fn memory(&self, arguments: &[&str], code: i32) -> (String, String) {
        let Output { status, stdout, stderr } = self.planet(&["memory"]).args(arguments).output().unwrap();
        let (out, said) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
        assert_eq!(status.code(), Some(code), "{arguments:?}: {out}{said}");
        (out, said)
    }

    /// Starts the program, and waits until its spike is over.
    fn start(&self) -> Program {
        let (source, binary) = (self.file("spike.c"), self.file("spike"));
        fs::write(&source, PROGRAM).unwrap();
        let compiled = Command::new("cc").args(["-O0", "-o", &binary, &source]).status().unwrap();
        assert!(compiled.success());
        let mut command = self.planet(&["run", "--", &binary, "for", "a test"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Program { child, _out: out }
    }
}

impl Program {
    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    fn end(&mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Fails only when it has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn is_picture(path: &str) {
    let picture = fs::read(path).unwrap();
    assert_eq!(picture[..8], *b"\x89PNG\r\n\x1a\n");
    assert_eq!(picture[12..16], *b"IHDR");
    assert_eq!(picture[16..24], [1200_u32.to_be_bytes(), 560_u32.to_be_bytes()].concat());
    assert!(picture.len() < 60_000, "{} bytes", picture.len());
}

#[test]
fn a_running_program_is_seen_with_the_spike_it_had() {
    let machine = Machine::new();
    let program = machine.start();
    let (json, said) = machine.memory(&["--json", "--once"], 0);
    assert_eq!((json.lines().count(), said.as_str()), (1, ""));
    let sample = parse(&json);
    assert!(sample["at"].as_u64().unwrap() > 1_700_000_000_000);
    let processes = sample["processes"].as_array().unwrap();
    assert_eq!(processes.len(), 1, "{json}");
    let process = &processes[0];
    assert_eq!(process["pid"], program.child.id());
    assert_eq!(process["name"], "spike");
    assert_eq!(process["command"], "spike for a test");
    let live = process["live"].as_u64().unwrap();
    assert!((8 * MB..30 * MB).contains(&live), "{json}");
    assert!(process["peak_live"]["60s"].as_u64().unwrap() >= 108 * MB, "{json}");
    assert!(process["peak_resident"]["60s"].as_u64().unwrap() >= 108 * MB, "{json}");
    assert!(process["allocations"].as_u64().unwrap() > 100);

    let (table, _) = machine.memory(&[], 0);
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert!(lines[0].ends_with("PEAK 60 S LAST 1 MIN"), "{table}");
    assert!(lines[1].contains(&format!("{} spike for", program.pid())) && lines[1].contains('█'), "{table}");
    assert_eq!(machine.memory(&["--once", &program.pid()], 0).0.lines().count(), 2);

    let (text, _) = machine.memory(&["--prometheus"], 0);
    let labels = format!("pid=\"{}\",command=\"spike\"", program.pid());
    let figure = |name: &str| -> u64 {
        let start = format!("planet_malloc_{name}{{{labels}");
        let line = text.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("{start}: {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!((8 * MB..30 * MB).contains(&figure("live_bytes")));
    assert!(figure("allocations_total") > 100);
}

#[test]
fn what_is_recorded_can_be_replayed_and_drawn() {
    let machine = Machine::new();
    let mut program = machine.start();
    let (recording, picture) = (machine.file("recording"), machine.file("picture.png"));
    let pid = program.pid();
    let (out, said) = machine.memory(&["--record", &recording, "--interval", "50ms", "--for", "500ms"], 0);
    assert!(out.is_empty() && said.contains(" samples, "), "{said}");
    let (_, said) = machine.memory(&["--png", &picture, "--interval", "50ms", "--for", "200ms"], 0);
    assert!(said.contains(&format!("spike for a test, process {pid}")), "{said}");
    is_picture(&picture);
    program.end();

    let (replayed, _) = machine.memory(&["--replay", &recording, "--json"], 0);
    let recorded = fs::read_to_string(&recording).unwrap();
    let (heading, samples) = recorded.split_once('\n').unwrap();
    assert_eq!(heading, r#"{"planet_memory_recording":1}"#);
    assert_eq!(replayed, samples);
    assert!(samples.lines().all(|line| parse(line)["processes"][0]["pid"] == program.child.id()), "{samples}");
    let (table, _) = machine.memory(&["--replay", &recording], 0);
    assert!(table.contains("spike for"), "{table}");
    fs::remove_file(&picture).unwrap();
    machine.memory(&[&pid, "--replay", &recording, "--png", &picture], 0);
    is_picture(&picture);
    let (_, said) = machine.memory(&["1", "--replay", &recording], 2);
    assert!(said.contains("has no process 1"), "{said}");

    let cut = &recorded[..recorded.len() - 1];
    fs::write(&recording, cut).unwrap();
    let (_, said) = machine.memory(&["--replay", &recording, "--json"], 1);
    let line = cut.lines().count();
    assert_eq!(said, format!("planet: {recording}, line {line}: it is cut off; the lines before it are good\n"));
    let (_, said) = machine.memory(&["--replay", &machine.file("spike.c")], 1);
    assert!(said.ends_with("spike.c, line 1: this is no recording; --record makes one\n"), "{said}");
}

#[test]
fn the_end_of_the_program_is_the_end_of_looking_at_it() {
    let machine = Machine::new();
    let mut program = machine.start();
    let mut json = machine.planet(&["memory", &program.pid(), "--json", "--interval", "50ms"]);
    let mut json = json.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(json.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(parse(&line)["processes"][0]["pid"], program.child.id());
    let recording = machine.file("recording");
    let mut recorder = machine.planet(&["memory", &program.pid(), "--record", &recording, "--interval", "50ms"]);
    let mut recorder = recorder.stderr(Stdio::piped()).spawn().unwrap();
    // Only what has been seen can be seen to end.
    while fs::read_to_string(&recording).unwrap_or_default().lines().count() < 2 {
        std::thread::sleep(Duration::from_millis(10));
    }
    program.end();
    assert!(json.wait().unwrap().success());
    assert!(recorder.wait().unwrap().success());
    let mut said = String::new();
    recorder.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains(&format!("process {} (spike for a test) has ended", program.pid())), "{said}");
    let (_, said) = machine.memory(&[&program.pid()], 2);
    assert!(said.contains(&format!("there is no process {}", program.pid())), "{said}");
}

#[test]
fn without_a_program_it_says_how_to_start_one() {
    let machine = Machine::new();
    let (out, said) = machine.memory(&[], 0);
    assert_eq!(out, "");
    let looked_in = format!("(looked in {}, as PLANET_MALLOC_PAGES says)", machine.file("pages"));
    assert_eq!(said, format!("no process runs on planet-malloc; start one with: planet run -- COMMAND {looked_in}\n"));
    assert_eq!(parse(&machine.memory(&["--json", "--once"], 0).0)["processes"], Value::Array(Vec::new()));
    assert!(machine.memory(&["--prometheus"], 0).0.ends_with("# EOF\n"));
    machine.memory(&["--png", &machine.file("picture.png")], 2);
    let (_, said) = machine.memory(&["1"], 2);
    assert!(said.contains("process 1 does not run on planet-malloc"), "{said}");
}

#[test]
fn wrong_command_lines_are_refused() {
    let machine = Machine::new();
    for wrong in [
        &["--json", "--prometheus"][..],
        &["--record", "a", "--replay", "b"],
        &["--interval", "49ms"],
        &["--interval", "soon"],
        &["python3"],
    ] {
        machine.memory(wrong, 2);
    }
    let nowhere = machine.file("no/such/folder");
    machine.memory(&["--record", &nowhere], 1);
    // Before it looks for a program to watch.
    machine.memory(&["--png", &nowhere], 1);
    machine.memory(&["--replay", &nowhere], 1);
}
