//! The policy file of a Flash player.
//!
//! Before a page's Flash movie may open a socket, the player connects by itself, sends `<policy-file-request/>` and a NUL
//! byte, and reads an XML document up to a NUL byte that says who may connect to which ports ("Policy file changes in Flash
//! Player 9 and 10", Adobe). It asks the port itself when there is no answer on port 843, so that one port can serve both.
//!
//! With a [`PolicyFile`], [`Server`](crate::Server) answers such a request and closes the connection. It finds out by the
//! look at the first bytes that tells HTTP/1.1 from HTTP/2 anyway ([`sniff`](crate::sniff)): ordinary connections pay
//! nothing, and nothing has to be put back. A request is 23 bytes and has to be there within
//! [`Limits::header_timeout`](crate::Limits::header_timeout). Connections with TLS are not looked at.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, fs, io};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::meter::Meter;
use crate::{ConnectionGuard, Io, Stream, account::Account};

/// What a player sends.
pub const REQUEST: &[u8; 23] = b"<policy-file-request/>\0";

/// Bytes that a policy file may have.
pub const MAX_BYTES: usize = 64 << 10;

/// The document that a player gets.
///
/// ```
/// use planet_net::policy::PolicyFile;
///
/// let policy = PolicyFile::new(
///     r#"<cross-domain-policy><allow-access-from domain="example.org" to-ports="8000"/></cross-domain-policy>"#,
/// )?;
/// assert_eq!(policy.answer().last(), Some(&0));
/// # Ok::<(), planet_net::policy::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFile(Bytes);

/// Why a document cannot be a policy file.
#[derive(Debug)]
pub enum PolicyError {
    /// The file could not be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It has more than [`MAX_BYTES`].
    TooLong {
        /// Its size in bytes.
        bytes: usize,
    },
    /// It has a NUL byte, which would end it early.
    Nul,
    /// It has no element `cross-domain-policy`, without which a player takes it for no answer at all.
    NoPolicy,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            Self::TooLong { bytes } => write!(f, "the policy file has {bytes} bytes; at most {MAX_BYTES} are allowed"),
            Self::Nul => f.write_str("the policy file has a NUL byte, which ends it for a Flash player; remove it"),
            Self::NoPolicy => f.write_str("the policy file has no <cross-domain-policy> element; add one"),
        }
    }
}

impl std::error::Error for PolicyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::TooLong { .. } | Self::Nul | Self::NoPolicy => None,
        }
    }
}

impl PolicyFile {
    /// A document as it is to be sent, without the NUL byte at its end.
    ///
    /// # Errors
    /// When no player could make anything of it.
    pub fn new(document: &str) -> Result<Self, PolicyError> {
        if document.len() > MAX_BYTES {
            return Err(PolicyError::TooLong { bytes: document.len() });
        }
        if document.contains('\0') {
            return Err(PolicyError::Nul);
        }
        if !document.contains("<cross-domain-policy") {
            return Err(PolicyError::NoPolicy);
        }
        let mut answer = BytesMut::with_capacity(document.len() + 1);
        answer.put_slice(document.as_bytes());
        answer.put_u8(0);
        Ok(Self(answer.freeze()))
    }

    /// Reads the document from a file.
    ///
    /// # Errors
    /// When the file cannot be read as UTF-8, and as with [`PolicyFile::new`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, PolicyError> {
        let path = path.as_ref();
        let document =
            fs::read_to_string(path).map_err(|source| PolicyError::Read { path: path.to_owned(), source })?;
        Self::new(&document)
    }

    /// What is sent: the document and a NUL byte.
    pub fn answer(&self) -> &[u8] {
        &self.0
    }

    /// Answers a request that was seen and not yet read, and closes the connection.
    pub(crate) async fn serve(
        &self,
        tcp: TcpStream,
        guard: ConnectionGuard,
        meter: Option<Arc<Meter>>,
    ) -> io::Result<()> {
        let patience = guard.limits().write_timeout;
        let account = meter.map(|meter| Account::new(meter, true));
        let mut stream = Stream::new(Io::Tcp(tcp), guard).with_account(account);
        let serving = async {
            stream.read_exact(&mut [0; REQUEST.len()]).await?;
            stream.write_all(self.answer()).await?;
            stream.shutdown().await?;
            // Whatever the peer may send besides is not to turn the end into a reset, by which the answer could be lost.
            stream.read(&mut [0]).await.map(drop)
        };
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the connection stayed open after the policy file");
        timeout(patience, serving).await.map_err(late)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_no_player_takes_is_refused() {
        let policy = "<cross-domain-policy/>";
        assert_eq!(PolicyFile::new(policy).unwrap().answer(), b"<cross-domain-policy/>\0");
        let padded = |bytes: usize| format!("{policy}{}", " ".repeat(bytes - policy.len()));
        assert!(PolicyFile::new(&padded(MAX_BYTES)).is_ok());
        assert!(matches!(PolicyFile::new(&padded(MAX_BYTES + 1)), Err(PolicyError::TooLong { .. })));
        assert!(matches!(PolicyFile::new("<cross-domain-policy/>\0"), Err(PolicyError::Nul)));
        assert!(matches!(PolicyFile::new("<html/>"), Err(PolicyError::NoPolicy)));
        let missing = PolicyFile::load("no-such-policy.xml").unwrap_err().to_string();
        assert!(missing.starts_with("cannot read no-such-policy.xml: "), "{missing}");
    }
}
