//! `planet run` as a process. Any shared library stands in for the allocator: what matters here is what is run, and how.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use support::planet;

/// A shared library that is there wherever the tests are: the C library.
fn library() -> String {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let file = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|file| file.contains("libc.so"));
    file.expect("this program is linked dynamically").to_owned()
}

fn run(arguments: &[&str]) -> Command {
    let mut command = planet(&["run", "--"]);
    command.args(arguments).env("PLANET_MALLOC_LIBRARY", library()).env_remove("LD_PRELOAD");
    command.env_remove("PYTHONMALLOC").env_remove("PLANET_MALLOC_PYTHON");
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_program_takes_the_place_of_planet() {
    let mut command = run(&["sh", "-c", "echo $LD_PRELOAD $0 $1; exit 7", "a", "--b"]);
    let Output { status, stdout, .. } = command.env("LD_PRELOAD", "").output().unwrap();
    assert_eq!(text(&stdout), format!("{} a --b\n", library()));
    assert_eq!(status.code(), Some(7));
}

#[test]
fn python_is_told_to_take_its_objects_from_malloc() {
    let folder = tempfile::tempdir().unwrap();
    let python = folder.path().join("python3.99");
    fs::copy("/bin/sh", &python).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    let arguments = [python.to_str().unwrap(), "-c", "echo $PYTHONMALLOC"];
    assert_eq!(text(&run(&arguments).output().unwrap().stdout), "malloc\n");
    assert_eq!(text(&run(&arguments).env("PYTHONMALLOC", "pymalloc").output().unwrap().stdout), "pymalloc\n");
    assert_eq!(text(&run(&["sh", "-c", "echo $PYTHONMALLOC"]).output().unwrap().stdout), "\n");
    let directly = ["sh", "-c", "echo $PLANET_MALLOC_PYTHON"];
    assert_eq!(text(&run(&directly).output().unwrap().stdout), "1\n");
    assert_eq!(text(&run(&directly).env("PLANET_MALLOC_PYTHON", "0").output().unwrap().stdout), "0\n");
    let through_env = [&["env", "A=1"], &arguments[..]].concat();
    assert_eq!(text(&run(&through_env).output().unwrap().stdout), "malloc\n");
    let set_by_env = [&["env", "PYTHONMALLOC=debug"], &arguments[..]].concat();
    assert_eq!(text(&run(&set_by_env).output().unwrap().stdout), "debug\n");
}

#[test]
fn what_cannot_be_run_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let nonsense = folder.path().join("nonsense");
    fs::write(&nonsense, "nonsense").unwrap();
    fs::set_permissions(&nonsense, fs::Permissions::from_mode(0o755)).unwrap();
    let nonsense = nonsense.to_str().unwrap();
    for (mut command, code, says) in [
        (run(&["no-such-program"]), 127, "no-such-program: no such program".to_owned()),
        (run(&["/etc/passwd"]), 126, "/etc/passwd may not be run".to_owned()),
        (run(&["/etc"]), 126, "/etc is no program: it is a folder".to_owned()),
        (run(&[nonsense]), 126, format!("{nonsense} is no program: it is neither an ELF file nor a script")),
    ] {
        let Output { status, stderr, .. } = command.output().unwrap();
        assert_eq!(status.code(), Some(code), "{says}");
        assert!(text(&stderr).starts_with(&format!("planet: {says}")), "{}", text(&stderr));
        assert_eq!(text(&stderr).lines().count(), 1);
    }
    let mut command = run(&["sh"]);
    let Output { status, stderr, .. } = command.env("PLANET_MALLOC_LIBRARY", "/nowhere.so").output().unwrap();
    assert_eq!(status.code(), Some(126));
    assert!(text(&stderr).contains("the allocator's library is not at /nowhere.so"), "{}", text(&stderr));
    let spaced = folder.path().join("a library.so");
    fs::copy(library(), &spaced).unwrap();
    let mut command = run(&["sh"]);
    let Output { status, stderr, .. } = command.env("PLANET_MALLOC_LIBRARY", &spaced).output().unwrap();
    assert_eq!(status.code(), Some(126));
    assert!(text(&stderr).contains(&format!("the loader would not find {}", spaced.display())), "{}", text(&stderr));
    assert_eq!(planet(&["run"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn the_file_for_a_profile_is_handed_on() {
    let mut command = planet(&["run", "--profile", "heap.%p", "--", "sh", "-c", "echo $PLANET_MALLOC_PROFILE"]);
    assert_eq!(text(&command.env("PLANET_MALLOC_LIBRARY", library()).output().unwrap().stdout), "heap.%p\n");
}

#[test]
fn the_advised_limit_is_handed_on_in_bytes() {
    let print = ["run", "--memory-limit-advice", "512M", "--", "sh", "-c", "echo $PLANET_MALLOC_LIMIT"];
    let mut command = planet(&print);
    assert_eq!(text(&command.env("PLANET_MALLOC_LIBRARY", library()).output().unwrap().stdout), "536870912\n");
    let Output { status, stderr, .. } = planet(&["run", "--memory-limit-advice", "much", "--", "sh"]).output().unwrap();
    assert_eq!(status.code(), Some(2));
    assert!(text(&stderr).contains("`much` is not a size"), "{}", text(&stderr));
}
