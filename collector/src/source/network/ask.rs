//! One netlink question, asked again where the table changed under it.

use nix::sys::socket::SockProtocol;

use crate::host::netlink::{self, Dump, NetlinkError};

/// How often a dump that was interrupted is begun again.
const TRIES: u32 = 3;

/// Asks for a dump until the kernel says that nothing changed meanwhile, at most three times; the last answer is kept.
///
/// # Errors
/// As [`netlink::dump`].
pub(super) fn ask(protocol: SockProtocol, kind: u16, body: &[u8]) -> Result<Dump, NetlinkError> {
    let mut dump = netlink::dump(protocol, kind, body)?;
    for _ in 1..TRIES {
        if !dump.interrupted {
            return Ok(dump);
        }
        dump = netlink::dump(protocol, kind, body)?;
    }
    if dump.interrupted {
        dump.anomalies.push(format!("the table changed while it was read, {TRIES} times in a row"));
    }
    Ok(dump)
}
