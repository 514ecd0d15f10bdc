//! The bundle of an OS X plugin: a folder `NAME.plugin` with its `Info.plist`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// What `Info.plist` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Information {
    /// `CFBundlePackageType`, which has to be `BRPL`.
    pub package_type: Option<String>,
    /// `CFBundleExecutable`, the name of the file in `Contents/MacOS`.
    pub executable: Option<String>,
    /// `WebPluginName`
    pub name: Option<String>,
    /// `WebPluginDescription`
    pub description: Option<String>,
    /// The names in `WebPluginMIMETypes`.
    pub mime: Vec<String>,
}

/// Whether a path is a bundle rather than a file.
pub fn is_bundle(path: &Path) -> bool {
    path.is_dir() && path.join("Contents").is_dir()
}

/// Reads a bundle: what it says, and where its file is.
///
/// # Errors
/// When it has no `Info.plist` that can be read.
pub fn read(bundle: &Path) -> Result<(Information, Option<PathBuf>), Error> {
    let path = bundle.join("Contents/Info.plist");
    let bytes = fs::read(&path).map_err(Error::io("read", &path))?;
    let information = parse(&bytes).map_err(|problem| Error::Refused(format!("{}: {problem}", path.display())))?;
    // A name with a folder in it would lead out of the bundle.
    let executable = information.executable.as_ref().filter(|name| !name.contains('/') && *name != "..");
    let file = executable.map(|name| bundle.join("Contents/MacOS").join(name));
    Ok((information, file))
}

/// Reads an `Info.plist` in XML.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn parse(bytes: &[u8]) -> Result<Information, String> {
    if bytes.starts_with(b"bplist") {
        return Err("the Info.plist is in the binary form; convert it with: plutil -convert xml1 Info.plist".to_owned());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "the Info.plist is not UTF-8".to_owned())?;
    let options = roxmltree::ParsingOptions { allow_dtd: true, nodes_limit: 100_000, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(text, options)
        .map_err(|error| format!("the Info.plist is no XML: {error}"))?;
    let root = document
        .root_element()
        .children()
        .find(|node| node.has_tag_name("dict"))
        .ok_or("the Info.plist has no dictionary")?;
    let mut information = Information::default();
    for (key, value) in pairs(root) {
        let text = || Some(value.text().unwrap_or_default().to_owned());
        match key {
            "CFBundlePackageType" => information.package_type = text(),
            "CFBundleExecutable" => information.executable = text(),
            "WebPluginName" => information.name = text(),
            "WebPluginDescription" => information.description = text(),
            "WebPluginMIMETypes" => information.mime = pairs(value).map(|(key, _)| key.to_owned()).collect(),
            _ => {}
        }
    }
    Ok(information)
}

/// A dictionary's keys, each with the element behind it.
fn pairs<'a, 'input>(
    dictionary: roxmltree::Node<'a, 'input>,
) -> impl Iterator<Item = (&'a str, roxmltree::Node<'a, 'input>)> {
    let keys = dictionary.children().filter(|node| node.has_tag_name("key"));
    keys.filter_map(|key| Some((key.text()?, key.next_sibling_element()?)))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn what_is_no_dictionary_is_said() {
        assert!(parse(b"").is_err());
        assert!(parse(b"bplist00").unwrap_err().contains("plutil"));
        assert!(parse(b"<plist/>").is_err());
        assert!(parse(&[0xFF, 0xFE]).is_err());
        let found =
            parse(b"<plist><dict><key>WebPluginMIMETypes</key><dict><key>a/b</key><dict/></dict></dict></plist>");
        assert_eq!(found.unwrap().mime, ["a/b"]);
    }
}
