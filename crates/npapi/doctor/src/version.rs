//! The version resource of a Windows plugin: what engines read of it without running it.

use object::LittleEndian as LE;
use object::pe::{ImageNtHeaders32, ImageNtHeaders64, RT_VERSION};
use object::read::pe::{ImageNtHeaders, PeFile, PeFile32, PeFile64, ResourceDirectory, ResourceDirectoryEntryData};

/// The block that engines look for: US English, code page 1252.
pub const BLOCK: &str = "040904E4";

/// Strings are not read past this number.
const MAX_STRINGS: usize = 1000;

/// What the version resource says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// The blocks of strings by their names, in upper case.
    pub blocks: Vec<(String, Vec<(String, String)>)>,
}

impl Resource {
    /// A string of the block that engines look for.
    pub fn string(&self, name: &str) -> Option<&str> {
        let (_, strings) = self.blocks.iter().find(|(block, _)| block == BLOCK)?;
        strings.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Reads the version resource of a PE file; `None` when it has none.
pub(crate) fn read(bytes: &[u8]) -> Option<Resource> {
    let data = PeFile64::parse(bytes)
        .ok()
        .and_then(|file| find::<ImageNtHeaders64>(&file, bytes))
        .or_else(|| PeFile32::parse(bytes).ok().and_then(|file| find::<ImageNtHeaders32>(&file, bytes)))?;
    Some(parse(data))
}

/// Time stamp and size of the image, as a plugin tells them of itself when it is loaded.
pub(crate) fn build(bytes: &[u8]) -> Option<String> {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?));
    let header = number(0x3C)? as usize;
    Some(format!("{:08x}{:x}", number(header.checked_add(8)?)?, number(header.checked_add(0x50)?)?))
}

/// Resources are a tree of type, name and language.
fn find<'data, Pe: ImageNtHeaders>(file: &PeFile<'data, Pe>, bytes: &'data [u8]) -> Option<&'data [u8]> {
    let sections = file.section_table();
    let resources: ResourceDirectory<'data> = file.data_directories().resource_directory(bytes, &sections).ok()??;
    let kinds = resources.root().ok()?;
    let kind = kinds.entries.iter().find(|entry| entry.name_or_id().id() == Some(RT_VERSION))?;
    let ResourceDirectoryEntryData::Table(names) = kind.data(resources).ok()? else { return None };
    let ResourceDirectoryEntryData::Table(languages) = names.entries.first()?.data(resources).ok()? else {
        return None;
    };
    let ResourceDirectoryEntryData::Data(entry) = languages.entries.first()?.data(resources).ok()? else {
        return None;
    };
    let data = sections.pe_data_at(bytes, entry.offset_to_data.get(LE))?;
    data.get(..entry.size.get(LE) as usize)
}

/// One node of the resource: its name, its value and what is within it.
struct Node<'data> {
    name: String,
    value: &'data [u8],
    children: &'data [u8],
}

/// Cuts the first node off. Each begins with its length, that of its value and a type, 16 bits each; then come the name
/// in UTF-16 with a zero, the value and the children, each at a multiple of four bytes from the start.
fn node(data: &[u8]) -> Option<(Node<'_>, &[u8])> {
    let number = |at: usize| Some(usize::from(u16::from_le_bytes(data.get(at..at + 2)?.try_into().ok()?)));
    let (length, value, is_text) = (number(0)?, number(2)?, number(4)? == 1);
    let whole = data.get(..length).filter(|whole| whole.len() >= 6)?;
    let (name, name_length) = text(whole.get(6..)?);
    let start = (6 + name_length + 2).next_multiple_of(4).min(whole.len());
    // The length of a text is in characters.
    let end = (start + if is_text { value * 2 } else { value }).min(whole.len());
    let children = whole.get(end.next_multiple_of(4)..).unwrap_or_default();
    let rest = data.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((Node { name, value: &whole[start..end], children }, rest))
}

/// Text in UTF-16 up to a zero, and its length in bytes.
fn text(data: &[u8]) -> (String, usize) {
    let units: Vec<u16> =
        data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).take_while(|unit| *unit != 0).collect();
    (String::from_utf16_lossy(&units), units.len() * 2)
}

fn nodes(mut data: &[u8]) -> impl Iterator<Item = Node<'_>> {
    std::iter::from_fn(move || {
        let (node, rest) = node(data)?;
        data = rest;
        Some(node)
    })
    .take(MAX_STRINGS)
}

fn parse(data: &[u8]) -> Resource {
    let mut resource = Resource::default();
    let Some((root, _)) = node(data) else { return resource };
    for information in nodes(root.children).filter(|node| node.name == "StringFileInfo") {
        for block in nodes(information.children) {
            let strings = nodes(block.children).map(|string| (string.name, text(string.value).0)).collect();
            resource.blocks.push((block.name.to_uppercase(), strings));
        }
    }
    resource
}

#[cfg(test)]
mod tests {
    use super::{node, parse};

    #[test]
    fn nodes_that_lie_about_their_length_end_the_reading() {
        assert!(node(&[]).is_none());
        assert!(node(&[0; 5]).is_none());
        assert!(node(&[0; 64]).is_none());
        assert!(node(&[0xFF; 64]).is_none());
        // A root that claims a value longer than itself.
        assert!(parse(&[64, 0, 0xFF, 0xFF, 0, 0].iter().copied().chain([0; 58]).collect::<Vec<_>>()).blocks.is_empty());
    }
}
