//! One socket, put together from up to four views.

use std::net::IpAddr;

use super::kind::Kind;

/// An address with its port.
pub(super) type Endpoint = (IpAddr, u16);

/// A socket as far as the views so far describe it. Numbers are as the kernel gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) kind: Kind,
    /// Its inode in sockfs; 0 where no process has it any more (`TIME_WAIT`) or yet (accept queue).
    pub(super) inode: u64,
    pub(super) local: Option<Endpoint>,
    pub(super) remote: Option<Endpoint>,
    /// Name of a unix socket; abstract names begin with NUL where `sock_diag` said so, with `@` where only the text did.
    pub(super) name: Option<Vec<u8>>,
    /// `TCP_…` state, which unix sockets and datagram sockets have as well.
    pub(super) state: Option<u8>,
    /// `SOCK_…` of unix and packet sockets.
    pub(super) socket_type: Option<u16>,
    /// Ethernet protocol of a packet socket, `NETLINK_…` of a netlink socket.
    pub(super) protocol: Option<u16>,
    /// Port id of a netlink socket: mostly the process id of who opened it.
    pub(super) port_id: Option<u32>,
    pub(super) uid: Option<u32>,
    pub(super) cookie: Option<u64>,
    pub(super) rqueue: Option<u64>,
    pub(super) wqueue: Option<u64>,
    pub(super) timer: Option<u8>,
    pub(super) retrans: Option<u32>,
    pub(super) details: Details,
    /// Views that have it.
    pub(super) seen: Seen,
    /// Sockets beyond the first that look the same and have no inode, by view.
    pub(super) repeats: [u32; 2],
}

/// What few sockets have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) mark: Option<u32>,
    pub(super) class_id: Option<u32>,
    pub(super) cgroup_id: Option<u64>,
    pub(super) interface: Option<u32>,
    pub(super) drops: Option<u64>,
    pub(super) groups: Option<u64>,
    pub(super) peer_inode: Option<u64>,
    pub(super) vfs: Option<(u32, u32)>,
    pub(super) fanout: Option<u32>,
    /// Socket filter: `struct sock_filter`, 8 bytes each, in the host's byte order.
    pub(super) filter: Option<Vec<u8>>,
}

/// One of the two views of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum View {
    Text,
    Diag,
}

/// The views of one sweep that have a socket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) text: bool,
    pub(super) diag: bool,
}

impl Seen {
    pub(super) fn by(self, view: View) -> bool {
        match view {
            View::Text => self.text,
            View::Diag => self.diag,
        }
    }

    fn add(&mut self, view: View) {
        match view {
            View::Text => self.text = true,
            View::Diag => self.diag = true,
        }
    }
}

/// What tells sockets without an inode apart.
pub(super) type Place = (Option<Endpoint>, Option<Endpoint>, Option<Vec<u8>>, Option<u32>, Option<u16>);

/// What makes a socket one socket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) netns: u64,
    pub(super) kind: Kind,
    pub(super) inode: u64,
    /// Set where the inode alone does not tell: it is 0, or several share it (subflows of MPTCP).
    pub(super) place: Option<Place>,
}

impl Socket {
    pub(super) fn new(kind: Kind, inode: u64) -> Self {
        Self {
            kind,
            inode,
            local: None,
            remote: None,
            name: None,
            state: None,
            socket_type: None,
            protocol: None,
            port_id: None,
            uid: None,
            cookie: None,
            rqueue: None,
            wqueue: None,
            timer: None,
            retrans: None,
            details: Details::default(),
            seen: Seen::default(),
            repeats: [0; 2],
        }
    }

    /// Its key by inode alone; `None` where it has none.
    pub(super) fn plain_key(&self, netns: u64) -> Option<Key> {
        (self.inode != 0).then_some(Key { netns, kind: self.kind, inode: self.inode, place: None })
    }

    /// Its key with its place.
    pub(super) fn placed_key(&self, netns: u64) -> Key {
        // The text view shows every NUL of a name as `@`, so for the key both views do.
        let name = self.name.as_ref().map(|name| name.iter().map(|b| if *b == 0 { b'@' } else { *b }).collect());
        let place = (self.local, self.remote, name, self.port_id, self.protocol);
        Key { netns, kind: self.kind, inode: self.inode, place: Some(place) }
    }

    /// Whether both lie between the same ends.
    pub(super) fn same_ends(&self, other: &Self) -> bool {
        (self.local, self.remote) == (other.local, other.remote)
    }

    /// Notes that `view` has it; once more in the same view, if it has no inode, means that there is another one like it.
    pub(super) fn see(&mut self, view: View) {
        if self.seen.by(view) && self.inode == 0 {
            let [text, diag] = &mut self.repeats;
            let count = if view == View::Text { text } else { diag };
            *count = count.saturating_add(1);
        }
        self.seen.add(view);
    }

    /// Takes from `other` what is not known yet.
    pub(super) fn fill(&mut self, other: Self) {
        or(&mut self.local, other.local);
        or(&mut self.remote, other.remote);
        or(&mut self.name, other.name);
        or(&mut self.state, other.state);
        or(&mut self.socket_type, other.socket_type);
        or(&mut self.protocol, other.protocol);
        or(&mut self.port_id, other.port_id);
        or(&mut self.uid, other.uid);
        or(&mut self.cookie, other.cookie);
        or(&mut self.rqueue, other.rqueue);
        or(&mut self.wqueue, other.wqueue);
        or(&mut self.timer, other.timer);
        or(&mut self.retrans, other.retrans);
        self.details.fill(other.details);
    }

    /// How many sockets it stands for.
    pub(super) fn instances(&self) -> u32 {
        let [text, diag] = self.repeats;
        text.max(diag).saturating_add(1)
    }

    /// Its state in osquery's words; none for those that have no connection and can have none, which the kernel calls closed.
    pub(super) fn state_word(&self) -> Option<&'static str> {
        const WORDS: [&str; 14] = [
            "UNKNOWN",
            "ESTABLISHED",
            "SYN_SENT",
            "SYN_RECV",
            "FIN_WAIT1",
            "FIN_WAIT2",
            "TIME_WAIT",
            "CLOSED",
            "CLOSE_WAIT",
            "LAST_ACK",
            "LISTEN",
            "CLOSING",
            "NEW_SYN_RECV",
            "BOUND_INACTIVE",
        ];
        const CLOSED: u8 = 7;
        let connects = matches!(self.kind, Kind::Tcp | Kind::Tcp6);
        self.state
            .filter(|state| connects || *state != CLOSED)
            .map(|state| WORDS.get(usize::from(state)).copied().unwrap_or("UNKNOWN"))
    }
}

impl Details {
    fn fill(&mut self, other: Self) {
        or(&mut self.mark, other.mark);
        or(&mut self.class_id, other.class_id);
        or(&mut self.cgroup_id, other.cgroup_id);
        or(&mut self.interface, other.interface);
        or(&mut self.drops, other.drops);
        or(&mut self.groups, other.groups);
        or(&mut self.peer_inode, other.peer_inode);
        or(&mut self.vfs, other.vfs);
        or(&mut self.fanout, other.fanout);
        or(&mut self.filter, other.filter);
    }
}

fn or<T>(known: &mut Option<T>, other: Option<T>) {
    if known.is_none() {
        *known = other;
    }
}
