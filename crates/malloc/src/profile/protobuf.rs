//! The encoding of a profile: protocol buffers, in a gzip file.

/// A protocol buffers message that is being written, see <https://protobuf.dev/programming-guides/encoding>.
#[derive(Default)]
pub(super) struct Message(Vec<u8>);

const VARINT: u64 = 0;
const LEN: u64 = 2;

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// A number. That it is zero need not be said.
    pub(super) fn number(&mut self, field: u64, value: u64) -> &mut Self {
        if value != 0 {
            self.varint(field << 3 | VARINT);
            self.varint(value);
        }
        self
    }

    pub(super) fn bytes(&mut self, field: u64, bytes: &[u8]) -> &mut Self {
        self.varint(field << 3 | LEN);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn message(&mut self, field: u64, message: &Self) -> &mut Self {
        self.bytes(field, &message.0)
    }

    pub(super) fn numbers(&mut self, field: u64, values: impl IntoIterator<Item = u64>) -> &mut Self {
        let mut packed = Self::default();
        values.into_iter().for_each(|value| packed.varint(value));
        self.message(field, &packed)
    }

    /// The message as a gzip file ([RFC 1952](https://www.rfc-editor.org/rfc/rfc1952)) of stored blocks: a profile is
    /// small, and a compressor in every program would not be.
    pub(super) fn into_gzip(self) -> Vec<u8> {
        const DEFLATE: u8 = 8;
        const ANY_SYSTEM: u8 = 255;
        const LAST_BLOCK: u8 = 1;
        let mut file = vec![0x1f, 0x8b, DEFLATE, 0, 0, 0, 0, 0, 0, ANY_SYSTEM];
        let mut blocks = self.0.chunks(u16::MAX.into()).peekable();
        while let Some(block) = blocks.next() {
            let len = block.len() as u16;
            file.push(if blocks.peek().is_none() { LAST_BLOCK } else { 0 });
            file.extend(len.to_le_bytes().into_iter().chain((!len).to_le_bytes()));
            file.extend_from_slice(block);
        }
        file.extend(checksum(&self.0).to_le_bytes());
        file.extend((self.0.len() as u32).to_le_bytes());
        file
    }
}

/// CRC-32 as gzip has it.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn numbers_and_texts_are_as_the_guide_has_them() {
        let mut message = Message::default();
        message.number(1, 150).bytes(2, b"testing").number(3, 0).numbers(4, [3, 270, 86_942]);
        let expected = b"\x08\x96\x01\x12\x07testing\x22\x06\x03\x8e\x02\x9e\xa7\x05";
        assert_eq!(message.0, expected);
    }

    #[test]
    fn the_file_is_one_that_others_can_unpack() {
        for len in [1, 65_535, 65_536, 200_000] {
            let contents: Vec<u8> = (0..len).map(|n| (n * 7 % 251) as u8).collect();
            let file = Message(contents.clone()).into_gzip();
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(&*file).read_to_end(&mut unpacked).expect("a gzip file");
            assert!(unpacked == contents, "{len}");
        }
    }
}
