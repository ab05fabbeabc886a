//! The kinds of sockets that the kernel lists.

/// A table of the kernel: one text file, and mostly one `sock_diag` question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Tcp,
    Tcp6,
    Udp,
    Udp6,
    UdpLite,
    UdpLite6,
    Raw,
    Raw6,
    Icmp,
    Icmp6,
    Unix,
    Packet,
    Netlink,
}

/// Every kind, in the order in which they are read: short-lived connections first.
pub(super) const ALL: [Kind; 13] = [
    Kind::Tcp,
    Kind::Tcp6,
    Kind::Udp,
    Kind::Udp6,
    Kind::UdpLite,
    Kind::UdpLite6,
    Kind::Raw,
    Kind::Raw6,
    Kind::Icmp,
    Kind::Icmp6,
    Kind::Unix,
    Kind::Packet,
    Kind::Netlink,
];

const AF_UNIX: u8 = 1;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const AF_NETLINK: u8 = 16;
const AF_PACKET: u8 = 17;

impl Kind {
    /// Its text file in `/proc/PID/net`.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tcp6 => "tcp6",
            Self::Udp => "udp",
            Self::Udp6 => "udp6",
            Self::UdpLite => "udplite",
            Self::UdpLite6 => "udplite6",
            Self::Raw => "raw",
            Self::Raw6 => "raw6",
            Self::Icmp => "icmp",
            Self::Icmp6 => "icmp6",
            Self::Unix => "unix",
            Self::Packet => "packet",
            Self::Netlink => "netlink",
        }
    }

    /// The name of its dump in the archive.
    pub(super) fn dump_name(self) -> &'static str {
        match self {
            Self::Tcp => "diag-tcp4",
            Self::Tcp6 => "diag-tcp6",
            Self::Udp => "diag-udp4",
            Self::Udp6 => "diag-udp6",
            Self::UdpLite => "diag-udplite4",
            Self::UdpLite6 => "diag-udplite6",
            Self::Raw => "diag-raw4",
            Self::Raw6 => "diag-raw6",
            Self::Icmp => "diag-icmp4",
            Self::Icmp6 => "diag-icmp6",
            Self::Unix => "diag-unix",
            Self::Packet => "diag-packet",
            Self::Netlink => "diag-netlink",
        }
    }

    /// `AF_…`, as osquery's `family` has it.
    pub(super) fn family(self) -> u8 {
        match self {
            Self::Tcp | Self::Udp | Self::UdpLite | Self::Raw | Self::Icmp => AF_INET,
            Self::Tcp6 | Self::Udp6 | Self::UdpLite6 | Self::Raw6 | Self::Icmp6 => AF_INET6,
            Self::Unix => AF_UNIX,
            Self::Packet => AF_PACKET,
            Self::Netlink => AF_NETLINK,
        }
    }

    /// `IPPROTO_…`, as osquery's `protocol` has it; each packet and netlink socket has its own.
    pub(super) fn protocol(self) -> Option<u8> {
        match self {
            Self::Tcp | Self::Tcp6 => Some(6),
            Self::Udp | Self::Udp6 => Some(17),
            Self::UdpLite | Self::UdpLite6 => Some(136),
            Self::Raw | Self::Raw6 => Some(255),
            Self::Icmp => Some(1),
            Self::Icmp6 => Some(58),
            Self::Unix => Some(0),
            Self::Packet | Self::Netlink => None,
        }
    }

    /// The modules that answer for it; none where the kernel has no `sock_diag` for it at all.
    pub(super) fn modules(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Tcp | Self::Tcp6 => Some(&["inet_diag", "tcp_diag"]),
            Self::Udp | Self::Udp6 | Self::UdpLite | Self::UdpLite6 => Some(&["inet_diag", "udp_diag"]),
            Self::Raw | Self::Raw6 => Some(&["inet_diag", "raw_diag"]),
            Self::Icmp | Self::Icmp6 => None,
            Self::Unix => Some(&["unix_diag"]),
            Self::Packet => Some(&["af_packet_diag"]),
            Self::Netlink => Some(&["netlink_diag"]),
        }
    }
}
