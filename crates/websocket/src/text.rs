//! Text that is checked as it streams in.

use crate::ProtocolError;

/// Text put together from pieces that may be cut inside a character.
///
/// Every byte is checked once and as soon as it can be, so that invalid text fails in the middle of a
/// fragment and a finished text needs no second pass.
#[derive(Debug, Default)]
pub(crate) struct StreamedText {
    text: String,
    /// The start of a character whose end has not come yet.
    partial: [u8; 4],
    partial_len: u8,
}

impl StreamedText {
    /// Bytes taken so far.
    pub(crate) fn len(&self) -> usize {
        self.text.len() + usize::from(self.partial_len)
    }

    /// Bytes of heap held.
    pub(crate) fn capacity(&self) -> usize {
        self.text.capacity()
    }

    /// Makes room for `additional` more bytes.
    pub(crate) fn reserve_exact(&mut self, additional: usize) {
        self.text.reserve_exact(additional);
    }

    /// Appends a piece, or says that no further bytes could make this valid.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), ProtocolError> {
        let rest = self.finish_partial(piece)?;
        match simdutf8::compat::from_utf8(rest) {
            Ok(text) => self.text.push_str(text),
            Err(error) if error.error_len().is_some() => return Err(ProtocolError::InvalidUtf8),
            Err(error) => {
                let (whole, cut) = rest.split_at(error.valid_up_to());
                // Only a piece cut inside a character is looked at twice, which is rare enough to do
                // without unsafe code.
                let whole = simdutf8::compat::from_utf8(whole).map_err(|_| ProtocolError::InvalidUtf8)?;
                self.text.push_str(whole);
                self.partial[..cut.len()].copy_from_slice(cut);
                self.partial_len = cut.len() as u8;
            }
        }
        Ok(())
    }

    /// Completes the character that the last piece was cut in, and returns what is left of `piece`.
    fn finish_partial<'a>(&mut self, mut piece: &'a [u8]) -> Result<&'a [u8], ProtocolError> {
        while self.partial_len > 0
            && let Some((&byte, rest)) = piece.split_first()
        {
            self.partial[usize::from(self.partial_len)] = byte;
            self.partial_len += 1;
            piece = rest;
            match std::str::from_utf8(&self.partial[..usize::from(self.partial_len)]) {
                Ok(character) => {
                    self.text.push_str(character);
                    self.partial_len = 0;
                }
                Err(error) if error.error_len().is_some() => {
                    return Err(ProtocolError::InvalidUtf8);
                }
                Err(_) => {}
            }
        }
        Ok(piece)
    }

    /// The whole text, unless it ends inside a character.
    pub(crate) fn finish(self) -> Result<String, ProtocolError> {
        if self.partial_len == 0 { Ok(self.text) } else { Err(ProtocolError::InvalidUtf8) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_text_cut_anywhere() {
        let source = "aé水😀\u{10ffff}\u{d7ff}\u{e000}z";
        for first in 0..=source.len() {
            for second in first..=source.len() {
                let mut text = StreamedText::default();
                for piece in
                    [&source.as_bytes()[..first], &source.as_bytes()[first..second], &source.as_bytes()[second..]]
                {
                    text.push(piece).expect("valid so far");
                }
                assert_eq!(text.len(), source.len());
                assert_eq!(text.finish().as_deref(), Ok(source));
            }
        }
    }

    #[test]
    fn fails_on_the_first_byte_that_cannot_be_mended() {
        let cases: [(&[u8], u8); 6] =
            [(&[0xf4], 0x90), (&[0xed], 0xa0), (&[0xe0], 0x80), (&[0xf0], 0x8f), (&[0xe6, 0xb0], 0x41), (&[], 0xc0)];
        for (start, last) in cases {
            let mut text = StreamedText::default();
            text.push(b"fine ").expect("ASCII");
            text.push(start).expect("a valid start");
            assert_eq!(text.push(&[last]), Err(ProtocolError::InvalidUtf8), "{start:x?} {last:x}");
        }
    }

    #[test]
    fn refuses_to_end_inside_a_character() {
        let mut text = StreamedText::default();
        text.push(&[0xe6, 0xb0]).expect("a valid start");
        assert_eq!(text.finish(), Err(ProtocolError::InvalidUtf8));
    }
}
