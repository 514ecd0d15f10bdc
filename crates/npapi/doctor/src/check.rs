//! What an engine would refuse of a file, and why.

use std::fmt;
use std::fs;
use std::io::Read;
use std::path::Path;

use crate::bundle;
use crate::error::Error;
use crate::file::{self, Format, Inspection};
use crate::probe::{self, Answer};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Some engines, or some machines, do not take it.
    Doubtful,
    /// No engine takes it.
    Refused,
}

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How it is.
    pub verdict: Verdict,
    /// What, in a sentence.
    pub text: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report(pub Vec<Line>);

impl Report {
    /// A file may have line breaks, or what a terminal heeds, in the texts that it is described by.
    fn add(&mut self, verdict: Verdict, text: impl Into<String>) {
        let text = text.into().replace(|character: char| character.is_control(), "\u{fffd}");
        self.0.push(Line { verdict, text });
    }

    /// Whether there is an engine that would take the file.
    pub fn is_plugin(&self) -> bool {
        self.0.iter().all(|line| line.verdict != Verdict::Refused)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.0 {
            let mark = match line.verdict {
                Verdict::Good => "ok     ",
                Verdict::Doubtful => "unsure ",
                Verdict::Refused => "REFUSED",
            };
            writeln!(formatter, "{mark} {}", line.text)?;
        }
        Ok(())
    }
}

/// How a plugin is asked on X11: the arguments with which this program runs [`probe::run`]; `None` not to load it.
pub type Prober<'a> = Option<&'a [&'a str]>;

/// Checks a file, or an OS X bundle.
///
/// # Errors
/// When it cannot be read at all.
pub fn check(path: &Path, prober: Prober<'_>) -> Result<Report, Error> {
    let mut report = Report::default();
    if bundle::is_bundle(path) {
        check_bundle(path, &mut report)?;
        return Ok(report);
    }
    let bytes = read(path)?;
    if let Some(inspection) = check_bytes(&bytes, &mut report) {
        match inspection.format {
            Format::Elf => check_elf(path, &inspection, prober, &mut report),
            Format::Pe => check_name(path, "np", "dll", &mut report),
            Format::MachO => report.add(Verdict::Doubtful, "OS X loads a bundle NAME.plugin rather than a bare file"),
        }
    }
    Ok(report)
}

/// Checks bytes alone; what they are, when an engine could use them.
pub fn check_bytes(bytes: &[u8], report: &mut Report) -> Option<Inspection> {
    let inspection = match file::inspect(bytes) {
        Ok(inspection) => inspection,
        Err(problem) => {
            report.add(Verdict::Refused, problem.to_string());
            return None;
        }
    };
    report.add(Verdict::Good, format!("{} for {}", inspection.format, inspection.architectures.join(" and ")));
    if !inspection.is_library {
        report.add(Verdict::Refused, "it is no shared library; set crate-type = [\"cdylib\"]");
    }
    let needed: &[&str] = match inspection.format {
        Format::Elf => &["NP_Initialize", "NP_Shutdown", "NP_GetMIMEDescription", "NP_GetValue"],
        Format::Pe | Format::MachO => &["NP_Initialize", "NP_Shutdown", "NP_GetEntryPoints"],
    };
    let missing: Vec<_> =
        needed.iter().copied().filter(|name| !inspection.exports.iter().any(|export| export == name)).collect();
    if missing.is_empty() {
        report.add(Verdict::Good, format!("it exports {}", needed.join(", ")));
    } else {
        report.add(Verdict::Refused, format!("it does not export {}; is export!(…) there?", missing.join(", ")));
    }
    match &inspection.build {
        Some(build) => report.add(Verdict::Good, format!("build {build}")),
        None => report.add(Verdict::Doubtful, "the linker has noted no build, so that builds cannot be told apart"),
    }
    if inspection.format == Format::Pe {
        check_resource(&inspection, report);
    }
    Some(inspection)
}

fn check_resource(inspection: &Inspection, report: &mut Report) {
    let Some(resource) = &inspection.resource else {
        report.add(Verdict::Refused, "it has no version resource, which is where engines on Windows find its types");
        return;
    };
    if !resource.blocks.iter().any(|(name, _)| name == crate::version::BLOCK) {
        let names: Vec<_> = resource.blocks.iter().map(|(name, _)| name.as_str()).collect();
        let block = crate::version::BLOCK;
        report.add(Verdict::Refused, format!("its version resource has no block {block}, only {}", names.join(", ")));
        return;
    }
    match resource.string("MIMEType").filter(|types| !types.is_empty()) {
        Some(types) => {
            report.add(Verdict::Good, format!("types {}", types.replace('|', ", ")));
            let parts = |text: &str| text.split('|').count();
            for name in ["FileExtents", "FileOpenName"] {
                let count = resource.string(name).map_or(0, parts);
                if count != parts(types) {
                    let text = format!("{name} has {count} parts, and MIMEType {}", parts(types));
                    report.add(Verdict::Doubtful, text);
                }
            }
        }
        None => report.add(Verdict::Refused, "its version resource has no MIMEType"),
    }
    for name in ["ProductName", "FileDescription"] {
        match resource.string(name).filter(|text| !text.is_empty()) {
            Some(text) => report.add(Verdict::Good, format!("{name} {text:?}")),
            None => report.add(Verdict::Refused, format!("its version resource has no {name}")),
        }
    }
}

fn check_elf(path: &Path, inspection: &Inspection, prober: Prober<'_>, report: &mut Report) {
    if path.extension().is_none_or(|extension| extension != "so") {
        report.add(
            Verdict::Doubtful,
            "its name does not end with .so, and of the engines only Chromium lists other files",
        );
    }
    let host = file::host_architecture();
    if !inspection.architectures.iter().any(|name| name == host) {
        let text = format!("it is for {}, and browsers on this machine are for {host}", inspection.architectures[0]);
        report.add(Verdict::Refused, text);
        return;
    }
    if !report.is_plugin() {
        // Nothing but a plugin is to be loaded.
        return;
    }
    let Some(arguments) = prober else {
        report.add(Verdict::Doubtful, "it was not loaded, so that its name and types are not known");
        return;
    };
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match probe::ask(&path, arguments) {
        Ok(answer) => check_answer(&answer, report),
        Err(problem) => report.add(Verdict::Refused, problem),
    }
}

fn check_answer(answer: &Answer, report: &mut Report) {
    for (what, text) in [("name", &answer.name), ("description", &answer.description)] {
        let verdict = if text.is_empty() { Verdict::Doubtful } else { Verdict::Good };
        report.add(verdict, format!("{what} {text:?}"));
    }
    let types = answer.types();
    if types.is_empty() {
        report.add(Verdict::Refused, "it names no type of data");
    }
    for (name, is_described) in types {
        if is_described {
            report.add(Verdict::Good, format!("type {name}"));
        } else {
            report.add(
                Verdict::Doubtful,
                format!("type {name} has no description: QtWebKit does not take the plugin for it"),
            );
        }
    }
}

fn check_name(path: &Path, start: &str, extension: &str, report: &mut Report) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if !(name.starts_with(start) && name.ends_with(&format!(".{extension}"))) {
        let text = format!(
            "its name is not {start}….{extension}: engines find it through the registry alone, not in a folder"
        );
        report.add(Verdict::Doubtful, text);
    }
}

fn check_bundle(path: &Path, report: &mut Report) -> Result<(), Error> {
    let (information, file) = match bundle::read(path) {
        Ok(read) => read,
        Err(problem) => {
            report.add(Verdict::Refused, problem.to_string());
            return Ok(());
        }
    };
    match information.package_type.as_deref() {
        Some("BRPL") => report.add(Verdict::Good, "a bundle of type BRPL"),
        other => {
            report.add(Verdict::Refused, format!("its CFBundlePackageType is {:?}, not BRPL", other.unwrap_or("")))
        }
    }
    if information.mime.is_empty() {
        report.add(Verdict::Refused, "its Info.plist has no WebPluginMIMETypes");
    } else {
        report.add(Verdict::Good, format!("types {}", information.mime.join(", ")));
    }
    if information.name.is_none() {
        report.add(Verdict::Doubtful, "its Info.plist has no WebPluginName");
    }
    let Some(file) = file else {
        report.add(Verdict::Refused, "its Info.plist has no usable CFBundleExecutable");
        return Ok(());
    };
    if !file.is_file() {
        report.add(Verdict::Refused, format!("{} is not there", file.display()));
        return Ok(());
    }
    match check_bytes(&read(&file)?, report) {
        Some(inspection) if inspection.format != Format::MachO => {
            report.add(Verdict::Refused, format!("{} is no Mach-O file", file.display()));
        }
        _ => {}
    }
    Ok(())
}

/// Reads a file, within the bound.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let opened = fs::File::open(path).map_err(Error::io("open", path))?;
    let length = opened.metadata().map_err(Error::io("read", path))?;
    if !length.is_file() {
        return Err(Error::Refused(format!("{} is no file", path.display())));
    }
    opened.take(file::MAX_SIZE + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() as u64 > file::MAX_SIZE {
        return Err(Error::Refused(format!("{} is larger than 1 GiB: no plugin is", path.display())));
    }
    Ok(bytes)
}
