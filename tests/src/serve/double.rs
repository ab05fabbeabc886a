//! The handle that a test holds.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::fault::Plan;
use super::server::{Outage, Shared, serve};
use super::turn::locked;
use super::{Entry, Fired, Rule, RuleId, Service, Tls};

/// A service that runs in this process, on threads of its own. It ends when this is dropped.
#[derive(Debug)]
pub struct Double<S: Service> {
    shared: Arc<Shared<S>>,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl<S: Service> Double<S> {
    /// Starts on 127.0.0.1, at this port; 0 is any that is free. With TLS if there is a certificate.
    ///
    /// # Panics
    /// When the port is taken, or there can be no threads.
    #[must_use]
    pub fn serve(service: S, port: u16, tls: Option<Tls>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
        let listening = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = runtime.block_on(listening).unwrap_or_else(|error| panic!("127.0.0.1:{port}: {error}"));
        let address = listener.local_addr().expect("the address of a listener");
        let (plan, journal, outage) = (Plan::default().into(), super::journal::Journal::default(), watch::Sender::new(None));
        let shared = Arc::new(Shared { service, plan, journal, outage, tls });
        runtime.spawn(serve(listener, address, Arc::clone(&shared)));
        Self { shared, address, runtime: Some(runtime) }
    }

    /// `http://127.0.0.1:PORT` or `https://…`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.shared.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The service itself.
    #[must_use]
    pub fn service(&self) -> &S {
        &self.shared.service
    }

    /// Lets something go wrong. If several rules meet a request, the one that was given first has it.
    pub fn inject(&self, rule: Rule) -> RuleId {
        locked(&self.shared.plan).add(rule)
    }

    /// No rule meets a request any more. What has fired stays counted.
    pub fn clear_rules(&self) {
        locked(&self.shared.plan).clear();
    }

    /// Every fault that had its effect, in that order. A test that injects faults compares this with what it wanted: a fault that did not
    /// apply (no such request, nothing to spoil) is not in it.
    #[must_use]
    pub fn fired(&self) -> Vec<Fired> {
        locked(&self.shared.plan).fired.clone()
    }

    /// How often one rule had its effect.
    #[must_use]
    pub fn times_fired(&self, rule: RuleId) -> usize {
        locked(&self.shared.plan).fired.iter().filter(|fired| fired.rule == rule).count()
    }

    /// Begins an outage, or ends it.
    pub fn set_outage(&self, outage: Option<Outage>) {
        self.shared.outage.send_replace(outage);
    }

    /// Every request so far.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        self.shared.journal.entries()
    }

    /// How many requests there were so far.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.shared.journal.count()
    }
}

impl<S: Service> Drop for Double<S> {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Turns that wait for ever must not keep the test.
            runtime.shutdown_background();
        }
    }
}
