//! Cuts a stream of bytes into lines, wherever it was cut before.

/// What is left of a line until its end comes. Empty, and without memory, between lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
}

/// A line that is longer than this is none of the server's.
const LONGEST: usize = 4 << 20;

impl Lines {
    /// Hands each line that `bytes` completes to `take`, without its end. Says whether the rest is not too long.
    pub(super) fn feed<E>(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8]) -> Result<(), E>) -> Result<bool, E> {
        let mut bytes = bytes;
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, after) = bytes.split_at(end);
            if self.rest.is_empty() {
                take(line)?;
            } else {
                let mut whole = std::mem::take(&mut self.rest);
                whole.extend_from_slice(line);
                take(&whole)?;
            }
            bytes = &after[1..];
        }
        self.rest.extend_from_slice(bytes);
        Ok(self.rest.len() <= LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn lines_come_out_whole_wherever_they_were_cut() {
        let text = b"one\n\ntwo\nthree\nfo";
        for cut in 0..text.len() {
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            for piece in [&text[..cut], &text[cut..]] {
                let Ok(fits) = lines.feed(piece, |line| -> Result<(), Infallible> {
                    found.push(String::from_utf8_lossy(line).into_owned());
                    Ok(())
                });
                assert!(fits);
            }
            assert_eq!(found, ["one", "", "two", "three"], "cut at {cut}");
            assert_eq!(lines.rest, b"fo");
        }
    }

    #[test]
    fn a_line_without_an_end_is_given_up() {
        let mut lines = Lines::default();
        let fits = lines.feed(&vec![b'x'; LONGEST + 1], |_| Ok::<(), Infallible>(()));
        assert_eq!(fits, Ok(false));
    }
}
