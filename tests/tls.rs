//! TLS: authentication of servers and clients, and the messages when it fails.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use crate::support::shop::finish;
use crate::support::tls::{self, Front, certificates};
use crate::support::{Backend, Run, Shop};

/// A run on a server's own database; what comes back is about the connection, not about the schema.
fn status(url: &str) -> Run {
    let shop = Shop::empty(Backend::Sqlite).expect("always there").with_url(url.to_owned());
    let run = shop.run(&["migrate", "status"]);
    assert!(run.duration < Duration::from_secs(10), "a certificate is no reason to try again: {run}");
    let said = format!("{}{}", run.stdout, run.stderr);
    for word in ["rustls", "webpki", "http", "os error", "InvalidData", "unreachable"] {
        assert!(!said.contains(word), "{word} in {run}");
    }
    run
}

/// Exit 4 with the reason and the way out.
fn refused(url: &str, reason: &str, way_out: &str) {
    let run = status(url).exits_with(4);
    for part in ["error[database.tls]", reason, "hint: ", way_out] {
        assert!(run.stderr.contains(part), "{part} is not in {run}");
    }
}

fn untrusted_servers_are_rejected(scheme: &str, port: u16) {
    let files = certificates();
    let (ca, other) = (files.text("ca.pem"), files.text("other-ca.pem"));
    let url = |user: &str, host: &str, parameters: &str| {
        let database = if scheme == "mysql" { "mysql" } else { "postgres" };
        format!("{scheme}://{user}@{host}:{port}/{database}?{parameters}")
    };
    let admin = if scheme == "mysql" { "root" } else { "postgres" };
    // The correct authority and name, then wrong ones.
    status(&url(admin, "localhost", &format!("sslrootcert={ca}"))).success();
    status(&url(admin, "localhost", &format!("sslmode=require&sslrootcert={ca}"))).success();
    status(&url(admin, "127.0.0.1", &format!("sslmode=verify-ca&sslrootcert={ca}"))).success();
    status(&url(admin, "127.0.0.1", "sslmode=require")).success();
    refused(&url(admin, "localhost", &format!("sslrootcert={other}")), "unknown authority", "sslrootcert=FILE");
    let same_name = format!("sslrootcert={}", files.text("same-name.pem"));
    refused(&url(admin, "localhost", &same_name), "unknown authority", "sslrootcert=FILE");
    refused(&url(admin, "localhost", "sslmode=verify-full"), "unknown authority", "DB_SSL_ROOT_CERT");
    refused(
        &url(admin, "localhost", &format!("sslmode=require&sslrootcert={other}")),
        "unknown authority",
        "sslrootcert",
    );
    let wrong_name = url(admin, "127.0.0.1", &format!("sslrootcert={ca}"));
    refused(&wrong_name, "certificate is for localhost, not for 127.0.0.1", "verify-ca");
    // A required client certificate: valid, missing, of another authority, not matching the key.
    let client = |certificate: &str, key: &str| {
        let (certificate, key) = (files.text(&format!("{certificate}.pem")), files.text(&format!("{key}.key")));
        url("cert_user", "localhost", &format!("sslrootcert={ca}&sslcert={certificate}&sslkey={key}"))
    };
    status(&client("client", "client")).success();
    let missing = url("cert_user", "localhost", &format!("sslrootcert={ca}"));
    if scheme == "mysql" {
        // MariaDB does not say why.
        status(&missing).exits_with(4).says("the user may need TLS or a client certificate");
    } else {
        refused(&missing, "requires a client certificate", "sslkey=FILE");
    }
    refused(&client("other-client", "other-client"), "refused the client certificate", "trusts its authority");
    refused(&client("client", "other-client"), "does not belong to the key", "sslcert=FILE");
}

#[test]
fn a_postgres_server_must_present_a_trusted_certificate() {
    let Some(server) = tls::postgres() else { return };
    untrusted_servers_are_rejected("postgres", server.port);
    let plain = format!("postgres://tls_user@127.0.0.1:{}/postgres?sslmode=disable", server.port);
    refused(&plain, "accepts this user only over TLS", "sslmode=verify-full");
}

#[test]
fn a_mariadb_server_must_present_a_trusted_certificate() {
    let Some(server) = tls::mariadb() else { return };
    untrusted_servers_are_rejected("mysql", server.port);
}

#[test]
fn a_server_without_tls_is_rejected_when_tls_is_required() {
    for backend in [Backend::Postgres, Backend::MariaDb] {
        let Some(shop) = Shop::empty(backend) else { continue };
        refused(&format!("{}?sslmode=require", shop.url), "the server offers no TLS", "sslmode=disable");
    }
}

#[test]
fn expired_and_self_signed_certificates_are_reported() {
    let files = certificates();
    for (is_mysql, scheme) in [(false, "postgres"), (true, "mysql")] {
        let url =
            |front: &Front, ca: &str| format!("{scheme}://u@localhost:{}/d?sslrootcert={}", front.port, files.text(ca));
        refused(&url(&Front::start(is_mysql, "expired", &[]), "ca.pem"), "has expired", "renew it");
        let front = Front::start(is_mysql, "self-signed", &[]);
        refused(&url(&front, "ca.pem"), "signed", "sslrootcert=FILE");
        refused(&url(&front, "self-signed.pem"), "self-signed", "sslmode=require without sslrootcert");
        let ca = files.text("ca.pem");
        let demanding = Front::start(is_mysql, "server", &["-Verify", "1", "-verify_return_error", "-CAfile", &ca]);
        refused(&url(&demanding, "ca.pem"), "requires a client certificate", "sslcert=FILE");
    }
}

#[test]
fn a_file_without_a_certificate_is_reported() {
    let files = certificates();
    let refused = |parameters: &str, what: &str| {
        for scheme in ["postgres", "mysql"] {
            let run = status(&format!("{scheme}://u@localhost:9/d?{parameters}")).exits_with(4);
            assert!(run.stderr.contains("config.certificate") && run.stderr.contains(what), "{what} is not in {run}");
        }
    };
    for name in ["garbage.pem", "empty.pem", "ca.key", "missing.pem"] {
        refused(&format!("sslrootcert={}", files.text(name)), &files.text(name));
    }
    let (certificate, key) = (files.text("client.pem"), files.text("client.key"));
    refused(&format!("sslmode=require&sslcert={certificate}"), "without its key");
    refused(&format!("sslmode=require&sslcert={certificate}&sslkey={certificate}"), "not a key in PEM");
    let open = files.text("open.key");
    std::fs::copy(&key, &open).expect("ours");
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("ours");
    refused(&format!("sslmode=require&sslcert={certificate}&sslkey={open}"), "others can read");
}

#[test]
fn a_mysql_that_requires_tls_for_the_password_is_reported() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = server.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for mut client in server.incoming().flatten() {
            let _ = client.write_all(&tls::mysql_greeting(false, "caching_sha2_password"));
            let _ = client.read(&mut [0; 4096]);
            // The password is not cached: the server requests full authentication.
            let _ = client.write_all(&tls::mysql_packet(2, &[1, 4]));
            // The client requests the server's public key.
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(&tls::mysql_packet(4, b"\x01-----BEGIN PUBLIC KEY-----\n"));
            let _ = client.read_to_end(&mut Vec::new());
        }
    });
    let run = status(&format!("mysql://u:s3cret@127.0.0.1:{port}/d")).exits_with(4);
    assert!(run.stderr.contains("only over TLS") && run.stderr.contains("sslmode=verify-full"), "{run}");
    assert!(!run.stderr.contains("feature") && !run.stderr.contains("s3cret"), "{run}");
}

#[test]
fn an_unsupported_authentication_method_is_reported() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = server.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for mut client in server.incoming().flatten() {
            let _ = client.write_all(&tls::mysql_greeting(false, "mysql_native_password"));
            let _ = client.read(&mut [0; 4096]);
            let _ =
                client.write_all(&tls::mysql_packet(2, b"\xfeclient_ed25519\x0001234567890123456789012345678901\0"));
            let _ = client.read(&mut [0; 4096]);
        }
    });
    let run = status(&format!("mysql://u:s3cret@127.0.0.1:{port}/d")).exits_with(4);
    assert!(!run.stderr.contains("sqlx"), "{run}");
    assert!(run.stderr.contains("client_ed25519") && run.stderr.contains("hint: "), "{run}");
}

fn finish_with(shop: &Shop, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let mut command = shop.command(arguments);
    command.envs(variables.iter().copied());
    finish(command.spawn().expect("built"), arguments)
}

#[test]
fn certificates_come_from_the_environment_too() {
    let Some(server) = tls::postgres() else { return };
    let files = certificates();
    let url = format!("postgres://cert_user@localhost:{}/postgres", server.port);
    let shop = Shop::empty(Backend::Sqlite).expect("always there").with_url(url);
    let (ca, certificate, key) = (files.text("ca.pem"), files.text("client.pem"), files.text("client.key"));
    for names in [["DB_SSL_ROOT_CERT", "DB_SSL_CERT", "DB_SSL_KEY"], ["DB_SSL_ROOT_CERT", "PGSSLCERT", "PGSSLKEY"]] {
        let variables: Vec<(&str, &str)> = names.into_iter().zip([ca.as_str(), &certificate, &key]).collect();
        finish_with(&shop, &["migrate", "status"], &variables).success();
        let shown = finish_with(&shop, &["config", "show"], &variables).success();
        assert!(names.iter().all(|name| shown.stdout.contains(name)), "{shown}");
    }
}
