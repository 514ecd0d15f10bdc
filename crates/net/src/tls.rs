//! Certificates from files, reloaded when the files change.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};
use tokio_rustls::TlsAcceptor;

use crate::Shutdown;

/// How often [`Certificates::watch`] looks at the files when nothing else is asked for.
pub const RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// A certificate chain and its private key, from two PEM files.
///
/// Connections made after a reload get the new certificate; those that are open keep theirs.
/// TLS 1.2 and 1.3 are spoken, and ALPN offers `h2` and `http/1.1`.
#[derive(Clone, Debug)]
pub struct Certificates {
    files: Arc<Files>,
    config: Arc<ServerConfig>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Current>,
}

/// What is in force, and the bytes it was made of or last failed to be made of.
#[derive(Debug)]
struct Current {
    key: Arc<CertifiedKey>,
    seen: Contents,
}

#[derive(Debug, PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// Why a certificate and key cannot be used.
#[derive(Debug)]
pub enum TlsError {
    /// A file could not be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file has no usable PEM section (RFC 7468) of the kind wanted.
    Pem {
        /// The file.
        path: PathBuf,
        /// The kind of section, such as `certificate`.
        wanted: &'static str,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The key is of a kind that is not supported, or is not the certificate's.
    Pair {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What is wrong with them.
        source: rustls::Error,
    },
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            Self::Pem { path, wanted, source: pem::Error::NoItemsFound } => {
                write!(f, "{} has no {wanted} in PEM form", path.display())
            }
            Self::Pem { path, wanted, source } => {
                write!(f, "the {wanted} in {} is damaged: {source}", path.display())
            }
            Self::Pair { certificate, key, source } => write!(
                f,
                "the certificate in {} and the key in {} cannot be used together: {source}",
                certificate.display(),
                key.display()
            ),
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::Pem { source, .. } => Some(source),
            Self::Pair { source, .. } => Some(source),
        }
    }
}

impl Certificates {
    /// Reads the chain (the server's own certificate first) and the key.
    ///
    /// # Errors
    ///
    /// When a file is unreadable or malformed, or the two do not belong together.
    pub fn load(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, TlsError> {
        let (certificate, key) = (certificate.into(), key.into());
        let provider = Arc::new(ring::default_provider());
        let seen = Contents::read(&certificate, &key)?;
        let pair = Arc::new(seen.parse(&certificate, &key, &provider)?);
        let current = RwLock::new(Current { key: pair, seen });
        let files = Arc::new(Files { certificate, key, provider: Arc::clone(&provider), current });
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Files>::clone(&files);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring supports TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { files, config: Arc::new(config) })
    }

    /// Performs handshakes with the certificate in force at that moment.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    /// Looks at the files now and takes over what has changed.
    ///
    /// Returns whether there is a new certificate. The same bad files are reported once.
    /// Reads files, so call it where blocking is allowed.
    ///
    /// # Errors
    ///
    /// When the new files cannot be used; the certificate before stays in force.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let files = &self.files;
        let seen = Contents::read(&files.certificate, &files.key)?;
        let mut current = files.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.seen == seen {
            return Ok(false);
        }
        let parsed = seen.parse(&files.certificate, &files.key, &files.provider);
        current.seen = seen;
        current.key = Arc::new(parsed?);
        Ok(true)
    }

    /// Reloads the files whenever their content changes, looking every `interval`, until the
    /// shutdown begins. A bad file is logged once, and the certificate before stays in force.
    pub async fn watch(self, interval: Duration, shutdown: Shutdown) {
        let mut last_error = None;
        loop {
            tokio::select! {
                () = tokio::time::sleep(interval) => {}
                () = shutdown.begun() => return,
            }
            let certificates = self.clone();
            let Ok(reloaded) = tokio::task::spawn_blocking(move || certificates.reload()).await else {
                return;
            };
            match reloaded {
                Ok(true) => {
                    last_error = None;
                    tracing::info!(
                        certificate = %self.files.certificate.display(),
                        "the TLS certificate was reloaded"
                    );
                }
                Ok(false) => {}
                Err(error) => {
                    let error = error.to_string();
                    if last_error.as_ref() != Some(&error) {
                        tracing::error!(
                            "the TLS certificate was not reloaded, the one before stays in force: \
                             {error}"
                        );
                        last_error = Some(error);
                    }
                }
            }
        }
    }
}

impl Contents {
    fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |path: &Path| std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source });
        Ok(Self { certificate: read(certificate)?, key: read(key)? })
    }

    fn parse(&self, certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let bad_certificate = |source| TlsError::Pem { path: certificate.to_owned(), wanted: "certificate", source };
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(bad_certificate)?;
        if chain.is_empty() {
            return Err(bad_certificate(pem::Error::NoItemsFound));
        }
        let private = PrivateKeyDer::from_pem_slice(&self.key).map_err(|source| TlsError::Pem {
            path: key.to_owned(),
            wanted: "private key",
            source,
        })?;
        CertifiedKey::from_der(chain, private, provider).map_err(|source| TlsError::Pair {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            source,
        })
    }
}

impl ResolvesServerCert for Files {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current.key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_pair(folder: &Path) -> (PathBuf, PathBuf) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (certificate, key)
    }

    fn in_force(certificates: &Certificates) -> Vec<u8> {
        certificates.files.current.read().unwrap().key.cert[0].to_vec()
    }

    #[test]
    fn changed_files_take_over_and_bad_ones_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = write_pair(folder.path());
        let certificates = Certificates::load(&certificate, &key).unwrap();
        let first = in_force(&certificates);
        assert!(!certificates.reload().unwrap());

        write_pair(folder.path());
        assert!(certificates.reload().unwrap());
        let second = in_force(&certificates);
        assert_ne!(first, second);

        std::fs::write(&certificate, "not a certificate").unwrap();
        let error = certificates.reload().unwrap_err().to_string();
        assert_eq!(error, format!("{} has no certificate in PEM form", certificate.display()));
        assert_eq!(in_force(&certificates), second);
        assert!(!certificates.reload().unwrap(), "the same bad file is told of once");

        std::fs::remove_file(&certificate).unwrap();
        assert!(matches!(certificates.reload(), Err(TlsError::Read { path, .. }) if path == certificate));
        assert_eq!(in_force(&certificates), second);
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (certificate, _) = write_pair(one.path());
        let (_, key) = write_pair(two.path());
        let error = Certificates::load(&certificate, &key).unwrap_err();
        assert!(matches!(error, TlsError::Pair { .. }), "{error}");
        assert!(error.to_string().contains("cannot be used together"), "{error}");
    }

    #[test]
    fn a_missing_file_and_a_missing_key_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = write_pair(folder.path());
        let missing = folder.path().join("missing.pem");
        let error = Certificates::load(&missing, &key).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot read {}: ", missing.display())), "{error}");
        let error = Certificates::load(&certificate, &certificate).unwrap_err().to_string();
        assert_eq!(error, format!("{} has no private key in PEM form", certificate.display()));
    }
}
