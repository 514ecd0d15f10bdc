//! Real programs on the allocator do what they do without it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use support::{library, on_planet, output};

mod support;

fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

/// Runs the command with and without the allocator, expects the same, and returns it.
fn same(build: impl Fn(Command) -> Command) -> String {
    let with = |preload: Option<PathBuf>| {
        let mut command = build(Command::new("env"));
        if let Some(library) = preload {
            command.env("LD_PRELOAD", library);
        }
        output(&mut command)
    };
    let plain = with(None);
    assert_eq!(with(Some(library())), plain);
    plain
}

const PYTHON: &str = r#"
import json, re, sqlite3, subprocess, threading, zlib, hashlib
table = [{"id": i, "name": "user %d" % i, "tags": [str(i * j) for j in range(5)]} for i in range(20000)]
text = json.dumps(table)
assert json.loads(text) == table
digests = []
def work(n):
    data = text.encode() * (n + 1)
    digests.append(hashlib.sha256(zlib.decompress(zlib.compress(data, 1))).hexdigest())
threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
[t.start() for t in threads]; [t.join() for t in threads]
print(len(text), len(re.findall(r"user \d+", text)), sorted(digests))
base = sqlite3.connect(":memory:")
base.execute("create table users (id integer primary key, name text, tags text)")
base.executemany("insert into users values (:id, :name, :tags)", [{**row, "tags": " ".join(row["tags"])} for row in table])
base.execute("create index names on users (name)")
print(base.execute("select count(*), sum(length(tags)), max(name) from users where name > 'user 5'").fetchall())
print(subprocess.run(["sort"], input="b\na\n", capture_output=True, text=True).stdout)
"#;

#[test]
fn python_with_its_own_small_objects_and_with_ours() {
    for (malloc, directly) in [("pymalloc", 0), ("malloc", 0), ("malloc", 1)] {
        let text = same(|mut env| {
            env.arg(format!("PYTHONMALLOC={malloc}")).arg(format!("PLANET_MALLOC_PYTHON={directly}"));
            env.args(["/usr/bin/python3", "-c", PYTHON]);
            env
        });
        assert!(text.contains("20000"), "{text}");
    }
}

#[test]
fn git_keeps_a_repository() {
    let folder = scratch("git");
    let git = |arguments: &[&str]| {
        let mut command = on_planet("git");
        command.current_dir(&folder).args(["-c", "user.name=A", "-c", "user.email=a@example.org"]);
        output(command.args(arguments))
    };
    git(&["init", "-q"]);
    for n in 0..300 {
        fs::write(folder.join(format!("file-{n}")), format!("line {n}\n").repeat(n + 1)).expect("written");
    }
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "all"]);
    git(&["gc", "-q"]);
    git(&["fsck", "--strict"]);
    assert_eq!(git(&["ls-files"]).lines().count(), 300);
    assert_eq!(git(&["status", "--short"]), "");
}

#[test]
fn sort_in_threads() {
    let folder = scratch("sort");
    let lines: String = (0..200_000_u32).map(|n| format!("{}\n", n.wrapping_mul(2_654_435_761) % 1_000_003)).collect();
    fs::write(folder.join("numbers"), lines).expect("written");
    let text = same(|mut env| {
        env.args(["LC_ALL=C", "sort", "--parallel=4", "-n"]).arg(folder.join("numbers"));
        env
    });
    assert_eq!(text.lines().count(), 200_000);
}

#[test]
fn a_compiler_compiles() {
    let folder = scratch("compiler");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/c/operators.cpp");
    let done = on_planet("c++").args(["-O2", "-S", "-o"]).arg(folder.join("ours.s")).arg(source).status();
    assert!(done.expect("it can be started").success());
    let done = Command::new("c++").args(["-O2", "-S", "-o"]).arg(folder.join("plain.s")).arg(source).status();
    assert!(done.expect("it can be started").success());
    let read = |name| fs::read(folder.join(name)).expect("the compiler wrote it");
    assert!(read("ours.s") == read("plain.s"), "the same source gave other code");
}

#[test]
fn bash_runs_loops_pipes_and_subshells() {
    let text = same(|mut env| {
        env.args([
            "bash",
            "-c",
            "s=0; for i in {1..20000}; do a[i]=x$i; s=$((s+i)); done; echo $s ${#a[@]}; \
             for i in 1 2 3 4 5 6 7 8; do (seq 1000 | sort -r | head -1) & done; wait",
        ]);
        env
    });
    assert!(text.starts_with("200010000 20000\n"), "{text}");
}
