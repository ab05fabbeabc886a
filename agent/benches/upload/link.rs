//! A link in front of a server that carries so many bytes a second towards it and no more.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// When the next bytes may pass, in nanoseconds since `began`.
struct Link {
    rate: u64,
    began: Instant,
    free: AtomicU64,
}

impl Link {
    /// Waits until these bytes have passed; time that nobody used is gone.
    fn pass(&self, bytes: usize) {
        let takes = u64::try_from(bytes).unwrap().saturating_mul(1_000_000_000) / self.rate;
        let now = u64::try_from(self.began.elapsed().as_nanos()).unwrap();
        let after = |free: u64| free.max(now).saturating_add(takes);
        let free = self.free.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |free| Some(after(free))).map_or(now, after);
        std::thread::sleep(Duration::from_nanos(free.saturating_sub(now)));
    }
}

/// Opens it in front of the server with this URL; returns the URL of its near end.
pub(crate) fn open(url: &str, rate: u64) -> String {
    let (listener, server) = (TcpListener::bind("127.0.0.1:0").unwrap(), url.trim_start_matches("http://").to_owned());
    let near = format!("http://{}", listener.local_addr().unwrap());
    let link = Arc::new(Link { rate, began: Instant::now(), free: AtomicU64::new(0) });
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
            let (back, answers, link) = (client.try_clone().unwrap(), server.try_clone().unwrap(), Arc::clone(&link));
            std::thread::spawn(move || carry(client, server, |bytes| link.pass(bytes)));
            std::thread::spawn(move || carry(answers, back, |_| ()));
        }
    });
    near
}

fn carry(mut from: TcpStream, mut to: TcpStream, pass: impl Fn(usize)) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
        pass(length);
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
