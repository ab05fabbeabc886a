//! What is read inside one namespace: every text file and every dump, unparsed.

use nix::sys::socket::SockProtocol;

use super::diag;
use super::kind::{ALL, Kind};
use crate::host::ReadError;
use crate::host::netlink::{Dump, NetlinkError};
use crate::host::read::Bytes;
use crate::source::network::ask::ask;
use crate::source::network::autoload::Guard;
use crate::source::network::visit::Inside;

/// Both views of one kind.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) kind: Kind,
    pub(super) text: Result<Bytes, ReadError>,
    pub(super) dump: Asked,
}

/// What became of a `sock_diag` question.
#[derive(Debug)]
pub(super) enum Asked {
    /// The kernel answered.
    Answered(Dump),
    /// It was not asked, and why.
    Not(String),
    /// It has no such thing.
    Absent(NetlinkError),
    /// It did not answer.
    Failed(NetlinkError),
}

/// Reads all kinds, one after the other, the two views of each as close together as can be.
pub(super) fn look(inside: &Inside, guard: &Guard) -> Vec<Look> {
    let one = |kind: Kind| {
        let text = inside.text(kind.file());
        let dump = dump(inside, guard, kind, text.is_err());
        Look { kind, text, dump }
    };
    ALL.into_iter().map(one).collect()
}

fn dump(inside: &Inside, guard: &Guard, kind: Kind, no_text: bool) -> Asked {
    let Some(modules) = kind.modules() else { return Asked::Not("sock_diag does not know it".to_owned()) };
    if !inside.ask {
        return Asked::Not("the kernel cannot be asked here".to_owned());
    }
    // udp_diag answers for UDP-Lite only in kernels that have it; others would look for a module.
    if no_text && matches!(kind, Kind::UdpLite | Kind::UdpLite6) {
        return Asked::Not("the kernel has no UDP-Lite".to_owned());
    }
    if let Err(reason) = guard.may_ask(modules) {
        return Asked::Not(reason);
    }
    use nix::errno::Errno::{ENOENT, EOPNOTSUPP, EPROTONOSUPPORT};
    match ask(SockProtocol::NetlinkSockDiag, diag::BY_FAMILY, &diag::request(kind)) {
        Ok(dump) => Asked::Answered(dump),
        Err(error @ (NetlinkError::Refused(ENOENT | EOPNOTSUPP) | NetlinkError::Open(EPROTONOSUPPORT))) => Asked::Absent(error),
        Err(error) => Asked::Failed(error),
    }
}
