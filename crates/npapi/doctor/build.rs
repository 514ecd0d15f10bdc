//! Lists the sources of `planet-npapi`, which every new plugin project gets a copy of.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the doctor is in the library's folder");
    let sources = package.join("src");
    println!("cargo:rerun-if-changed={}", sources.display());
    let mut files = Vec::new();
    list(&sources, &mut files);
    files.sort();
    let mut code = String::from("&[\n");
    for file in files {
        println!("cargo:rerun-if-changed={}", file.display());
        let name = file.strip_prefix(package).expect("it was found there").to_string_lossy().replace('\\', "/");
        code += &format!("    ({name:?}, include_str!({:?})),\n", file.display().to_string());
    }
    code += "]\n";
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(folder.join("library.rs"), code).expect("cargo's folder can be written");
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the sources are there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path);
        }
    }
}
