//! Certificates made by the openssl command, servers that use them, and a server that only presents one.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use super::servers::{self, Server};

/// A folder of certificates: two authorities, servers of all kinds, clients of both authorities.
pub struct Certificates {
    folder: PathBuf,
    _watchdog: Child,
}

const CONFIGURATION: &str = "[ca]\ndefault_ca = d\n[d]\ndatabase = index\nserial = serial\nnew_certs_dir = .\n\
    default_md = sha256\npolicy = p\ncopy_extensions = copy\nunique_subject = no\n[p]\ncommonName = supplied\n";

/// The certificates, made once; for names under `localhost` only, not for 127.0.0.1.
pub fn certificates() -> &'static Certificates {
    static CERTIFICATES: OnceLock<Certificates> = OnceLock::new();
    CERTIFICATES.get_or_init(|| {
        let folder = servers::folder("certificates", None);
        let made = Certificates { _watchdog: servers::remove_at_end(&folder), folder };
        fs::write(made.path("configuration"), CONFIGURATION).expect("our own folder");
        fs::write(made.path("index"), "").expect("our own folder");
        fs::write(made.path("serial"), "01").expect("our own folder");
        // Two untrusted authorities: one unknown, one with the name of the trusted one.
        for (authority, name) in
            [("ca", "authority"), ("other-ca", "stranger"), ("same-name", "authority"), ("self-signed", "localhost")]
        {
            made.openssl(&format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN={name} \
                 -keyout {authority}.key -out {authority}.pem"
            ));
        }
        made.sign("server", "ca", "subjectAltName=DNS:localhost", "");
        made.sign("expired", "ca", "subjectAltName=DNS:localhost", "-startdate 200101000000Z -enddate 200201000000Z");
        made.sign("client", "ca", "keyUsage=digitalSignature", "");
        made.sign("other-client", "other-ca", "keyUsage=digitalSignature", "");
        fs::write(made.path("garbage.pem"), "-----BEGIN CERTIFICATE-----\nnot base64!\n").expect("our own folder");
        fs::write(made.path("empty.pem"), "").expect("our own folder");
        made
    })
}

impl Certificates {
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn openssl(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        command.current_dir(&self.folder).args(arguments.split_whitespace());
        servers::run(&mut command);
    }

    fn sign(&self, name: &str, authority: &str, extension: &str, dates: &str) {
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={name} -addext {extension} \
             -keyout {name}.key -out {name}.csr"
        ));
        let dates = if dates.is_empty() { "-days 30" } else { dates };
        self.openssl(&format!(
            "ca -batch -notext -config configuration -cert {authority}.pem -keyfile {authority}.key {dates} \
             -in {name}.csr -out {name}.pem"
        ));
    }

    /// Certificate, key and authority in files that a server can read.
    fn install(&self, folder: &Path, user: servers::User) {
        for name in ["server.pem", "server.key", "ca.pem"] {
            let file = folder.join(name);
            fs::copy(self.path(name), &file).expect("our own folder");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("ours");
            if let Some((uid, gid)) = user {
                chown(&file, Some(uid), Some(gid)).expect("root may give files away");
            }
        }
    }
}

/// A PostgreSQL with TLS: `cert_user` has to show a certificate, `tls_user` to use TLS.
pub fn postgres() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let start = || {
        let rules = "local all all trust\nhostssl all cert_user 127.0.0.1/32 trust clientcert=verify-ca\n\
                     hostssl all tls_user 127.0.0.1/32 trust\nhost all postgres 127.0.0.1/32 trust\n";
        let server = servers::postgres_with("tls-postgres", rules, |folder, user| {
            certificates().install(folder, user);
            let file = |setting: &str, name: &str| format!("{setting}={}", folder.join(name).display());
            let settings = [
                "ssl=on".to_owned(),
                file("ssl_cert_file", "server.pem"),
                file("ssl_key_file", "server.key"),
                file("ssl_ca_file", "ca.pem"),
            ];
            settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]).collect()
        })?;
        super::shop::sql_on(&server.admin_url, "CREATE ROLE cert_user LOGIN");
        super::shop::sql_on(&server.admin_url, "CREATE ROLE tls_user LOGIN");
        Some(server)
    };
    SERVER.get_or_init(start).as_ref()
}

/// A MariaDB with TLS: `cert_user` has to show a certificate.
pub fn mariadb() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let start = || {
        let server = servers::mariadb_with("tls-mariadb", |folder, user| {
            certificates().install(folder, user);
            let file = |setting: &str, name: &str| format!("--{setting}={}", folder.join(name).display());
            vec![file("ssl-cert", "server.pem"), file("ssl-key", "server.key"), file("ssl-ca", "ca.pem")]
        })?;
        super::shop::sql_on(&server.admin_url, "CREATE USER 'cert_user'@'%' REQUIRE X509");
        super::shop::sql_on(&server.admin_url, "GRANT ALL ON *.* TO 'cert_user'@'%'");
        Some(server)
    };
    SERVER.get_or_init(start).as_ref()
}

/// Takes the first steps of a protocol up to TLS, then shows a certificate; nobody gets further.
pub struct Front {
    pub port: u16,
    server: Child,
}

impl Front {
    /// `certificate` is one of [`certificates`].
    pub fn start(is_mysql: bool, certificate: &str, more: &[&str]) -> Front {
        let inner = servers::free_port();
        let certificates = certificates();
        let mut server = Command::new("openssl");
        server.args(["s_server", "-quiet", "-accept", &format!("127.0.0.1:{inner}")]);
        server.args(["-cert", &certificates.text(&format!("{certificate}.pem"))]);
        server.args(["-key", &certificates.text(&format!("{certificate}.key"))]).args(more);
        let server = server.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("openssl");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                std::thread::spawn(move || serve(client, inner, is_mysql));
            }
        });
        Front { port, server }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = (self.server.kill(), self.server.wait());
    }
}

fn serve(mut client: TcpStream, inner: u16, is_mysql: bool) {
    // The greeting of MySQL or PostgreSQL, and what the client answers to it, comes before TLS.
    let is_asked = match is_mysql {
        true => client
            .write_all(&mysql_greeting(true, "mysql_native_password"))
            .and_then(|()| client.read_exact(&mut [0; 36])),
        false => client.read_exact(&mut [0; 8]).and_then(|()| client.write_all(b"S")),
    };
    let connect = || {
        (0..100).find_map(|_| {
            std::thread::sleep(Duration::from_millis(20));
            TcpStream::connect(("127.0.0.1", inner)).ok()
        })
    };
    let (Ok(()), Some(mut server)) = (is_asked, connect()) else { return };
    let (Ok(mut back_from), Ok(mut back_to)) = (server.try_clone(), client.try_clone()) else { return };
    let back = std::thread::spawn(move || {
        let _ = std::io::copy(&mut back_from, &mut back_to);
        let _ = back_to.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut client, &mut server);
    let _ = server.shutdown(Shutdown::Write);
    let _ = back.join();
}

/// The first packet of a MySQL server.
pub fn mysql_greeting(has_tls: bool, plugin: &str) -> Vec<u8> {
    // Long password, with database, protocol 4.1, transactions, secure connection; plugin authentication above.
    let low: u16 = 0x0001 | 0x0008 | 0x0200 | 0x2000 | 0x8000 | if has_tls { 0x0800 } else { 0 };
    let mut packet = vec![10];
    packet.extend_from_slice(b"8.0.36\0");
    packet.extend_from_slice(&[1, 0, 0, 0]);
    packet.extend_from_slice(b"01234567\0");
    packet.extend_from_slice(&low.to_le_bytes());
    packet.extend_from_slice(&[45, 2, 0, 0x08, 0x00, 21]);
    packet.extend_from_slice(&[0; 10]);
    packet.extend_from_slice(b"890123456789\0");
    packet.extend_from_slice(plugin.as_bytes());
    packet.push(0);
    mysql_packet(0, &packet)
}

/// A packet with its header.
pub fn mysql_packet(sequence: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short").to_le_bytes();
    let mut packet = vec![length[0], length[1], length[2], sequence];
    packet.extend_from_slice(body);
    packet
}
