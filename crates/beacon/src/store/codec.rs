//! The file format of saved logs.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `PLANETHL` |
//! | 4 | version, 2 |
//! | 4 | number of channels, each of which follows |
//! | 4 | CRC-32 (IEEE 802.3) of everything before |
//!
//! A channel is its name, its epoch as text of 12 digits, the offset of its last message (8 bytes), the number of
//! messages kept (4) and these messages; since their offsets have no holes and end at that of the channel, they are not
//! written. Behind them stand the number of idempotency keys (4) and these: a key, its end in milliseconds since 1970 (8),
//! the offset (8) and the number of connections (8) that it was answered with. A message is its time in milliseconds since 1970 (8), its payload, and who published it: a byte 0 for the
//! back end, or 1 and then the client's id as text of 36 digits, its user and its info.
//!
//! A name or payload is its length (4) and its bytes, and where it may be missing, a byte 0 or 1 in front. Numbers are
//! little-endian.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use planet_hub::{ClientInfo, Epoch, Position, Publication, SavedChannel, SavedRepeat};

const MAGIC: [u8; 8] = *b"PLANETHL";
const VERSION: u32 = 2;
const EPOCH_DIGITS: usize = 12;
const CLIENT_ID_DIGITS: usize = 36;

/// Why a file cannot be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The system failed to read it.
    Io(io::Error),
    /// It is not what was written.
    Damaged(&'static str),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Damaged(what) => f.write_str(what),
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Damaged("it ends too early") } else { Self::Io(error) }
    }
}

pub(super) fn write(out: impl Write, channels: &[SavedChannel]) -> io::Result<()> {
    let mut writer = Writer { out, checksum: crc32fast::Hasher::new() };
    writer.raw(&MAGIC)?;
    writer.u32(VERSION)?;
    writer.length(channels.len())?;
    for channel in channels {
        writer.channel(channel)?;
    }
    let checksum = writer.checksum.finalize();
    writer.out.write_all(&checksum.to_le_bytes())
}

/// Reads what [`write()`] wrote, from a source of `length` bytes.
pub(super) fn read(input: impl Read, length: u64) -> Result<Vec<SavedChannel>, ReadError> {
    let mut reader = Reader { input, left: length, checksum: crc32fast::Hasher::new() };
    if reader.raw()? != MAGIC {
        return Err(ReadError::Damaged("it is not a file of saved history"));
    }
    if reader.u32()? != VERSION {
        return Err(ReadError::Damaged("it was written by another version of the server"));
    }
    let count = reader.u32()?;
    let mut channels = Vec::new();
    for _ in 0..count {
        channels.push(reader.channel()?);
    }
    let computed = reader.checksum.clone().finalize();
    if reader.u32()? != computed {
        return Err(ReadError::Damaged("its checksum is wrong"));
    }
    if reader.left > 0 {
        return Err(ReadError::Damaged("it goes on after its end"));
    }
    Ok(channels)
}

struct Writer<W> {
    out: W,
    checksum: crc32fast::Hasher,
}

impl<W: Write> Writer<W> {
    fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.checksum.update(bytes);
        self.out.write_all(bytes)
    }

    fn u32(&mut self, number: u32) -> io::Result<()> {
        self.raw(&number.to_le_bytes())
    }

    fn u64(&mut self, number: u64) -> io::Result<()> {
        self.raw(&number.to_le_bytes())
    }

    fn length(&mut self, length: usize) -> io::Result<()> {
        self.u32(u32::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?)
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length(bytes.len())?;
        self.raw(bytes)
    }

    fn optional(&mut self, bytes: Option<&[u8]>) -> io::Result<()> {
        self.raw(&[u8::from(bytes.is_some())])?;
        bytes.map_or(Ok(()), |bytes| self.bytes(bytes))
    }

    fn channel(&mut self, channel: &SavedChannel) -> io::Result<()> {
        let SavedChannel { name, position, messages, repeats } = channel;
        let first = (position.offset + 1).checked_sub(messages.len() as u64);
        let without_holes =
            first.is_some_and(|first| messages.iter().map(|message| message.offset).eq(first..=position.offset));
        if !without_holes {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the offsets of a channel's messages have holes"));
        }
        self.bytes(name.as_bytes())?;
        self.raw(position.epoch.to_string().as_bytes())?;
        self.u64(position.offset)?;
        self.length(messages.len())?;
        messages.iter().try_for_each(|message| self.message(message))?;
        self.length(repeats.len())?;
        repeats.iter().try_for_each(|repeat| self.repeat(repeat))
    }

    fn repeat(&mut self, repeat: &SavedRepeat) -> io::Result<()> {
        self.bytes(repeat.key.as_bytes())?;
        self.u64(repeat.expires_at)?;
        self.u64(repeat.offset)?;
        self.u64(repeat.sent)
    }

    fn message(&mut self, message: &Publication) -> io::Result<()> {
        self.u64(message.published_at)?;
        self.bytes(&message.data)?;
        self.raw(&[u8::from(message.info.is_some())])?;
        let Some(ClientInfo { client, user, info }) = &message.info else { return Ok(()) };
        self.raw(client.to_string().as_bytes())?;
        self.optional(user.as_ref().map(|user| user.as_bytes()))?;
        self.optional(info.as_deref())
    }
}

struct Reader<R> {
    input: R,
    /// Bytes not read yet: no length in the file can make more be allocated.
    left: u64,
    checksum: crc32fast::Hasher,
}

impl<R: Read> Reader<R> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ReadError> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(ReadError::Damaged("it ends too early"))?;
        self.input.read_exact(bytes)?;
        self.checksum.update(bytes);
        Ok(())
    }

    fn raw<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], ReadError> {
        let mut bytes = [0; LENGTH];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, ReadError> {
        self.raw().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, ReadError> {
        self.raw().map(u64::from_le_bytes)
    }

    fn flag(&mut self) -> Result<bool, ReadError> {
        match self.raw()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(ReadError::Damaged("a flag is neither 0 nor 1")),
        }
    }

    fn bytes(&mut self) -> Result<Vec<u8>, ReadError> {
        let length = self.u32()?;
        if u64::from(length) > self.left {
            return Err(ReadError::Damaged("a length goes past its end"));
        }
        let mut bytes = vec![0; length as usize];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn optional(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        if self.flag()? { self.bytes().map(Some) } else { Ok(None) }
    }

    fn channel(&mut self) -> Result<SavedChannel, ReadError> {
        let name = text(self.bytes()?)?;
        let epoch = text(self.raw::<EPOCH_DIGITS>()?.to_vec())?;
        let epoch = Epoch::parse(&epoch).ok_or(ReadError::Damaged("an epoch has another form"))?;
        let position = Position { epoch, offset: self.u64()? };
        let count = u64::from(self.u32()?);
        let before_first =
            position.offset.checked_sub(count).ok_or(ReadError::Damaged("a channel has more messages than offsets"))?;
        let mut messages = Vec::new();
        for at in 1..=count {
            messages.push(Arc::new(self.message(before_first + at)?));
        }
        let mut repeats = Vec::new();
        for _ in 0..self.u32()? {
            repeats.push(self.repeat()?);
        }
        Ok(SavedChannel { name, position, messages, repeats })
    }

    fn repeat(&mut self) -> Result<SavedRepeat, ReadError> {
        let key = text(self.bytes()?)?;
        Ok(SavedRepeat { key, expires_at: self.u64()?, offset: self.u64()?, sent: self.u64()? })
    }

    fn message(&mut self, offset: u64) -> Result<Publication, ReadError> {
        let published_at = self.u64()?;
        let data = Bytes::from(self.bytes()?);
        let info = if self.flag()? { Some(self.client()?) } else { None };
        Ok(Publication { offset, published_at, data, info })
    }

    fn client(&mut self) -> Result<ClientInfo, ReadError> {
        let client = text(self.raw::<CLIENT_ID_DIGITS>()?.to_vec())?;
        let client = client.parse().map_err(|_| ReadError::Damaged("a client's id has another form"))?;
        let user = self.optional()?.map(text).transpose()?.map(Arc::from);
        let info = self.optional()?.map(Bytes::from);
        Ok(ClientInfo { client, user, info })
    }
}

fn text(bytes: Vec<u8>) -> Result<String, ReadError> {
    String::from_utf8(bytes).map_err(|_| ReadError::Damaged("a name is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use planet_hub::ClientId;
    use proptest::prelude::*;

    use super::*;

    fn client_info() -> impl Strategy<Value = ClientInfo> {
        let user = prop::option::of("[a-z]{1,9}".prop_map(Arc::from));
        let info = prop::option::of(prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from));
        (user, info).prop_map(|(user, info)| ClientInfo { client: ClientId::random(), user, info })
    }

    fn channel() -> impl Strategy<Value = SavedChannel> {
        let data = prop::collection::vec(any::<u8>(), 0..60).prop_map(Bytes::from);
        let message = (any::<u64>(), data, prop::option::of(client_info()));
        let repeat = (".{1,20}", any::<[u64; 3]>()).prop_map(|(key, [expires_at, offset, sent])| SavedRepeat {
            key,
            expires_at,
            offset,
            sent,
        });
        let (messages, repeats) = (prop::collection::vec(message, 0..8), prop::collection::vec(repeat, 0..4));
        (".{0,20}", 0..u64::MAX / 2, messages, repeats).prop_map(|(name, before, messages, repeats)| {
            let offset = before + messages.len() as u64;
            let publication = |(at, (published_at, data, info))| {
                Arc::new(Publication { offset: before + 1 + at as u64, published_at, data, info })
            };
            let messages = messages.into_iter().enumerate().map(publication).collect();
            SavedChannel { name, position: Position { epoch: Epoch::random(), offset }, messages, repeats }
        })
    }

    fn written(channels: &[SavedChannel]) -> Vec<u8> {
        let mut file = Vec::new();
        write(&mut file, channels).unwrap();
        file
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(channels in prop::collection::vec(channel(), 0..6)) {
            let file = written(&channels);
            prop_assert_eq!(read(&file[..], file.len() as u64).unwrap(), channels);
        }

        #[test]
        fn a_file_cut_short_or_changed_anywhere_is_damaged(
            channels in prop::collection::vec(channel(), 1..4),
            at in any::<prop::sample::Index>(),
            flip in 1..=255_u8,
        ) {
            let file = written(&channels);
            let cut = &file[..at.index(file.len())];
            prop_assert!(matches!(read(cut, cut.len() as u64), Err(ReadError::Damaged(_))));
            let mut changed = file.clone();
            changed[at.index(file.len())] ^= flip;
            prop_assert!(matches!(read(&changed[..], changed.len() as u64), Err(ReadError::Damaged(_))));
        }
    }

    #[test]
    fn a_hole_among_the_offsets_is_not_written() {
        let publication = |offset| Arc::new(Publication { offset, published_at: 0, data: Bytes::new(), info: None });
        for offsets in [vec![1, 3], vec![1, 2], vec![2, 3, 4]] {
            let messages = offsets.into_iter().map(publication).collect();
            let position = Position { epoch: Epoch::random(), offset: 3 };
            let error =
                write(Vec::new(), &[SavedChannel { name: "c".into(), position, messages, repeats: Vec::new() }])
                    .unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
