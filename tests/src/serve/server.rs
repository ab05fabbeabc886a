//! Accepts connections, and serves one request after the other on each.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use super::fault::Plan;
use super::journal::Journal;
use super::turn;
use super::wire::{Control, Stream, Wire};
use super::{Service, Tls};

/// How long a port is waited for that was given up during an outage.
const REBIND_TRIES: u32 = 1000;

/// In what way nobody answers. In each, connections that were open are reset first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// Connections are refused.
    Refuse,
    /// Connections are accepted and reset.
    Reset,
    /// Connections are made and nothing ever comes.
    Hang,
}

/// What server, turns and handle have in common.
#[derive(Debug)]
pub(super) struct Shared<S> {
    pub(super) service: S,
    pub(super) plan: Mutex<Plan>,
    pub(super) journal: Journal,
    pub(super) outage: watch::Sender<Option<Outage>>,
    pub(super) tls: Option<Tls>,
}

/// Serves until the task is dropped.
pub(super) async fn serve<S: Service>(listener: TcpListener, address: SocketAddr, shared: Arc<Shared<S>>) {
    let mut outage = shared.outage.subscribe();
    let mut listener = Some(listener);
    loop {
        let now = *outage.borrow_and_update();
        if now == Some(Outage::Refuse) {
            listener = None;
        } else if listener.is_none() {
            listener = Some(bound_again(address).await);
        }
        let Some(open) = listener.as_ref().filter(|_| now != Some(Outage::Hang)) else {
            if outage.changed().await.is_err() {
                return;
            }
            continue;
        };
        tokio::select! {
            accepted = open.accept() => if let Ok((socket, _)) = accepted {
                tokio::spawn(connection(socket, Arc::clone(&shared)));
            },
            changed = outage.changed() => if changed.is_err() { return },
        }
    }
}

async fn bound_again(address: SocketAddr) -> TcpListener {
    for _ in 0..REBIND_TRIES {
        if let Ok(listener) = TcpListener::bind(address).await {
            return listener;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{address} was taken by somebody else during the outage");
}

async fn connection<S: Service>(socket: TcpStream, shared: Arc<Shared<S>>) {
    let mut outage = shared.outage.subscribe();
    let control = Control::new();
    let cut = async {
        // The sender lives as long as what is shared.
        let _ = outage.wait_for(Option::is_some).await;
        control.reset_at_end();
    };
    tokio::select! {
        biased;
        () = cut => {}
        () = serve_one(socket, Arc::clone(&control), &shared) => {}
    }
}

async fn serve_one<S: Service>(socket: TcpStream, control: Arc<Control>, shared: &Arc<Shared<S>>) {
    // Small answers must not wait for an acknowledgement; a kernel that refuses only makes it slower.
    let _ = socket.set_nodelay(true);
    let stream = match &shared.tls {
        None => Stream::Plain(socket),
        Some(tls) => match tls.0.accept(socket).await {
            Ok(stream) => Stream::Tls(Box::new(stream)),
            Err(_) => return,
        },
    };
    let wire = Wire { stream, control: Arc::clone(&control) };
    let service = service_fn(|request| turn::take(Arc::clone(shared), Arc::clone(&control), request));
    let serving = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(wire), service);
    // It ends with an error when the client goes away, or when a turn wants the connection to end.
    let _ = serving.await;
}
