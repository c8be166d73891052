//! What is trusted when the upstream is dialled with TLS: the system's roots and the configured CA.

use std::{fmt, path::Path, sync::Arc};

use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, pem::PemObject},
    },
};

/// Why no TLS connection could be made with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The CA file cannot be read or holds no certificate.
    #[error("{0}")]
    Authority(String),
    /// Neither the system nor the configuration trusts anybody.
    #[error("this system has no trusted certificates, name a CA file")]
    NoRoots,
}

/// The client side of TLS, made once and shared by all connections.
#[derive(Clone)]
pub struct TlsContext(Arc<ClientConfig>);

impl TlsContext {
    /// Reads the system's roots, and the PEM file `authority` beside them.
    pub fn load(authority: Option<&Path>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = authority {
            add_authority(&mut roots, path)?;
        }
        if roots.is_empty() {
            return Err(TlsError::NoRoots);
        }
        // The provider is named, so that no process-wide default has to be installed.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the ring provider supports the default protocol versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    /// A connector that verifies servers against these roots.
    pub fn connector(&self) -> TlsConnector {
        TlsConnector::from(Arc::clone(&self.0))
    }
}

impl fmt::Debug for TlsContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsContext")
    }
}

fn add_authority(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    let pem =
        std::fs::read(path).map_err(|error| TlsError::Authority(crate::net::reason(&error)))?;
    let mut found = false;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate
            .map_err(|_| TlsError::Authority("a PEM section cannot be decoded".into()))?;
        roots
            .add(certificate)
            .map_err(|_| TlsError::Authority("a certificate cannot be used as a CA".into()))?;
        found = true;
    }
    match found {
        true => Ok(()),
        false => Err(TlsError::Authority("there is no PEM certificate in it".into())),
    }
}
