//! A loopback proxy that understands enough of both protocols to detect a COMMIT and break the
//! connection there.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use super::{Backend, Shop, servers};

/// What happens to the first COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtCommit {
    Forward,
    /// Both sides are closed; the server never sees it.
    CutBefore,
    /// The server commits; its answer is never forwarded.
    CutAfter,
    /// The COMMIT is dropped and everything stays silent, also on new connections.
    BlackHole,
    /// The COMMIT is dropped and its connection stays silent; others are served.
    Stall,
    /// The COMMIT is held until it is released, and everything stays silent, also on new connections.
    Hold,
    /// The server commits; its answer and all later ones are never forwarded.
    Unanswered,
    /// PostgreSQL: the server never sees the COMMIT; the answer is a message without a length.
    Nonsense,
    /// PostgreSQL: the transaction is rolled back with a serialization failure.
    Serialization,
}

pub struct Proxy {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: u16,
    is_mysql: bool,
    action: Mutex<AtCommit>,
    /// Number of COMMITs to forward first.
    spared: AtomicU32,
    is_released: Mutex<bool>,
    release: Condvar,
    silent: AtomicBool,
    silent_since: Mutex<Option<Instant>>,
    is_gone: AtomicBool,
    silent_at: AtomicU32,
    /// Number of client message flights that the server answered.
    round_trips: AtomicU32,
    connections: AtomicU32,
}

impl Proxy {
    pub fn start(upstream: u16, is_mysql: bool, action: AtCommit) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let shared = Arc::new(Shared {
            upstream,
            is_mysql,
            action: Mutex::new(action),
            spared: AtomicU32::new(0),
            is_released: Mutex::new(false),
            release: Condvar::new(),
            silent: AtomicBool::new(false),
            silent_since: Mutex::default(),
            is_gone: AtomicBool::new(false),
            silent_at: AtomicU32::new(u32::MAX),
            round_trips: AtomicU32::new(0),
            connections: AtomicU32::new(0),
        });
        let for_clients = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&for_clients);
                std::thread::spawn(move || shared.serve(client));
            }
        });
        Proxy { port, shared }
    }

    /// Forwards everything to the shop's server; with the shop as it is reached through the proxy.
    pub fn in_front_of(shop: &Shop) -> (Proxy, Shop) {
        let server = if shop.backend == Backend::Postgres { servers::postgres() } else { servers::mariadb() };
        let upstream = server.expect("the shop is there").port;
        let proxy = Proxy::start(upstream, shop.backend == Backend::MariaDb, AtCommit::Forward);
        let proxied = shop.with_url(shop.url.replace(&format!(":{upstream}/"), &format!(":{}/", proxy.port)));
        (proxy, proxied)
    }

    /// Everything stays silent from this client message on (counted from 1, connections included), also
    /// on new connections.
    pub fn silent_at(upstream: u16, is_mysql: bool, message: u32) -> Proxy {
        let proxy = Proxy::start(upstream, is_mysql, AtCommit::Forward);
        proxy.shared.silent_at.store(message, Ordering::SeqCst);
        proxy
    }

    /// Applies the action to the next COMMIT.
    pub fn at_commit(self, action: AtCommit) -> Proxy {
        *self.shared.action.lock().expect("no panics here") = action;
        self
    }

    /// Applies the action to the COMMIT after the first few.
    pub fn sparing(self, commits: u32) -> Proxy {
        self.shared.spared.store(commits, Ordering::SeqCst);
        self
    }

    /// Forwards the held COMMIT.
    pub fn release(&self) {
        *self.shared.is_released.lock().expect("no panics here") = true;
        self.shared.release.notify_all();
    }

    /// Forwards the held COMMIT, its answer, and all later messages.
    pub fn resume(&self) {
        self.shared.silent.store(false, Ordering::SeqCst);
        self.release();
    }

    /// Everything stays silent from now on.
    pub fn fall_silent(&self) {
        self.shared.be_silent();
    }

    /// Every connection is closed at its next message, and new ones at once.
    pub fn go_away(&self) {
        self.shared.is_gone.store(true, Ordering::SeqCst);
    }

    /// When the proxy fell silent.
    pub fn silent_since(&self) -> Option<Instant> {
        *self.shared.silent_since.lock().expect("no panics here")
    }

    /// Round trips so far, including TCP connections.
    pub fn round_trips(&self) -> u32 {
        self.shared.round_trips.load(Ordering::SeqCst) + self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn serve(self: Arc<Shared>, mut client: TcpStream) {
        if self.silent.load(Ordering::SeqCst) {
            // Accepted and never answered, until the client gives up.
            let _ = client.read_to_end(&mut Vec::new());
            return;
        }
        if self.is_gone.load(Ordering::SeqCst) {
            return;
        }
        self.connections.fetch_add(1, Ordering::SeqCst);
        self.fall_silent();
        let Ok(mut server) = TcpStream::connect(("127.0.0.1", self.upstream)) else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let is_clients_turn = Arc::new(AtomicBool::new(true));
        let swallow = Arc::new(AtomicBool::new(false));
        let back = {
            let (shared, swallow, turn) = (Arc::clone(&self), Arc::clone(&swallow), Arc::clone(&is_clients_turn));
            let (server, client) = (server.try_clone(), client.try_clone());
            std::thread::spawn(move || {
                if let (Ok(server), Ok(client)) = (server, client) {
                    shared.pump_back(server, client, &swallow, &turn);
                }
            })
        };
        self.pump(&mut client, &mut server, &swallow, &is_clients_turn);
        let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
        let _ = back.join();
    }

    /// From the server to the client; `swallow` is set once an answer must not arrive.
    fn pump_back(&self, mut server: TcpStream, mut client: TcpStream, swallow: &AtomicBool, turn: &AtomicBool) {
        let mut buffer = [0; 65536];
        while let Ok(length @ 1..) = server.read(&mut buffer) {
            if self.silent.load(Ordering::SeqCst) {
                continue;
            }
            if swallow.load(Ordering::SeqCst) {
                let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
                return;
            }
            turn.store(true, Ordering::SeqCst);
            if client.write_all(&buffer[..length]).is_err() {
                return;
            }
        }
        if !self.silent.load(Ordering::SeqCst) {
            let _ = client.shutdown(Shutdown::Both);
        }
    }

    /// From the client to the server, message by message.
    fn pump(&self, client: &mut TcpStream, server: &mut TcpStream, swallow: &AtomicBool, turn: &AtomicBool) {
        let mut is_startup = !self.is_mysql;
        while let Some(message) = self.read_message(client, is_startup) {
            if self.is_gone.load(Ordering::SeqCst) {
                return;
            }
            if self.silent.load(Ordering::SeqCst) {
                continue;
            }
            if !self.is_farewell(&message) && turn.swap(false, Ordering::SeqCst) {
                self.round_trips.fetch_add(1, Ordering::SeqCst);
                self.fall_silent();
            }
            if self.silent.load(Ordering::SeqCst) {
                continue;
            }
            if is_startup && is_ssl_request(&message) {
                turn.store(true, Ordering::SeqCst);
                if client.write_all(b"N").is_err() {
                    return;
                }
                continue;
            }
            is_startup = false;
            let action = if self.is_commit(&message) { self.action_at_commit() } else { AtCommit::Forward };
            match action {
                AtCommit::CutBefore => return,
                AtCommit::Stall => {
                    let _ = client.read_to_end(&mut Vec::new());
                    return;
                }
                AtCommit::Nonsense => {
                    let _ = client.write_all(b"C\0\0\0\0");
                    let _ = client.read_to_end(&mut Vec::new());
                    return;
                }
                AtCommit::CutAfter => swallow.store(true, Ordering::SeqCst),
                AtCommit::BlackHole => {
                    self.be_silent();
                    continue;
                }
                AtCommit::Serialization => {
                    if self.refuse_commit(client, server).is_err() {
                        return;
                    }
                    continue;
                }
                AtCommit::Hold => {
                    self.be_silent();
                    let held = self.is_released.lock().expect("no panics here");
                    drop(self.release.wait_while(held, |is_released| !*is_released));
                }
                AtCommit::Unanswered => self.be_silent(),
                AtCommit::Forward => {}
            }
            if server.write_all(&message).is_err() {
                return;
            }
            if action == AtCommit::CutAfter {
                // The other direction closes both sides after the answer.
                let _ = client.read_to_end(&mut Vec::new());
                return;
            }
        }
    }

    fn fall_silent(&self) {
        let messages = self.round_trips.load(Ordering::SeqCst) + self.connections.load(Ordering::SeqCst);
        if messages >= self.silent_at.load(Ordering::SeqCst) {
            self.be_silent();
        }
    }

    fn be_silent(&self) {
        self.silent_since.lock().expect("no panics here").get_or_insert_with(Instant::now);
        self.silent.store(true, Ordering::SeqCst);
    }

    fn action_at_commit(&self) -> AtCommit {
        let spares = |left: u32| left.checked_sub(1);
        if self.spared.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spares).is_ok() {
            return AtCommit::Forward;
        }
        std::mem::replace(&mut *self.action.lock().expect("no panics here"), AtCommit::Forward)
    }

    fn read_message(&self, client: &mut TcpStream, is_startup: bool) -> Option<Vec<u8>> {
        let header_length = if is_startup || self.is_mysql { 4 } else { 5 };
        let mut message = vec![0; header_length];
        client.read_exact(&mut message).ok()?;
        let rest = if self.is_mysql {
            usize::from(message[0]) | usize::from(message[1]) << 8 | usize::from(message[2]) << 16
        } else {
            let length = &message[header_length - 4..];
            u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize - 4
        };
        message.resize(header_length + rest, 0);
        client.read_exact(&mut message[header_length..]).ok()?;
        Some(message)
    }

    fn is_commit(&self, message: &[u8]) -> bool {
        let (kind, text) =
            if self.is_mysql { (message.get(4), message.get(5..)) } else { (message.first(), message.get(5..)) };
        let is_query = kind == Some(if self.is_mysql { &3 } else { &b'Q' });
        is_query && text.is_some_and(|text| text.starts_with(b"COMMIT"))
    }

    /// A message without an answer: Terminate, COM_QUIT.
    fn is_farewell(&self, message: &[u8]) -> bool {
        if self.is_mysql { message.get(4) == Some(&1) } else { message.first() == Some(&b'X') }
    }

    /// Rolls back on the server and reports a serialization failure to the client.
    fn refuse_commit(&self, client: &mut TcpStream, server: &mut TcpStream) -> std::io::Result<()> {
        // The server's answer to ROLLBACK ends with ReadyForQuery, just as the client's COMMIT has
        // to: only the error goes in front, and CommandComplete between them is harmless.
        let mut fields = Vec::new();
        for field in ["SERROR", "VERROR", "C40001", "Mcould not serialize access"] {
            fields.extend_from_slice(field.as_bytes());
            fields.push(0);
        }
        fields.push(0);
        let mut error = vec![b'E'];
        error.extend_from_slice(&u32::try_from(fields.len() + 4).expect("short").to_be_bytes());
        error.extend_from_slice(&fields);
        client.write_all(&error)?;
        let rollback = b"ROLLBACK\0";
        let mut query = vec![b'Q'];
        query.extend_from_slice(&u32::try_from(rollback.len() + 4).expect("short").to_be_bytes());
        query.extend_from_slice(rollback);
        server.write_all(&query)
    }
}

fn is_ssl_request(message: &[u8]) -> bool {
    message.len() == 8 && message[4..] == [0x04, 0xd2, 0x16, 0x2f]
}
