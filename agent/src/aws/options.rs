//! How the network and its services are reached: the options.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use serde::{Deserialize, Serialize};

/// Where the credentials come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CredentialSource {
    /// Variables of the environment: `SSM_AWS_ACCESS_KEY_ID` and so on, as Run Command sets them, or the same without `SSM_`.
    Environment,
    /// JSON on a descriptor that was opened for us.
    Descriptor(i32),
    /// A SecureString parameter of Systems Manager, read with the instance role.
    Parameter(String),
    /// The role of the instance, asked of IMDSv2.
    InstanceRole,
}

impl FromStr for CredentialSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "environment" => Ok(Self::Environment),
            None if text == "instance-role" => Ok(Self::InstanceRole),
            Some(("fd", number)) => match number.parse() {
                Ok(fd) if fd >= 0 => Ok(Self::Descriptor(fd)),
                _ => Err(format!("{number:?} is not the number of an open descriptor; write fd:3")),
            },
            Some(("ssm", path)) if path.len() > 1 && path.starts_with('/') && path.is_ascii() => {
                Ok(Self::Parameter(path.to_owned()))
            }
            _ => Err(format!("{text:?} is no source of credentials; write environment, fd:N, ssm:/path or instance-role")),
        }
    }
}

impl TryFrom<String> for CredentialSource {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<CredentialSource> for String {
    fn from(source: CredentialSource) -> Self {
        match source {
            CredentialSource::Environment => "environment".to_owned(),
            CredentialSource::Descriptor(fd) => format!("fd:{fd}"),
            CredentialSource::Parameter(path) => format!("ssm:{path}"),
            CredentialSource::InstanceRole => "instance-role".to_owned(),
        }
    }
}

/// Whether and where the instance's metadata are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ImdsChoice {
    /// Where DMI says that this is EC2, at its usual address.
    #[default]
    Auto,
    /// Nowhere.
    Off,
    /// At this address.
    At(String),
}

impl FromStr for ImdsChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            text if is_url(text) => Ok(Self::At(text.trim_end_matches('/').to_owned())),
            _ => Err(format!("{text:?} is no place of the instance metadata; write auto, off or http://ADDRESS")),
        }
    }
}

impl TryFrom<String> for ImdsChoice {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ImdsChoice> for String {
    fn from(choice: ImdsChoice) -> Self {
        match choice {
            ImdsChoice::Auto => "auto".to_owned(),
            ImdsChoice::Off => "off".to_owned(),
            ImdsChoice::At(url) => url,
        }
    }
}

/// The base address of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint(String);

impl Endpoint {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same as what a bucket's name can be put behind: the SDK puts no slash between a path and it.
    pub(super) fn base(&self) -> String {
        let has_path = self.0.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
        if has_path && !self.0.ends_with('/') { format!("{}/", self.0) } else { self.0.clone() }
    }
}

impl FromStr for Endpoint {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if is_url(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("{text:?} is no address; write https://HOST or http://HOST:PORT"))
        }
    }
}

impl TryFrom<String> for Endpoint {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.0
    }
}

/// Scheme and host, and no name or password in it, which a record would show.
fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let host = rest.split('/').next().unwrap_or_default();
        !host.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()) && !rest.contains(['@', '?', '#'])
    })
}

/// A name server: an address, with a port where it is not 53.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NameServer(pub SocketAddr);

impl FromStr for NameServer {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let address = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)).or_else(|_| text.parse());
        address.map(Self).map_err(|_| format!("{text:?} is no name server's address; write 10.0.0.2 or 10.0.0.2:53"))
    }
}

impl TryFrom<String> for NameServer {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<NameServer> for String {
    fn from(server: NameServer) -> Self {
        server.0.to_string()
    }
}

/// Options for the network. In a configuration file they stand in the table `[network]`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[command(next_help_heading = "Network")]
pub struct NetworkArgs {
    /// Region of the bucket [default: the instance's own]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Address of S3: a VPC endpoint, or a store that speaks its language [default: that of the region]
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<Endpoint>,
    /// Address of Systems Manager [default: that of the region]
    #[arg(long, value_name = "URL")]
    pub ssm_endpoint_url: Option<Endpoint>,
    /// Address of KMS [default: that of the region]
    #[arg(long, value_name = "URL")]
    pub kms_endpoint_url: Option<Endpoint>,
    /// Put the bucket into the path instead of the host name
    #[arg(long)]
    pub path_style: bool,
    /// Use the addresses that speak IPv6 too
    #[arg(long)]
    pub dual_stack: bool,
    /// PEM file of the only roots to trust, instead of those in this program (for networks that inspect TLS)
    #[arg(long, value_name = "FILE")]
    pub ca_bundle: Option<PathBuf>,
    /// Name server, asked before all others; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub dns: Vec<NameServer>,
    /// Where credentials come from: environment, fd:N, ssm:/path, instance-role [default: what Run Command set, else the role]
    #[arg(long, value_name = "SOURCE")]
    pub credentials: Option<CredentialSource>,
    /// The same as --credentials fd:N
    #[arg(long, value_name = "N", conflicts_with = "credentials")]
    pub credentials_fd: Option<u16>,
    /// Instance metadata: auto, off or an address [default: auto, which asks where DMI says that this is EC2]
    #[arg(long, value_name = "WHERE")]
    pub imds_endpoint: Option<ImdsChoice>,
    /// Take region, credentials and proxy from AWS_* and *_PROXY of this environment too
    #[arg(long)]
    pub use_environment: bool,
    /// How long one request is tried again before its object is given up: 90s, 20m [default: 20m]
    #[arg(long, value_name = "TIME")]
    pub retry_for: Option<crate::span::Span>,
}

impl NetworkArgs {
    /// What is given here, and what `file` says for the rest.
    #[must_use]
    pub fn over(self, file: Self) -> Self {
        let fd = |args: &Self| args.credentials_fd.map(|fd| CredentialSource::Descriptor(i32::from(fd)));
        let source = fd(&self).or_else(|| self.credentials.clone()).or_else(|| fd(&file)).or_else(|| file.credentials.clone());
        Self {
            region: self.region.or(file.region),
            endpoint_url: self.endpoint_url.or(file.endpoint_url),
            ssm_endpoint_url: self.ssm_endpoint_url.or(file.ssm_endpoint_url),
            kms_endpoint_url: self.kms_endpoint_url.or(file.kms_endpoint_url),
            path_style: self.path_style || file.path_style,
            dual_stack: self.dual_stack || file.dual_stack,
            ca_bundle: self.ca_bundle.or(file.ca_bundle),
            dns: if self.dns.is_empty() { file.dns } else { self.dns },
            credentials: source,
            credentials_fd: None,
            imds_endpoint: self.imds_endpoint.or(file.imds_endpoint),
            use_environment: self.use_environment || file.use_environment,
            retry_for: self.retry_for.or(file.retry_for),
        }
    }

    /// Checks what one value alone can be wrong in.
    ///
    /// # Errors
    /// When a value cannot be; the text says what to do.
    pub fn check(&self) -> Result<(), String> {
        match &self.region {
            Some(region) if !is_region(region) => Err(format!("--region is {region:?}; write one like eu-central-1")),
            _ if self.dual_stack && self.endpoint_url.is_some() => {
                Err("--dual-stack chooses an address and --endpoint-url names one; leave one of them out".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// What may stand in a host name as a region.
pub(crate) fn is_region(text: &str) -> bool {
    (2..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_of_credentials_are_read_and_written() {
        for text in ["environment", "fd:3", "ssm:/hozen/upload", "instance-role"] {
            let source: CredentialSource = text.parse().unwrap();
            assert_eq!(String::from(source), text);
        }
        for wrong in ["", "env", "fd:", "fd:-1", "fd:x", "ssm:", "ssm:name", "ssm:/", "presigned", "AKIA:secret"] {
            assert!(wrong.parse::<CredentialSource>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_hold_no_password() {
        assert_eq!("http://127.0.0.1:9000/".parse::<ImdsChoice>().unwrap(), ImdsChoice::At("http://127.0.0.1:9000".to_owned()));
        for wrong in ["", "127.0.0.1", "ftp://x", "https://", "https://user:pw@host", "http://a b", "https://h/?token=x"] {
            assert!(wrong.parse::<Endpoint>().is_err() && wrong.parse::<ImdsChoice>().is_err(), "{wrong}");
        }
        assert_eq!("10.0.0.2".parse::<NameServer>().unwrap().0.port(), 53);
        assert_eq!("[::1]:5353".parse::<NameServer>().unwrap().0.port(), 5353);
        assert!("ns.example".parse::<NameServer>().is_err());
    }

    #[test]
    fn the_command_line_goes_before_the_file() {
        let file = NetworkArgs { credentials: Some(CredentialSource::Environment), dual_stack: true, ..NetworkArgs::default() };
        let merged = NetworkArgs { credentials_fd: Some(3), ..NetworkArgs::default() }.over(file.clone());
        assert_eq!((merged.credentials, merged.dual_stack), (Some(CredentialSource::Descriptor(3)), true));
        assert_eq!(NetworkArgs::default().over(file).credentials, Some(CredentialSource::Environment));
        assert!(NetworkArgs { region: Some("EU".to_owned()), ..NetworkArgs::default() }.check().is_err());
    }
}
