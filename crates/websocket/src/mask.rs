//! Masking (RFC 6455 §5.3), a word at a time.

/// A frame's masking key.
pub type MaskKey = [u8; 4];

/// Applies `key` to `data` in place, as if `data[0]` were byte `offset` of the frame's payload.
///
/// Masking and unmasking are the same operation. `offset` lets a payload be unmasked in the pieces
/// in which it arrives.
pub fn apply_mask(data: &mut [u8], key: MaskKey, offset: usize) {
    let mut key = key;
    key.rotate_left(offset % 4);
    // Wide blocks of plain words: the compiler turns the inner loop into vector instructions, on any
    // target and without unsafe code.
    let word = u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    let (words, tail) = data.as_chunks_mut::<8>();
    for bytes in words {
        *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// A fresh key from the thread's cryptographic generator: RFC 6455 §10.3 asks for keys that a page's
/// script cannot predict.
pub(crate) fn random_key() -> MaskKey {
    rand::random()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn byte_by_byte(data: &mut [u8], key: MaskKey, offset: usize) {
        for (index, byte) in data.iter_mut().enumerate() {
            *byte ^= key[(index + offset) % 4];
        }
    }

    #[test]
    fn agrees_with_the_definition_at_every_length_alignment_and_offset() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let source: Vec<u8> = (0..=255u8).cycle().take(300).collect();
        for start in 0..9 {
            for length in 0..280 {
                for offset in 0..5 {
                    let mut fast = source.clone();
                    let mut slow = source.clone();
                    apply_mask(&mut fast[start..start + length], key, offset);
                    byte_by_byte(&mut slow[start..start + length], key, offset);
                    assert_eq!(fast, slow, "start {start}, length {length}, offset {offset}");
                }
            }
        }
    }

    #[test]
    fn unmasks_the_example_of_rfc_6455_section_5_7() {
        let mut data = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
        apply_mask(&mut data, [0x37, 0xfa, 0x21, 0x3d], 0);
        assert_eq!(&data, b"Hello");
    }
}
