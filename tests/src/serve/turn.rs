//! One request: choose a fault, answer, note it.

use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::Response;
use hyper::body::Incoming;

use super::fault::RuleId;
use super::message::Sending;
use super::server::Shared;
use super::wire::Control;
use super::{Body, Broken, Fault, Head, Reply, Request, Service};

/// The connection ends without an answer.
#[derive(Debug)]
pub(super) struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the connection is dropped")
    }
}

impl std::error::Error for Dropped {}

impl From<Broken> for Dropped {
    fn from(_: Broken) -> Self {
        Self
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers one request.
pub(super) async fn take<S: Service>(
    shared: Arc<Shared<S>>,
    control: Arc<Control>,
    request: hyper::Request<Incoming>,
) -> Result<Response<Sending>, Dropped> {
    let (parts, incoming) = request.into_parts();
    let head = Head::new(&parts);
    let operation = shared.service.operation(&head);
    let index = shared.journal.open(&operation, &head);
    let chosen = locked(&shared.plan).choose(index, &operation);
    let request = Request { index, operation, head, body: Body::new(incoming) };
    let mut turn = Turn { shared: &shared, control: &control, request, chosen, status: None };
    let reply = turn.run().await?;
    turn.status = Some(reply.status);
    drop(turn);
    Ok(reply.into_response())
}

struct Turn<'a, S: Service> {
    shared: &'a Shared<S>,
    control: &'a Control,
    request: Request,
    chosen: Option<(RuleId, Fault)>,
    status: Option<u16>,
}

impl<S: Service> Drop for Turn<'_, S> {
    /// Also when the client went away in the middle.
    fn drop(&mut self) {
        let (status, length) = (self.status, self.request.body.length());
        self.shared.journal.close(self.request.index, status, length);
        if let Some((rule, _)) = self.chosen.take() {
            locked(&self.shared.plan).give_back(rule);
        }
    }
}

impl<S: Service> Turn<'_, S> {
    async fn run(&mut self) -> Result<Reply, Dropped> {
        if let Some(reply) = self.instead().await? {
            return Ok(reply);
        }
        let mut reply = self.shared.service.answer(&mut self.request).await?;
        if matches!(self.fault(), Some(Fault::FlipBit)) && !self.request.body.is_unflipped() {
            self.fire();
        }
        self.afterwards(&mut reply).await?;
        Ok(reply)
    }

    fn fault(&self) -> Option<&Fault> {
        self.chosen.as_ref().map(|(_, fault)| fault)
    }

    /// Counts the fault: it has its effect now.
    fn fire(&mut self) {
        let Some((rule, fault)) = self.chosen.take() else { return };
        self.shared.journal.note(self.request.index, |entry| entry.fault = Some(fault.clone()));
        locked(&self.shared.plan).fire(rule, self.request.index, &self.request.operation, fault);
    }

    /// Faults that come before, or instead of, what was asked for.
    async fn instead(&mut self) -> Result<Option<Reply>, Dropped> {
        match self.fault().cloned() {
            Some(Fault::Refuse(status, code)) => {
                self.fire();
                self.request.body.drain(u64::MAX).await?;
                Ok(Some(self.shared.service.refusal(&self.request.head, status, code)))
            }
            Some(Fault::ResetAfter(bytes)) => {
                self.fire();
                self.request.body.drain(bytes).await?;
                self.control.reset_at_end();
                Err(Dropped)
            }
            Some(Fault::StallAfter(bytes)) => {
                self.request.body.drain(bytes).await?;
                self.fire();
                pending().await
            }
            Some(Fault::Stall(length)) => {
                self.fire();
                wait(length).await;
                Ok(None)
            }
            Some(Fault::ErrorIn200(code)) => self.fail_late(code).await,
            Some(Fault::FlipBit) => {
                self.request.body.flip_a_bit();
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    async fn fail_late(&mut self, code: &str) -> Result<Option<Reply>, Dropped> {
        let Some(reply) = self.shared.service.late_refusal(&self.request.operation, code) else { return Ok(None) };
        self.fire();
        self.request.body.drain(u64::MAX).await?;
        Ok(Some(reply))
    }

    /// Faults that come after what was asked for has been done.
    async fn afterwards(&mut self, reply: &mut Reply) -> Result<(), Dropped> {
        match self.fault().cloned() {
            Some(Fault::Late(length)) => {
                self.fire();
                wait(length).await;
            }
            Some(Fault::Truncate(bytes)) => {
                self.fire();
                self.control.cut_after(bytes);
            }
            Some(Fault::DropAfterCommit) => {
                self.fire();
                return Err(Dropped);
            }
            Some(Fault::WrongEcho) if self.shared.service.spoil(reply) => self.fire(),
            _ => {}
        }
        Ok(())
    }
}

/// Waits; without a length for ever.
async fn wait(length: Option<Duration>) {
    match length {
        Some(length) => tokio::time::sleep(length).await,
        None => pending().await,
    }
}
