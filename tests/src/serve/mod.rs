//! What all doubles of services stand on: a server on 127.0.0.1, a journal of what was asked, and faults on demand.
//!
//! ```text
//! double     the handle that a test holds: start, url, journal, faults, outage, stop
//! service    what a double must answer
//! server     accepts connections, one request after the other on each
//! turn       one request: choose a fault, answer, note it
//! message    head of a request, reply
//! body       the body of a request as it comes in
//! fault      what goes wrong, when, and how often it did
//! journal    every request and what became of it
//! wire       a connection that can be cut after so many bytes, or reset
//! tls        a server certificate from PEM files
//! ```

mod body;
mod double;
mod fault;
mod journal;
mod message;
mod server;
mod service;
mod tls;
mod turn;
mod wire;

pub use body::{Body, Broken};
pub use double::Double;
pub use fault::{Fault, Fired, Rule, RuleId};
pub use journal::{Entry, most_at_once};
pub use message::{Head, Reply, Step, decode, encode};
pub use server::Outage;
pub use service::{Request, Service};
pub use tls::Tls;
