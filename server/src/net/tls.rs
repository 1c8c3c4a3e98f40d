//! Certificates: the operator's, or one of our own that clients pin by its fingerprint.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_record::digest::{hex, sha256};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{self, ServerConfig};

use crate::config::{TlsFiles, TlsMode};

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// A file holds something else.
    #[error("{} holds no PEM {expected}", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate for {hosts:?}")]
    Make {
        /// For whom.
        hosts: Vec<String>,
        /// Why not.
        #[source]
        cause: rcgen::Error,
    },
    /// Certificate and key do not fit each other or TLS 1.3.
    #[error("{} cannot be used with its key", path.display())]
    Unusable {
        /// The certificate.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: rustls::Error,
    },
}

/// What connections are encrypted with.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// SHA-256 of the leaf certificate's DER: what `--pin` takes.
    pub(crate) fingerprint: String,
}

/// Reads, or makes and keeps, what `mode` asks for. `keys` is the log's directory of keys; `hosts`
/// are the names that a certificate of our own gets.
pub(crate) fn tls(
    mode: &TlsMode,
    keys: &Path,
    hosts: Vec<String>,
) -> Result<Option<Tls>, TlsError> {
    match mode {
        TlsMode::Off => Ok(None),
        TlsMode::Files(files) => load(files).map(Some),
        TlsMode::SelfSigned => {
            let files = TlsFiles {
                certificate: keys.join("tls.crt"),
                key: keys.join("tls.key"),
            };
            // The key is written first: a certificate never stands there without it.
            if !files.certificate.exists() {
                make(&files, hosts)?;
            }
            load(&files).map(Some)
        }
    }
}

fn load(files: &TlsFiles) -> Result<Tls, TlsError> {
    let path = &files.certificate;
    let pem = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.unwrap_or_default();
    let leaf = chain.first().ok_or_else(|| wrong(path, "certificate"))?;
    let fingerprint = format!("sha256:{}", hex(&sha256(&[leaf])));
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?)
        .map_err(|_| wrong(&files.key, "private key"))?;
    let unusable = |cause| TlsError::Unusable {
        path: path.clone(),
        cause,
    };
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    Ok(Tls {
        acceptor: TlsAcceptor::from(Arc::new(config)),
        fingerprint,
    })
}

fn make(files: &TlsFiles, hosts: Vec<String>) -> Result<(), TlsError> {
    let made = rcgen::generate_simple_self_signed(hosts.clone());
    let made = made.map_err(|cause| TlsError::Make { hosts, cause })?;
    write(&files.key, &made.signing_key.serialize_pem())?;
    write(&files.certificate, &made.cert.pem())
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|cause| TlsError::File {
        path: path.to_owned(),
        cause,
    })
}

/// For the owner only, and whole or not at all: written beside, then renamed.
fn write(path: &Path, text: &str) -> Result<(), TlsError> {
    let beside = path.with_extension("new");
    let written = (|| {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    written.map_err(|cause| TlsError::File {
        path: path.to_owned(),
        cause,
    })
}

fn wrong(path: &Path, expected: &'static str) -> TlsError {
    TlsError::Pem {
        path: path.to_owned(),
        expected,
    }
}
