//! TLS 1.3 with a certificate of our own, known by its fingerprint.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use countersign_record::digest::{hex, sha256};
use countersign_server::TlsMode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme,
};

use crate::http::{Answer, Ask};
use crate::world::World;

/// Trusts exactly the certificate with this fingerprint.
#[derive(Debug)]
struct Pinned(String);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if format!("sha256:{}", hex(&sha256(&[end_entity]))) == self.0 {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::General("another certificate".into()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signature, &schemes())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signature, &schemes())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        schemes().supported_schemes()
    }
}

fn schemes() -> tokio_rustls::rustls::crypto::WebPkiSupportedAlgorithms {
    ring::default_provider().signature_verification_algorithms
}

fn send(world: &World, address: SocketAddr, pin: &str, ask: &Ask) -> Result<Answer, String> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned(pin.into())))
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    world.block_on(async {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = connector
            .connect(name, stream)
            .await
            .map_err(|error| error.to_string())?;
        assert_eq!(
            stream.get_ref().1.protocol_version(),
            Some(ProtocolVersion::TLSv1_3)
        );
        stream.write_all(&ask.bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        Ok(Answer::read(&bytes))
    })
}

fn self_signed() -> World {
    World::served_with(|config| config.tls = TlsMode::SelfSigned)
}

#[test]
fn all_planes_speak_tls_under_the_printed_fingerprint() {
    let world = self_signed();
    let running = world.running();
    let pin = running.fingerprint.clone().unwrap();
    assert!(running.addresses.agent.url.starts_with("https://"));
    let health = Ask::get(world.audit_plane(), "/healthz");
    assert_eq!(
        send(&world, world.audit_plane(), &pin, &health)
            .unwrap()
            .status,
        200
    );
    let events = Ask::get(world.agent_plane(), "/v1/events");
    assert_eq!(
        send(&world, world.agent_plane(), &pin, &events)
            .unwrap()
            .status,
        401
    );
    let other = format!("sha256:{}", "0".repeat(64));
    let refused = send(&world, world.audit_plane(), &other, &health);
    assert!(refused.is_err_and(|error| error.contains("another certificate")));
}

#[test]
fn the_certificate_is_kept_and_its_key_is_the_owners_only() {
    let mut world = self_signed();
    let first = world.running().fingerprint.clone();
    world.stop();
    world.serve(|config| config.tls = TlsMode::SelfSigned);
    assert_eq!(world.running().fingerprint, first);
    let keys = world.config().data.join("demo/keys");
    for name in ["tls.crt", "tls.key"] {
        let mode = std::fs::metadata(keys.join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn the_operators_certificate_is_used_as_it_is() {
    let mut world = self_signed();
    let made = world.running().fingerprint.clone();
    world.stop();
    let keys = world.config().data.join("demo/keys");
    let scratch = tempfile::tempdir().unwrap();
    let (certificate, key) = (
        scratch.path().join("chain.pem"),
        scratch.path().join("key.pem"),
    );
    std::fs::copy(keys.join("tls.crt"), &certificate).unwrap();
    std::fs::copy(keys.join("tls.key"), &key).unwrap();
    let files = countersign_server::TlsFiles { certificate, key };
    world.serve(|config| config.tls = TlsMode::Files(files));
    assert_eq!(world.running().fingerprint, made);
}

#[test]
fn a_file_that_is_no_certificate_is_named() {
    let world = World::new();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("chain.pem");
    std::fs::write(&path, "not PEM").unwrap();
    let mut config = world.config();
    config.tls = TlsMode::Files(countersign_server::TlsFiles {
        certificate: path.clone(),
        key: path.clone(),
    });
    let refused = world
        .block_on(countersign_server::run(&config))
        .unwrap_err()
        .to_string();
    assert_eq!(
        refused,
        format!("{} holds no PEM certificate", path.display())
    );
}

#[test]
fn plain_http_to_a_tls_port_gets_nothing() {
    use std::io::{Read as _, Write as _};
    let world = self_signed();
    let mut stream = std::net::TcpStream::connect(world.audit_plane()).unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n")
        .unwrap();
    let mut bytes = Vec::new();
    drop(stream.read_to_end(&mut bytes));
    assert!(!bytes.starts_with(b"HTTP/"), "not a word of HTTP");
}
