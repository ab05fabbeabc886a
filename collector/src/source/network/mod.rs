//! The network as the kernel has it: sockets, neighbours, routes, interfaces, rules and tracked connections of every network
//! namespace.
//!
//! **Invariant:** two views of the same thing are kept apart (text files of `/proc/PID/net` and netlink dumps), because whoever
//! hides from one may have forgotten the other. Nothing asked here makes the kernel load a module (see [`autoload`]).

pub mod arp_cache;
pub mod autoload;
pub mod conntrack;
pub mod firewall;
pub mod interfaces;
pub mod namespaces;
pub mod routes;
pub mod sockets;
pub mod traffic;

mod archive;
mod ask;
mod columns;
mod fields;
#[cfg(any(test, feature = "test-util"))]
pub(super) mod hostile;
mod rtnetlink;
#[cfg(test)]
mod second;
mod taken;
mod visit;
