//! The rules that the kernel's own iptables has (not nftables, which is asked by netlink): linux/netfilter_ipv4/ip_tables.h,
//! linux/netfilter_ipv6/ip6_tables.h and linux/netfilter_arp/arp_tables.h.
//!
//! **Invariant:** only a table is asked for that `ip_tables_names`, `ip6_tables_names` or `arp_tables_names` of this network
//! namespace lists. For another one the kernel would load a module.

use std::os::fd::AsFd as _;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::netlink::{native_u32, u32_of};
use super::sys::{self, XtablesQuestion};

/// `struct ipt_getinfo`, the same for IPv6, and `struct arpt_getinfo`, which has 3 hooks in place of 5: the last of their numbers
/// is how long the entries are.
const INFO: usize = 84;
const ARP_INFO: usize = 68;

/// `struct ipt_get_entries` up to its entries, which are aligned to 8; that of arptables is the same.
pub const ENTRIES: usize = 40;

/// The most that is taken of one table: some 200,000 rules.
const MOST: usize = 64 << 20;

/// Whose tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// iptables.
    V4,
    /// ip6tables.
    V6,
    /// arptables.
    Arp,
}

/// A table, as the kernel answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// `struct ipt_getinfo`.
    pub info: Vec<u8>,
    /// `struct ipt_get_entries` with all entries, counters among them.
    pub entries: Vec<u8>,
}

/// The table `name` of this family in the network namespace of the calling thread.
///
/// # Errors
/// The kernel's errno; `ENOENT` where there is none, `EFBIG` where it is longer than is taken, `EAGAIN` where it changed each time.
pub fn table(family: Family, name: &[u8]) -> Result<Table, Errno> {
    use XtablesQuestion::{ArpEntries, ArpInfo, Entries, Info};
    let (domain, level) = match family {
        Family::V4 | Family::Arp => (AddressFamily::Inet, libc::SOL_IP),
        Family::V6 => (AddressFamily::Inet6, libc::SOL_IPV6),
    };
    let (of_info, of_entries, length) =
        if family == Family::Arp { (ArpInfo, ArpEntries, ARP_INFO) } else { (Info, Entries, INFO) };
    let socket = socket(domain, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let mut last = Errno::EAGAIN;
    for _ in 0..3 {
        let mut info = named(name, length)?;
        let answered = sys::xtables(socket.as_fd(), level, of_info, &mut info)?;
        info.truncate(answered);
        let size = info.get(length - 4..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u32_of(*bytes));
        let mut entries = named(name, ENTRIES.saturating_add(usize::try_from(size).map_err(|_| Errno::EFBIG)?))?;
        let place = entries.get_mut(32..36).ok_or(Errno::EFAULT)?;
        place.copy_from_slice(&native_u32(size));
        match sys::xtables(socket.as_fd(), level, of_entries, &mut entries) {
            Ok(_) => return Ok(Table { info, entries }),
            // It has another size than a moment ago.
            Err(errno @ Errno::EAGAIN) => last = errno,
            Err(errno) => return Err(errno),
        }
    }
    Err(last)
}

/// A buffer of this length that begins with the table's name.
fn named(name: &[u8], length: usize) -> Result<Vec<u8>, Errno> {
    if length > MOST {
        return Err(Errno::EFBIG);
    }
    // The last byte of the name's 32 stays zero.
    if name.is_empty() || name.len() > 31 {
        return Err(Errno::EINVAL);
    }
    let mut out = name.to_owned();
    out.resize(length, 0);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_none_and_a_size_that_lies_are_refused() {
        assert_eq!(named(b"", INFO), Err(Errno::EINVAL));
        assert_eq!(named(&[b'x'; 32], INFO), Err(Errno::EINVAL));
        assert_eq!(named(b"filter", MOST + 1), Err(Errno::EFBIG));
        assert_eq!(named(b"filter", INFO).unwrap().len(), INFO);
    }
}
