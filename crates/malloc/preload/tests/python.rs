//! CPython's objects without the way through malloc (`PLANET_MALLOC_PYTHON=1`).

use std::process::Command;

use support::{compiled_library, library, on_planet, output};

mod support;

/// Tells by whose functions CPython allocates in a domain: its own or the library's.
const WHOSE: &str = r#"
import ctypes
def whose(domain):
    words = (ctypes.c_void_p * 5)()
    ctypes.pythonapi.PyMem_GetAllocator(domain, words)
    (only,) = {"library" if "libplanet_malloc" in file_at(word) else "python" for word in words[1:]}
    return only
def file_at(address):
    for line in open("/proc/self/maps"):
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        if start <= address < end:
            return line
RAW, MEM, OBJECT = range(3)
"#;

fn run(python: &mut Command, code: &str) -> String {
    output(python.args(["-c", &format!("{WHOSE}{code}")]))
}

fn python(variables: &[&str], options: &[&str], code: &str) -> String {
    run(on_planet("env").args(variables).arg("/usr/bin/python3").args(options), code)
}

#[test]
fn python_calls_the_library_unless_it_was_told_to_take_its_objects_from_elsewhere() {
    let wanted = "PLANET_MALLOC_PYTHON=1";
    for (variables, options, expected) in [
        (&[wanted, "PYTHONMALLOC=malloc"][..], &[][..], "python library library\n"),
        (&["PYTHONMALLOC=malloc"], &[], "python python python\n"),
        (&["PLANET_MALLOC_PYTHON=0", "PYTHONMALLOC=malloc"], &[], "python python python\n"),
        (&[wanted], &[], "python library library\n"),
        (&[wanted, "PYTHONMALLOC="], &[], "python library library\n"),
        // With which it does not look at its variables.
        (&[wanted, "PYTHONMALLOC=malloc"], &["-I"], "python library library\n"),
        (&[wanted, "PYTHONMALLOC=pymalloc"], &[], "python python python\n"),
        (&[wanted], &["-X", "dev"], "python python python\n"),
        (&[wanted, "PYTHONMALLOC=malloc_debug"], &[], "python python python\n"),
    ] {
        let said = python(variables, options, "print(*map(whose, range(3)))");
        assert_eq!(said, expected, "{variables:?} {options:?}");
    }
}

fn direct(code: &str) -> String {
    python(&["PLANET_MALLOC_PYTHON=1", "PYTHONMALLOC=malloc"], &[], code)
}

#[test]
fn blocks_are_those_of_malloc_with_the_meaning_that_python_gives_its_calls() {
    let said = direct(
        r#"
assert (whose(MEM), whose(OBJECT)) == ("library", "library")
def function(name, *arguments):
    found = getattr(ctypes.pythonapi, name)
    found.restype, found.argtypes = ctypes.c_void_p, arguments
    return found
size, block = ctypes.c_size_t, ctypes.c_void_p
raw_free = function("PyMem_RawFree", block)
raw_malloc = function("PyMem_RawMalloc", size)
usable = function("malloc_usable_size", block)
for domain in ("PyMem", "PyObject"):
    malloc, calloc = function(domain + "_Malloc", size), function(domain + "_Calloc", size, size)
    realloc, free = function(domain + "_Realloc", block, size), function(domain + "_Free", block)
    blocks = [malloc(0), malloc(0), calloc(0, 8), calloc(8, 0), realloc(None, 0), realloc(malloc(100), 0)]
    assert all(blocks) and len(set(blocks)) == len(blocks), blocks
    for each in blocks:
        free(each)
    for length in (1, 100, 5_000, 300_000, 9_000_000):
        kept = calloc(length, 1)
        assert ctypes.string_at(kept, length) == bytes(length)
        ctypes.memset(kept, 7, length)
        kept = realloc(kept, 2 * length)
        assert ctypes.string_at(kept, length) == bytes([7]) * length
        assert usable(kept) >= 2 * length
        raw_free(kept)
        free(raw_malloc(length))
    free(None)
    assert not malloc(1 << 62) and not realloc(None, 1 << 62) and not calloc(1 << 40, 1 << 40)
try:
    bytes(1 << 62)
except MemoryError:
    print("no memory")
"#,
    );
    assert_eq!(said, "no memory\n");
}

#[test]
fn tracemalloc_comes_and_goes_before_it() {
    let said = direct(
        r#"
import tracemalloc
tracemalloc.start()
kept = [str(number) for number in range(1000)]
print(whose(OBJECT), tracemalloc.get_traced_memory()[0] > 40_000)
tracemalloc.stop()
print(whose(OBJECT))
"#,
    );
    assert_eq!(said, "python True\nlibrary\n");
}

#[test]
fn python_is_left_alone_by_a_library_that_comes_too_late() {
    let code = format!("ctypes.CDLL({:?}); print(*map(whose, range(3)))", library());
    let mut command = Command::new("/usr/bin/python3");
    assert_eq!(run(command.env("PLANET_MALLOC_PYTHON", "1"), &code), "python python python\n");
}

#[test]
fn python_is_left_alone_where_malloc_is_somebody_elses() {
    let other = compiled_library("other.c");
    let mut command = Command::new("/usr/bin/python3");
    command.env("LD_PRELOAD", format!("{}:{}", other.display(), library().display()));
    assert_eq!(run(command.env("PLANET_MALLOC_PYTHON", "1"), "print(*map(whose, range(3)))"), "python python python\n");
}
