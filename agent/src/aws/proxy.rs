//! The proxies of the environment: obeyed only where `--use-environment` says so, and named in the begin record without the name and
//! password that their addresses may hold.
//!
//! The SDK reads the same variables, in the order of curl(1), and goes past a proxy whose address it cannot read. Here such an address
//! is refused before anything is sent: who asked for a proxy does not want to be seen without.

use aws_smithy_http_client::proxy::ProxyConfig;
use hozen_collector::model::escape;
use serde_json::{Value, json};

/// The proxies in force.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Proxies {
    /// For `http://`: `http://HOST:PORT`.
    http: Option<String>,
    /// The same for `https://`.
    https: Option<String>,
    /// What is reached without them.
    except: Option<String>,
}

impl Proxies {
    /// Those of the environment, where `asked` says that they are to be obeyed.
    ///
    /// # Errors
    /// When a variable holds no address of a proxy.
    pub(super) fn find(asked: bool) -> Result<Self, String> {
        if asked { Self::of(|name| std::env::var(name).ok()) } else { Ok(Self::default()) }
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        // Below a web server HTTP_PROXY is a header of whoever asks, so the SDK obeys none.
        if variable("REQUEST_METHOD").is_some() {
            return Ok(Self::default());
        }
        let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, variable(name)?)));
        let proxy = |names| first(names).map_or(Ok(None), |(name, value)| address(name, &value));
        let (http, https) = (proxy(["HTTP_PROXY", "http_proxy"])?, proxy(["HTTPS_PROXY", "https_proxy"])?);
        let all = proxy(["ALL_PROXY", "all_proxy"])?;
        let except = first(["NO_PROXY", "no_proxy"]).map(|(_, value)| value).filter(|value| !value.is_empty());
        Ok(Self { http: http.or_else(|| all.clone()), https: https.or(all), except })
    }

    /// Whether there is one.
    pub(super) fn are_used(&self) -> bool {
        self.http.is_some() || self.https.is_some()
    }

    /// For the begin record.
    pub(super) fn record(&self) -> Value {
        if !self.are_used() {
            return Value::Null;
        }
        let except = self.except.as_ref().map(|text| escape::bytes(text.as_bytes()));
        json!({"http": self.http, "https": self.https, "no_proxy": except})
    }
}

/// `http://HOST:PORT` of what `variable` holds; none where it is empty. The error has no word of the value, which may hold a password.
fn address(variable: &str, value: &str) -> Result<Option<String>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    let wrong = || format!("--use-environment: {variable} is no address of an HTTP proxy; write http://HOST:PORT, or unset it");
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let scheme = scheme.to_ascii_lowercase();
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // Without a scheme the SDK reads no path either.
    let is_read = ProxyConfig::all(format!("{scheme}://{rest}")).is_ok() && (path.is_empty() || value.contains("://"));
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let with_port = place.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    let usual = if scheme == "https" { 443 } else { 80 };
    let (host, port) = with_port.map_or((place, Ok(usual)), |(host, port)| (host, port.parse::<u16>()));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-:[]".contains(&b);
    match port {
        Ok(port) if is_read && !host.is_empty() && host.bytes().all(plain) => Ok(Some(format!("{scheme}://{host}:{port}"))),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(variables: &[(&str, &str)]) -> Result<Proxies, String> {
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Proxies::of(value)
    }

    #[test]
    fn each_scheme_has_its_proxy_or_that_of_all() {
        let proxies =
            of(&[("ALL_PROXY", "http://all:1"), ("https_proxy", "http://one:2/"), ("NO_PROXY", "localhost\n")]).unwrap();
        let record = json!({"http": "http://all:1", "https": "http://one:2", "no_proxy": "localhost\\n"});
        assert_eq!((proxies.are_used(), proxies.record()), (true, record));
        let none = of(&[("HTTP_PROXY", ""), ("NO_PROXY", "*")]).unwrap();
        assert_eq!((none.are_used(), none.record()), (false, Value::Null));
        // The first of two names counts, even where it is empty.
        assert!(!of(&[("HTTPS_PROXY", ""), ("https_proxy", "http://one:2")]).unwrap().are_used());
        assert!(!of(&[("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "http://attacker:2")]).unwrap().are_used());
        assert!(!Proxies::find(false).unwrap().are_used());
    }

    #[test]
    fn an_address_is_kept_without_its_password() {
        for (value, kept) in [
            ("http://proxy.example:3128", "http://proxy.example:3128"),
            ("http://somebody:hunter2@proxy.example:3128/", "http://proxy.example:3128"),
            ("HTTPS://proxy.example", "https://proxy.example:443"),
            ("10.0.0.1:3128", "http://10.0.0.1:3128"),
            ("proxy", "http://proxy:80"),
            ("http://[::1]:3128", "http://[::1]:3128"),
            ("http://[::1]", "http://[::1]:80"),
        ] {
            assert_eq!(address("HTTPS_PROXY", value).unwrap().as_deref(), Some(kept), "{value}");
        }
    }

    #[test]
    fn what_the_sdk_would_go_past_is_refused_without_the_value() {
        for value in [
            "socks5://hunter2:1080",
            "http://",
            "http://somebody:hunter2@",
            "http://hunter2:port",
            "http://hunter2:70000",
            "http://hunter2 :3128",
            "hunter2:3128/path",
            "://hunter2",
        ] {
            let error = of(&[("HTTPS_PROXY", value)]).unwrap_err();
            assert!(error.contains("HTTPS_PROXY") && !error.contains("hunter2"), "{value}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_value_is_an_address_without_a_name_or_refused(value in any::<String>()) {
            if let Ok(Some(kept)) = address("ALL_PROXY", &value) {
                prop_assert!(kept.is_ascii() && !kept.contains('@'), "{}", kept);
            }
        }
    }
}
