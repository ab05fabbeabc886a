//! What a double must answer.

use std::future::Future;

use super::{Body, Head, Reply};

/// One request.
#[derive(Debug)]
pub struct Request {
    /// Its number, from 0, in the order in which heads came in.
    pub index: u64,
    /// What the service calls it.
    pub operation: String,
    /// Method, target, headers.
    pub head: Head,
    /// What follows.
    pub body: Body,
}

/// A service that a double plays.
pub trait Service: Send + Sync + 'static {
    /// The name of the operation that this head asks for, as the service's manual has it.
    fn operation(&self, head: &Head) -> String;

    /// Answers a request. An error means that the connection is gone.
    fn answer(&self, request: &mut Request) -> impl Future<Output = Result<Reply, super::Broken>> + Send;

    /// A refusal in the form of this service.
    fn refusal(&self, head: &Head, status: u16, code: &str) -> Reply;

    /// Replies that look like success and say in their body that they are none.
    fn late_refusal(&self, _operation: &str, _code: &str) -> Option<Reply> {
        None
    }

    /// Changes a checksum that the reply states, if it states one.
    fn spoil(&self, _reply: &mut Reply) -> bool {
        false
    }
}
