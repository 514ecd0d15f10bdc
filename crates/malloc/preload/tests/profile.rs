//! A heap profile of a program that knows nothing of it, read by an independent decoder.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use pprof::Decoded;
use support::{compiled, on_planet, output};

#[path = "../../tests/support/pprof.rs"]
mod pprof;
mod support;

const MB: i64 = 1 << 20;

/// An empty folder for the profiles of one test.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("profiles").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

fn profiled(file: &Path, way: &str) -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let mut command = on_planet(PROGRAM.get_or_init(|| compiled("profiled.c")));
    command.env("PLANET_MALLOC_PROFILE", file).env("PLANET_MALLOC_PROFILE_RATE", "32768").arg(way);
    command
}

/// Within a quarter of what is true.
fn assert_about(what: &str, found: i64, truth: i64) {
    let ratio = found as f64 / truth as f64;
    assert!((0.75..=1.25).contains(&ratio), "{what}: {found} is {ratio} of {truth}");
}

fn assert_has_all(profile: &Decoded) {
    let in_use = |function: &str| profile.below(function).inuse_space;
    assert_about("malloc", in_use("hold_small"), 16 * MB);
    assert_about("calloc", in_use("hold_zeroed"), 8 * MB);
    assert_about("posix_memalign", in_use("hold_aligned"), 8 * MB);
    assert_about("threads", in_use("hold_in_thread"), 16 * MB);
    assert_about("realloc", in_use("hold_large"), 24 * MB);
    assert_about("all of main", in_use("main"), 56 * MB);
    assert_about("churn", profile.below("churn").alloc_space, 32 * MB);
    assert!(in_use("churn") < MB, "{}", in_use("churn"));
    assert_about("blocks", profile.below("hold_small").inuse_objects, 16 * MB / 300);
    assert!(profile.mappings[0].path.ends_with("profiled-c"), "{}", profile.mappings[0].path);
}

#[test]
fn it_is_written_when_the_program_exits() {
    let file = folder("exit").join("heap.pb.gz");
    output(&mut profiled(&file, "exit"));
    let profile = Decoded::read(&file);
    assert_has_all(&profile);
    assert_eq!((profile.period, profile.default_sample_type.as_str()), (32768, "inuse_space"));
    assert!(profile.mappings.iter().any(|mapping| mapping.path.contains("libc.so") && mapping.build_id.len() == 40));
    let files = fs::read_dir(file.parent().expect("a folder")).expect("its files").count();
    assert_eq!(files, 1, "nothing else is left behind");
}

#[test]
fn the_program_can_ask_for_it() {
    let file = folder("call").join("heap.pb.gz");
    output(profiled(Path::new(""), "call").arg(&file));
    assert_has_all(&Decoded::read(&file));
}

/// Asks the process, which has not been waited for, to write its profile.
fn ask(process: &Child) {
    // SAFETY: a signal to our own child.
    assert_eq!(unsafe { libc::kill(process.id() as libc::pid_t, libc::SIGUSR2) }, 0);
}

#[test]
fn a_signal_asks_for_it() {
    let file = folder("signal").join("heap.pb.gz");
    let mut command = profiled(&file, "wait");
    command.env("PLANET_MALLOC_PROFILE_SIGNAL", libc::SIGUSR2.to_string());
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it can be started");
    let mut orders = process.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(process.stdout.take().expect("a pipe")).lines();
    let mut written = |name| {
        let file = file.with_file_name(name);
        ask(&process);
        while !file.exists() {
            assert!(process.try_wait().expect("it is ours").is_none(), "it goes on");
            thread::sleep(Duration::from_millis(10));
        }
        Decoded::read(&file)
    };
    assert_eq!(answers.next().expect("a line").expect("a line"), "ready");
    assert_has_all(&written("heap.pb.gz"));
    orders.write_all(b"x").expect("it reads");
    assert_eq!(answers.next().expect("a line").expect("a line"), "held");
    assert_about("more", written("heap.2.pb.gz").below("hold_in_child").inuse_space, 8 * MB);
    drop(orders);
    assert!(process.wait().expect("it is ours").success());
    assert_has_all(&Decoded::read(&file.with_file_name("heap.3.pb.gz")));
}

#[test]
fn each_process_of_a_program_has_one_when_there_is_a_place_for_its_id() {
    let folder = folder("fork");
    let ids = output(&mut profiled(&folder.join("heap.%p.pb.gz"), "fork"));
    let [parent, child] = [0, 1]
        .map(|n| Decoded::read(&folder.join(format!("heap.{}.pb.gz", ids.split_whitespace().nth(n).expect("an id")))));
    assert_has_all(&parent);
    assert_has_all(&child);
    assert_eq!(parent.below("hold_in_child").alloc_space, 0);
    assert_about("child", child.below("hold_in_child").inuse_space, 8 * MB);
}

#[test]
fn a_file_that_cannot_be_written_is_spoken_of_and_harms_nothing() {
    let done = profiled(Path::new("/nowhere/at-all"), "exit").output().expect("it can be started");
    assert!(done.status.success());
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(errors.starts_with("planet-malloc: cannot write the heap profile to /nowhere/at-all: "), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

#[test]
fn a_file_that_could_not_be_written_leaves_its_name_to_the_next() {
    let file = folder("later").join("not-yet-there/heap.pb.gz");
    let mut command = profiled(&file, "wait");
    command.env("PLANET_MALLOC_PROFILE_SIGNAL", libc::SIGUSR2.to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("it can be started");
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    ask(&process);
    line.clear();
    BufReader::new(process.stderr.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert!(line.contains("cannot write the heap profile"), "{line}");
    fs::create_dir(file.parent().expect("a folder")).expect("it can be made");
    drop(process.stdin.take());
    assert!(process.wait().expect("it is ours").success());
    assert_has_all(&Decoded::read(&file));
}

#[test]
fn a_process_of_which_nothing_is_sampled_writes_nothing() {
    let folder = folder("nothing");
    let mut command = on_planet("/bin/true");
    output(
        command.env("PLANET_MALLOC_PROFILE", folder.join("heap.pb.gz")).env("PLANET_MALLOC_PROFILE_RATE", "1000000000"),
    );
    assert_eq!(fs::read_dir(folder).expect("a folder").count(), 0);
}

#[test]
fn a_signal_that_cannot_be_had_is_spoken_of() {
    let file = folder("no-signal").join("heap.pb.gz");
    let mut command = profiled(&file, "exit");
    let done = command.env("PLANET_MALLOC_PROFILE_SIGNAL", libc::SIGKILL.to_string()).output();
    let done = done.expect("it can be started");
    let errors = String::from_utf8_lossy(&done.stderr);
    assert_eq!(errors, "planet-malloc: the signal for heap profiles is taken, or is none\n");
    assert_has_all(&Decoded::read(&file));
}

#[test]
fn python_runs_with_every_allocation_sampled() {
    let file = folder("python").join("heap.pb.gz");
    let script = "import json; print(sum(len(json.dumps({str(n): [n] * 10})) for n in range(2000)))";
    let plain = output(Command::new("/usr/bin/python3").args(["-c", script]));
    for way in ["PYTHONMALLOC=malloc", "PLANET_MALLOC_PYTHON=1"] {
        let mut command = on_planet("env");
        command.env("PLANET_MALLOC_PROFILE", &file).env("PLANET_MALLOC_PROFILE_RATE", "1");
        assert_eq!(output(command.args([way, "/usr/bin/python3", "-c", script])), plain);
        let profile = Decoded::read(&file);
        let below = profile.below("Py_RunMain");
        assert!(below.alloc_objects > 10_000, "{way}: {below:?}");
        fs::remove_file(&file).expect("it was written");
    }
}
