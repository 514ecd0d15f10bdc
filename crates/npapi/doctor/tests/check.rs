//! Files, bundles and projects, through the crate's public face. `tests/npapi` of the repository compares with an engine.
//!
//! `files/npsmall.dll` is four empty functions and the version resource of a project `demo`, made with mingw-w64:
//!
//!     x86_64-w64-mingw32-windres demo.rc v.o
//!     x86_64-w64-mingw32-gcc -shared -nostdlib -s -o npsmall.dll functions.c v.o

use std::fs;
use std::path::Path;

use planet_npapi_doctor::check::{Report, Verdict, check, check_bytes};
use planet_npapi_doctor::file::{Format, inspect};
use planet_npapi_doctor::{Error, bundle, project};

const DLL: &[u8] = include_bytes!("files/npsmall.dll");

fn report(bytes: &[u8]) -> Report {
    let mut report = Report::default();
    check_bytes(bytes, &mut report);
    report
}

#[test]
fn a_windows_plugin_is_read_without_running_it() {
    let inspection = inspect(DLL).unwrap();
    assert_eq!((inspection.format, inspection.is_library), (Format::Pe, true));
    let resource = inspection.resource.unwrap();
    assert_eq!(resource.string("MIMEType"), Some("application/x-demo"));
    assert_eq!(resource.string("ProductName"), Some("demo"));
    assert!(report(DLL).is_plugin());
}

#[test]
fn what_is_missing_in_a_version_resource_is_said() {
    // The names are in UTF-16; another letter makes each unknown.
    let changed = |name: &str| {
        let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let at = DLL.windows(wide.len()).position(|window| window == wide).unwrap();
        let mut bytes = DLL.to_vec();
        bytes[at] = b'_';
        report(&bytes).to_string()
    };
    assert!(changed("040904E4").contains("REFUSED its version resource has no block 040904E4, only _40904E4"));
    assert!(changed("MIMEType").contains("REFUSED its version resource has no MIMEType"));
    assert!(changed("ProductName").contains("REFUSED its version resource has no ProductName"));
    assert!(changed("FileExtents").contains("FileExtents has 0 parts, and MIMEType 1"));
}

#[test]
fn every_truncation_gives_clear_lines() {
    let program = fs::read(std::env::current_exe().unwrap()).unwrap();
    let elf_cuts = (0..2048).chain((2048..program.len()).step_by(program.len() / 50));
    let cuts = (0..DLL.len()).map(|cut| &DLL[..cut]).chain(elf_cuts.map(|cut| &program[..cut]));
    let mut refused = 0;
    for bytes in cuts {
        let report = report(bytes);
        assert!(!report.0.is_empty());
        assert!(report.0.iter().all(|line| !line.text.is_empty() && !line.text.contains('\n')));
        refused += usize::from(!report.is_plugin());
    }
    assert!(refused > DLL.len() / 2, "{refused}");
}

#[test]
fn what_a_text_says_of_itself_cannot_break_a_line() {
    let at = DLL.windows(8).position(|window| window == b"x\0-\0d\0e\0").unwrap();
    let mut bytes = DLL.to_vec();
    bytes[at] = b'\n';
    let lines = report(&bytes);
    assert!(lines.0.iter().any(|line| line.text.contains('\u{fffd}')));
}

#[test]
fn a_new_project_has_a_bundle_that_engines_take() {
    let folder = tempfile::tempdir().unwrap();
    let made = project::create(folder.path(), "demo", "application/x-demo").unwrap();
    let library = fs::read_to_string(made.join("src/lib.rs")).unwrap();
    assert!(library.lines().count() < 80 && !library.contains("{{"));
    assert!(made.join("planet-npapi/src/lib.rs").is_file());
    let plist = fs::read(made.join("Info.plist")).unwrap();
    let information = bundle::parse(&plist).unwrap();
    assert_eq!(information.package_type.as_deref(), Some("BRPL"));
    assert_eq!(information.mime, ["application/x-demo"]);
    // A second one of this name does not touch the first.
    assert!(matches!(project::create(folder.path(), "demo", "application/x-demo"), Err(Error::Io { .. })));
}

#[test]
fn names_and_types_that_would_break_the_project_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let long = "a".repeat(41);
    for name in ["", "1a", "A", "a-b", "../a", "a b", &long] {
        assert!(matches!(project::create(folder.path(), name, "application/x-a"), Err(Error::Name(_))), "{name}");
    }
    for mime in ["", "plain", "a/", "/b", "Text/Plain", "a/b;c", "a/\"b"] {
        assert!(matches!(project::create(folder.path(), "a", mime), Err(Error::Refused(_))), "{mime}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(project::create(folder.path(), &long[1..], "application/x-a").is_ok());
}

#[test]
fn a_bundle_is_judged_by_all_of_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("demo.plugin");
    let contents = bundle.join("Contents");
    fs::create_dir_all(contents.join("MacOS")).unwrap();
    let verdict = |plist: &str, file: Option<&[u8]>| {
        fs::write(contents.join("Info.plist"), plist).unwrap();
        let program = contents.join("MacOS/demo");
        let _ = fs::remove_file(&program);
        if let Some(bytes) = file {
            fs::write(program, bytes).unwrap();
        }
        let report = check(Path::new(&bundle), None).unwrap();
        assert!(report.0.iter().any(|line| line.verdict == Verdict::Refused));
        report.to_string()
    };
    let good = include_str!("../template/Info.plist.txt").replace("{{name}}", "demo").replace("{{mime}}", "a/b");
    assert!(verdict("no xml", None).contains("the Info.plist is no XML"));
    assert!(verdict(&good.replace("BRPL", "APPL"), None).contains("CFBundlePackageType is \"APPL\", not BRPL"));
    assert!(verdict(&good.replace("WebPluginMIMETypes", "Other"), None).contains("no WebPluginMIMETypes"));
    assert!(verdict(&good, None).contains("is not there"));
    assert!(verdict(&good, Some(b"#!/bin/sh")).contains("it is a script"));
    assert!(verdict(&good, Some(DLL)).contains("is no Mach-O file"));
    assert!(verdict(&good.replace(">demo<", ">../../demo<"), None).contains("no usable CFBundleExecutable"));
}
