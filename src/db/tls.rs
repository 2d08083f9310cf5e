//! Explains TLS failures: files without a certificate, servers that fail verification, servers that require a
//! client certificate.

use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, CertificateError, RootCertStore};

use super::target::{Secret, ServerTarget, escaped};
use crate::error::{CommandLine, Error, Hint, Result, printable};
use crate::file::is_open_to_others;

/// Every kind of key in PEM says so in its first line.
const KEY_MARK: &[u8] = b"PRIVATE KEY-----";
const CODE: &str = "database.tls";
const UNKNOWN_AUTHORITY_HINT: &str = "give the authority that signed it: sslrootcert=FILE in the URL, DB_SSL_ROOT_CERT, or ssl_root_cert in shopctl.toml";
const CLIENT_HINT: &str =
    "give certificate and key: sslcert=FILE and sslkey=FILE in the URL, or DB_SSL_CERT and DB_SSL_KEY";
const NO_TLS_HINT: &str = "enable TLS on the server, or use sslmode=disable (DB_SSL=disable) if the network is trusted";

/// Certificates of authorities, each of them whole.
///
/// Errors: exit 4 naming the file.
pub fn checked_authorities(pem: Vec<u8>, path: &Path) -> Result<Vec<u8>> {
    let mut store = RootCertStore::empty();
    for certificate in chain(&pem, path)? {
        store.add(certificate).map_err(|_| bad_file(path, "contains a damaged certificate"))?;
    }
    Ok(pem)
}

/// A client's certificate with the key to it.
///
/// Errors: exit 4 naming the file.
pub fn checked_client(certificate: Vec<u8>, path: &Path, key: Vec<u8>, key_path: &Path) -> Result<(Vec<u8>, Secret)> {
    chain(&certificate, path)?;
    if !key.windows(KEY_MARK.len()).any(|piece| piece == KEY_MARK) {
        return Err(bad_file(key_path, "is not a key in PEM"));
    }
    if is_open_to_others(key_path) {
        let shown = escaped(&key_path.to_string_lossy());
        return Err(bad_file(key_path, "is a private key that others can read").hint(format!("chmod 600 {shown}")));
    }
    let text = String::from_utf8(key).map_err(|_| bad_file(key_path, "is not a key in PEM"))?;
    if text.contains("ENCRYPTED") {
        let hint = "decrypt it into a file that only you can read: openssl pkey -in KEY -out NEW && chmod 600 NEW";
        return Err(bad_file(key_path, "is an encrypted key, which shopctl cannot read").hint(hint));
    }
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| bad_file(key_path, "is not a key in PEM"))?;
    Ok((certificate, Secret::new(text)))
}

fn chain(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(bad_file(path, "contains no certificate in PEM (-----BEGIN CERTIFICATE-----)")),
        Err(_) => Err(bad_file(path, "is not a certificate in PEM")),
    }
}

fn bad_file(path: &Path, what: &str) -> Error {
    Error::configuration("config.certificate", format!("{} {what}", escaped(&path.to_string_lossy())))
        .hint(Hint::from("to see where this path comes from: ").and(CommandLine::new("config show")))
}

/// The error for a connection that broke in TLS; `None` for whatever else broke it.
pub fn explain_io(target: &ServerTarget, error: &std::io::Error) -> Option<Error> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(explain(target, error))
}

/// The error for what the driver itself says about TLS.
pub fn explain_driver(target: &ServerTarget, error: &(dyn std::error::Error + 'static)) -> Error {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return explain(target, error);
    }
    if error.to_string().contains("does not support TLS") {
        return failed(target, "the server offers no TLS", NO_TLS_HINT);
    }
    failed(
        target,
        "TLS cannot be set up with this host name, certificate and key",
        Hint::from("to list them: ").and(CommandLine::new("config show")),
    )
}

/// The error for a user who has to show a certificate.
pub fn client_certificate_required(target: &ServerTarget) -> Error {
    failed(target, "the server requires a client certificate", CLIENT_HINT)
}

/// The error for a user who has to use TLS.
pub fn tls_required(target: &ServerTarget) -> Error {
    let hint = "use TLS: sslmode=verify-full in the URL, or DB_SSL=verify-full";
    failed(target, "the server accepts this user only over TLS", hint)
}

fn failed(target: &ServerTarget, reason: &str, hint: impl Into<Hint>) -> Error {
    let address = format!("{}:{}", printable(&target.host), target.port);
    Error::configuration(CODE, format!("{address}: {reason}")).hint(hint)
}

fn explain(target: &ServerTarget, error: &rustls::Error) -> Error {
    match error {
        rustls::Error::InvalidCertificate(error) => certificate(target, error),
        rustls::Error::AlertReceived(alert) => alerted(target, *alert),
        rustls::Error::InconsistentKeys(_) => {
            failed(target, "the client certificate does not belong to the key", CLIENT_HINT)
        }
        rustls::Error::PeerIncompatible(_) => failed(
            target,
            "the server supports neither TLS 1.2 nor 1.3, or no current cipher",
            "update the server's TLS",
        ),
        rustls::Error::NoCertificatesPresented => {
            failed(target, "the server sends no certificate", "configure a certificate on the server")
        }
        _ => failed(
            target,
            "the program that answers does not speak TLS correctly",
            Hint::from("check host and port: ").and(CommandLine::new("config show")),
        ),
    }
}

fn certificate(target: &ServerTarget, error: &CertificateError) -> Error {
    let renew = "renew it on the server, and check the clocks of both machines";
    let (reason, hint) = match error {
        CertificateError::UnknownIssuer => (
            "the server's certificate is signed by an unknown authority or self-signed".to_owned(),
            UNKNOWN_AUTHORITY_HINT,
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("the server's certificate has expired".to_owned(), renew)
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("the server's certificate is not valid yet".to_owned(), renew)
        }
        CertificateError::NotValidForName => {
            ("the server's certificate is for another host name".to_owned(), NAME_HINT)
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let host = printable(&target.host);
            let names: Vec<String> = presented.iter().map(|name| plain_name(name)).collect();
            let names = if names.is_empty() { "no host name".to_owned() } else { names.join(", ") };
            (format!("the server's certificate is for {names}, not for {host}"), NAME_HINT)
        }
        CertificateError::BadSignature => (
            "the server's certificate is signed by an unknown authority, which has the name of a trusted one"
                .to_owned(),
            UNKNOWN_AUTHORITY_HINT,
        ),
        CertificateError::Revoked => ("the server's certificate was revoked".to_owned(), renew),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => (
            "the server's certificate is not meant for servers".to_owned(),
            "create one with extendedKeyUsage = serverAuth",
        ),
        // The verifier has no error type for this case, only a name.
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            ("the server's certificate is self-signed: it is an authority's own".to_owned(), SELF_SIGNED_HINT)
        }
        _ => (
            "the server's certificate cannot be verified: it is damaged or of an unsupported kind".to_owned(),
            SELF_SIGNED_HINT,
        ),
    };
    failed(target, &reason, hint)
}

const NAME_HINT: &str = "connect with a name in the certificate, or use sslmode=verify-ca to verify only the authority";
const SELF_SIGNED_HINT: &str = "use a certificate signed by an authority, and give that with sslrootcert=FILE (DB_SSL_ROOT_CERT); or use sslmode=require without sslrootcert to encrypt without verifying";

/// `DnsName("db.example.com")` as a person writes it.
fn plain_name(name: &str) -> String {
    let inside = name.split_once('(').map_or(name, |(_, inside)| inside.trim_end_matches(')'));
    printable(inside.trim_matches('"'))
}

fn alerted(target: &ServerTarget, alert: AlertDescription) -> Error {
    let has_certificate = target.certificates.client.is_some();
    match alert {
        AlertDescription::CertificateRequired => client_certificate_required(target),
        AlertDescription::HandshakeFailure if !has_certificate => {
            let reason = "the server refused the TLS handshake: it may require a client certificate";
            failed(target, reason, CLIENT_HINT)
        }
        AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity => failed(
            target,
            "the server supports neither TLS 1.2 nor 1.3, or no current cipher",
            "update the server's TLS",
        ),
        _ if has_certificate => failed(
            target,
            "the server refused the client certificate",
            "check that the server trusts its authority, and that it has not expired",
        ),
        _ => failed(target, "the server aborted the TLS handshake", "see its log for the reason"),
    }
}
