//! Names to addresses without the host's libraries and without its `/etc/hosts`: an own resolver that asks the servers of
//! `--dns`, then the VPC's where this is EC2, then those of `/etc/resolv.conf`, which we read ourselves.
//!
//! What a name server says is not believed: TLS decides whether the address is the right one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts, ServerOrderingStrategy,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::{Resolver, TokioResolver};
use hozen_collector::host::Host;
use serde_json::{Value, json};

/// The resolver of every VPC ("DNS attributes for your VPC").
const VPC: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(169, 254, 169, 253)), 53);
/// What a name server may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The largest `/etc/resolv.conf` that is read.
const MAX_CONF: usize = 64 << 10;
/// Name servers that are asked, at most.
const MAX_SERVERS: usize = 8;

/// The resolver. Clones share its cache.
#[derive(Clone)]
pub(super) struct Names(Option<TokioResolver>);

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Names").field(&self.0.is_some()).finish()
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

    /// For the begin record.
    pub(super) fn record(&self) -> Value {
        self.0.iter().map(|(server, source)| json!({"server": server.to_string(), "source": source})).collect()
    }

    /// The resolver that asks them. Call it within the runtime.
    pub(super) fn resolver(&self) -> Names {
        if self.0.is_empty() {
            return Names(None);
        }
        let config =
            ResolverConfig::from_parts(None, Vec::new(), self.0.iter().map(|(server, _)| server_config(*server)).collect());
        let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        set(builder.options_mut());
        Names(builder.build().ok())
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
    options.attempts = 1;
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
        let Some(resolver) = self.0.clone() else {
            let error = "no name server is known: /etc/resolv.conf names none; give --dns ADDRESS or a numeric --endpoint-url";
            return DnsFuture::ready(Err(ResolveDnsError::new(error)));
        };
        // The dot at the end keeps the host's search domains out of it.
        let name = format!("{}.", name.trim_end_matches('.'));
        DnsFuture::new(async move {
            let found = resolver.lookup_ip(name.as_str()).await.map_err(ResolveDnsError::new)?;
            Ok(found.iter().collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
