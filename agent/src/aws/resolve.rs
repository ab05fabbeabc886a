//! Names to addresses without the host's libraries and without its `/etc/hosts`: an own resolver that asks the servers of
//! `--dns`, then the VPC's where this is EC2, then those of `/etc/resolv.conf`, which we read ourselves.
//!
//! One server after the other: the next where one gives no address, whatever it says instead. What a name server says is not
//! believed: TLS decides whether the address is the right one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts, ServerOrderingStrategy,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::{Resolver, TokioResolver};
use hozen_collector::host::Host;
use serde_json::{Value, json};
use tokio::time::timeout;

/// The resolver of every VPC ("DNS attributes for your VPC").
const VPC: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(169, 254, 169, 253)), 53);
/// What a name server may take for one answer.
const TIMEOUT: Duration = Duration::from_millis(1500);
/// What all of them together may: less than making a connection may take ([`super::CONNECT`]), so that a silence of theirs is told as one.
const TOGETHER: Duration = Duration::from_millis(3500);
/// The largest `/etc/resolv.conf` that is read.
const MAX_CONF: usize = 64 << 10;
/// Name servers that are asked, at most.
const MAX_SERVERS: usize = 8;
/// What is said where there is none.
const NONE: &str = "no name server is known: /etc/resolv.conf names none; give --dns ADDRESS or a numeric --endpoint-url";

/// The resolver. Clones share all that it knows.
#[derive(Debug, Clone)]
pub(super) struct Names(Arc<Asked>);

#[derive(Debug)]
struct Asked {
    servers: Vec<Server>,
    /// Which of them is asked first: from the beginning the first, then the one behind those that were silent.
    first: AtomicUsize,
}

/// One server. A resolver that had them all would give them one time limit together, which the first that is silent uses up, and
/// would take a problem of the first for the answer.
struct Server {
    address: SocketAddr,
    resolver: TokioResolver,
    answered: AtomicBool,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Server").field(&self.address).finish()
    }
}

/// The servers to ask, in order, for the resolver and for the begin record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Servers(Vec<(SocketAddr, &'static str)>);

impl Servers {
    /// Those of `given`, the VPC's where `vpc` says so, and those of the host's `/etc/resolv.conf`.
    pub(super) fn find(given: &[SocketAddr], vpc: bool, host: &Host) -> Self {
        let conf = host.files.file("/etc/resolv.conf", MAX_CONF).map(|file| file.bytes).unwrap_or_default();
        Self::of(given, vpc, &conf)
    }

    fn of(given: &[SocketAddr], vpc: bool, conf: &[u8]) -> Self {
        let mut servers = Self::default();
        given.iter().for_each(|server| servers.add(*server, "--dns"));
        if vpc {
            servers.add(VPC, "vpc");
        }
        parse(conf).into_iter().for_each(|ip| servers.add(SocketAddr::new(ip, 53), "resolv.conf"));
        servers
    }

    fn add(&mut self, server: SocketAddr, source: &'static str) {
        if self.0.len() < MAX_SERVERS && !self.0.iter().any(|(known, _)| *known == server) {
            self.0.push((server, source));
        }
    }

    /// For the begin record; `names` knows which of them have answered by now.
    pub(super) fn record(&self, names: &Names) -> Value {
        let entry = |(server, source): &(SocketAddr, &str)| json!({"server": server.to_string(), "source": source, "answered": names.answered_by(*server)});
        self.0.iter().map(entry).collect()
    }

    /// The resolver that asks them. Call it within the runtime.
    pub(super) fn resolver(&self) -> Names {
        let servers = self.0.iter().filter_map(|(server, _)| Server::new(*server)).collect();
        Names(Arc::new(Asked { servers, first: AtomicUsize::new(0) }))
    }
}

impl Server {
    fn new(address: SocketAddr) -> Option<Self> {
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server_config(address)]);
        let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        set(builder.options_mut());
        Some(Self { address, resolver: builder.build().ok()?, answered: AtomicBool::new(false) })
    }

    /// The addresses of `name`, or why it gives none.
    async fn ask(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        let found = self.resolver.lookup_ip(name).await.map_err(|error| format!("{}: {error}", self.address))?;
        self.answered.store(true, Ordering::Relaxed);
        Ok(found.iter().collect())
    }
}

impl Names {
    /// Whether this server has given an address.
    fn answered_by(&self, server: SocketAddr) -> bool {
        self.0.servers.iter().any(|known| known.address == server && known.answered.load(Ordering::Relaxed))
    }
}

impl Asked {
    /// The addresses of `name`, by the first server that gives any.
    async fn find(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        let first = self.first.load(Ordering::Relaxed);
        let mut reasons = Vec::new();
        for at in (first..self.servers.len()).chain(0..first) {
            let Some(server) = self.servers.get(at) else { break };
            match server.ask(name).await {
                Ok(found) => {
                    self.first.store(at, Ordering::Relaxed);
                    return Ok(found);
                }
                Err(reason) => reasons.push(reason),
            }
            // Now, because who waits for all of this may give up in the middle: then the next one who asks begins behind it.
            self.first.store((at + 1) % self.servers.len(), Ordering::Relaxed);
        }
        Err(if reasons.is_empty() { NONE.to_owned() } else { reasons.join("; ") })
    }
}

fn server_config(server: SocketAddr) -> NameServerConfig {
    let connection = |mut connection: ConnectionConfig| {
        connection.port = server.port();
        connection
    };
    NameServerConfig::new(server.ip(), true, vec![connection(ConnectionConfig::udp()), connection(ConnectionConfig::tcp())])
}

fn set(options: &mut ResolverOpts) {
    options.use_hosts_file = ResolveHosts::Never;
    options.timeout = TIMEOUT;
    // Those after the first; a packet that is lost is sent again all the same.
    options.attempts = 0;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
    options.num_concurrent_reqs = 1;
    // An answer of the moment before an outage may be wrong after it.
    options.positive_max_ttl = Some(Duration::from_secs(60));
    options.negative_max_ttl = Some(Duration::from_secs(1));
}

/// The addresses of the lines `nameserver ADDRESS` (resolv.conf(5)); everything else in the file is left alone.
fn parse(conf: &[u8]) -> Vec<IpAddr> {
    let lines = conf.split(|b| *b == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let server = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        // A link-local address may carry its interface, which only the host's own library can make sense of.
        words.next().filter(|word| *word == "nameserver").and_then(|_| words.next()?.parse().ok())
    };
    lines.filter_map(server).collect()
}

impl ResolveDns for Names {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        let asked = Arc::clone(&self.0);
        // The dot at the end keeps the host's search domains out of it.
        let name = format!("{}.", name.trim_end_matches('.'));
        DnsFuture::new(async move {
            let silent = || Err(format!("no name server gave an answer within {} ms", TOGETHER.as_millis()));
            let found = timeout(TOGETHER, asked.find(&name)).await.unwrap_or_else(|_| silent());
            found.map_err(ResolveDnsError::new)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hozen_tests::dns::{Conduct, DnsDouble};
    use proptest::prelude::*;
    use tokio::runtime::Runtime;

    const NAME: &str = "s3.evidence.test";

    fn right() -> Conduct {
        Conduct::Addresses(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)])
    }

    /// Two servers of this conduct, and a resolver that asks them in order.
    fn two(runtime: &Runtime, conducts: [Conduct; 2]) -> ([DnsDouble; 2], Servers, Names) {
        let doubles = conducts.map(|conduct| {
            let double = DnsDouble::start();
            double.set_otherwise(conduct);
            double
        });
        let servers = Servers::of(&doubles.each_ref().map(DnsDouble::address), false, b"");
        let names = runtime.block_on(async { servers.resolver() });
        (doubles, servers, names)
    }

    fn runtime() -> Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    fn answered(servers: &Servers, names: &Names) -> Vec<Option<bool>> {
        let record = servers.record(names);
        record.as_array().unwrap().iter().map(|entry| entry["answered"].as_bool()).collect()
    }

    #[test]
    fn the_next_server_is_asked_where_one_gives_no_address() {
        for wrong in [Conduct::Hang, Conduct::Failure, Conduct::Refused, Conduct::NoSuchName, Conduct::Garbage] {
            let runtime = runtime();
            let (doubles, servers, names) = two(&runtime, [wrong.clone(), right()]);
            assert_eq!(answered(&servers, &names), [Some(false); 2]);
            let found = runtime.block_on(names.resolve_dns(NAME)).unwrap();
            assert_eq!(found, [IpAddr::V4(Ipv4Addr::LOCALHOST)], "{wrong:?}");
            assert_eq!(answered(&servers, &names), [Some(false), Some(true)], "{wrong:?}");
            // The one that answered is asked first from then on.
            let before = doubles[0].questions().len();
            assert!(before > 0, "{wrong:?}");
            runtime.block_on(names.resolve_dns("another.test")).unwrap();
            assert_eq!(doubles[0].questions().len(), before, "{wrong:?}");
        }
    }

    #[test]
    fn where_none_gives_an_address_each_says_why_not() {
        let runtime = runtime();
        let (doubles, servers, names) = two(&runtime, [Conduct::Failure, Conduct::Hang]);
        let error = crate::aws::words::chain(&runtime.block_on(names.resolve_dns(NAME)).unwrap_err());
        for double in &doubles {
            assert!(error.contains(&double.address().to_string()), "{error}");
        }
        assert_eq!(answered(&servers, &names), [Some(false); 2]);
        let none = runtime.block_on(Servers::default().resolver().resolve_dns(NAME)).unwrap_err();
        assert!(crate::aws::words::chain(&none).contains("--dns"));
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn servers_are_asked_in_order_and_once() {
        let conf = b"# comment\nsearch example.com\nnameserver 10.0.0.2\n nameserver\t2001:db8::1 \nnameserver 10.0.0.2\noptions ndots:5\n";
        let servers = Servers::of(&[at("127.0.0.1:5353")], true, conf);
        let found: Vec<_> = servers.0.iter().map(|(server, source)| (server.to_string(), *source)).collect();
        let expected = [
            ("127.0.0.1:5353", "--dns"),
            ("169.254.169.253:53", "vpc"),
            ("10.0.0.2:53", "resolv.conf"),
            ("[2001:db8::1]:53", "resolv.conf"),
        ];
        assert_eq!(found, expected.map(|(server, source)| (server.to_owned(), source)));
    }

    #[test]
    fn the_vpc_is_asked_only_on_ec2() {
        assert_eq!(Servers::of(&[], false, b""), Servers::default());
    }

    proptest! {
        #[test]
        fn any_resolv_conf_is_read(conf in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(Servers::of(&[], false, &[b"nameserver 1.1.1.1\n".as_slice(), &conf].concat()).0.len() <= MAX_SERVERS);
        }
    }
}
