//! A double of an HTTP proxy: it makes tunnels (`CONNECT`, RFC 9110 section 9.3.6) to where it was told names lead, refuses everything
//! else, and remembers who came. Where nobody is to come it is a trap.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Bytes of a head, at most.
const MOST: usize = 16 << 10;

/// The double. It takes nobody any more when this is dropped.
#[derive(Debug)]
pub struct ProxyDouble {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    is_over: AtomicBool,
    connections: AtomicUsize,
    there: AtomicU64,
    back: AtomicU64,
    heads: Mutex<Vec<String>>,
    ways: Mutex<BTreeMap<String, SocketAddr>>,
}

impl ProxyDouble {
    /// Starts on a free port of 127.0.0.1. No name leads anywhere.
    ///
    /// # Panics
    /// When there is no port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port for TCP");
        let address = listener.local_addr().expect("the address of a socket");
        let state = Arc::<State>::default();
        let own = Arc::clone(&state);
        let thread = std::thread::spawn(move || serve(&listener, &own));
        Self { address, state, thread: Some(thread) }
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tunnels to `place` (`HOST:PORT`) lead to this address.
    pub fn lead(&self, place: &str, to: SocketAddr) {
        self.state.ways.lock().unwrap_or_else(PoisonError::into_inner).insert(place.to_owned(), to);
    }

    /// How many connections there were so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// The head of each request so far, as it came.
    #[must_use]
    pub fn heads(&self) -> Vec<String> {
        self.state.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Bytes that went through its tunnels so far, there and back.
    #[must_use]
    pub fn carried(&self) -> (u64, u64) {
        (self.state.there.load(Ordering::SeqCst), self.state.back.load(Ordering::SeqCst))
    }
}

impl Drop for ProxyDouble {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        // It waits for somebody to come; that nobody can connect any more is just as well.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has been printed already.
            let _ = thread.join();
        }
    }
}

fn serve(listener: &TcpListener, state: &Arc<State>) {
    loop {
        let Ok((client, _)) = listener.accept() else { return };
        if state.is_over.load(Ordering::SeqCst) {
            return;
        }
        state.connections.fetch_add(1, Ordering::SeqCst);
        let state = Arc::clone(state);
        std::thread::spawn(move || answer(client, &state));
    }
}

/// Makes the tunnel that is asked for, or refuses.
fn answer(mut client: TcpStream, state: &Arc<State>) {
    let Some(head) = head(&mut client) else { return };
    let place = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).map(str::to_owned);
    state.heads.lock().unwrap_or_else(PoisonError::into_inner).push(head);
    let ways = state.ways.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let way = place.as_ref().and_then(|place| ways.get(place));
    let (reply, server) = match (place.is_some(), way.map(TcpStream::connect)) {
        (false, _) => ("501 Not Implemented", None),
        (true, Some(Ok(server))) => ("200 Connection established", Some(server)),
        (true, _) => ("502 Bad Gateway", None),
    };
    let length = if server.is_some() { "" } else { "content-length: 0\r\nconnection: close\r\n" };
    if client.write_all(format!("HTTP/1.1 {reply}\r\n{length}\r\n").as_bytes()).is_err() {
        return;
    }
    if let Some(server) = server {
        tunnel(&client, &server, state);
    }
}

/// The head of a request, up to its empty line; none where the client says nothing of that kind.
fn head(client: &mut TcpStream) -> Option<String> {
    client.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") && bytes.len() < MOST {
        let mut byte = [0];
        client.read_exact(&mut byte).ok()?;
        bytes.extend(byte);
    }
    client.set_read_timeout(None).ok()?;
    String::from_utf8(bytes).ok()
}

fn tunnel(client: &TcpStream, server: &TcpStream, state: &Arc<State>) {
    let (Ok(from), Ok(to)) = (client.try_clone(), server.try_clone()) else { return };
    let own = Arc::clone(state);
    let there = std::thread::spawn(move || pump(from, to, &own.there));
    let (Ok(from), Ok(to)) = (server.try_clone(), client.try_clone()) else { return };
    pump(from, to, &state.back);
    // A panic of that thread has been printed already.
    let _ = there.join();
}

/// Carries bytes one way until there are no more.
fn pump(mut from: TcpStream, mut to: TcpStream, count: &AtomicU64) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        count.fetch_add(u64::try_from(length).unwrap_or_default(), Ordering::SeqCst);
        if to.write_all(buffer.get(..length).unwrap_or_default()).is_err() {
            break;
        }
    }
    // The other end may be gone already.
    let _ = to.shutdown(Shutdown::Write);
}
