//! Which instance this is, as its metadata say and AWS signs it.
//!
//! The identity document and its signatures tie the evidence to an instance, an account and a region for whoever trusts AWS; they
//! carry no date and no nonce, so they show that somebody once had this host's metadata, not that it was now. They are kept
//! verbatim in the begin record, which is locked before anything is read.
//!
//! **Invariant:** only paths of the list are asked for. The credentials of a role are below none of them.

use std::time::{Duration, Instant};

use aws_config::imds::Client;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hozen_collector::model::record::{Instance, UserData};
use hozen_collector::model::{Digest, escape};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Network, words};

/// Signed statements, kept verbatim.
const SIGNED: [&str; 4] = ["document", "signature", "pkcs7", "rsa2048"];
/// Metadata to keep; those that end with a slash with all that is below.
const METADATA: [&str; 26] = [
    "ami-id",
    "ami-launch-index",
    "ami-manifest-path",
    "autoscaling/",
    "block-device-mapping/",
    "events/",
    "hostname",
    "iam/info",
    "instance-action",
    "instance-id",
    "instance-life-cycle",
    "instance-type",
    "ipv6",
    "local-hostname",
    "local-ipv4",
    "mac",
    "network/",
    "placement/",
    "public-hostname",
    "public-ipv4",
    "public-keys/",
    "reservation-id",
    "security-groups",
    "services/",
    "system",
    "tags/instance/",
];
/// The names of the roles whose credentials there are; what is below each is never asked for.
const ROLES: &str = "iam/security-credentials/";
/// Metadata that are kept, at most.
const MOST: usize = 400;
/// Bytes of one of them that are kept.
const LIMIT: usize = 16 << 10;
/// What all of it may take: it stands before everything that is read.
const TIME: Duration = Duration::from_secs(5);

/// What the signed document says that we need.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Document {
    /// The account that the instance belongs to.
    pub account_id: Option<String>,
    /// The instance.
    pub instance_id: Option<String>,
    /// Its region.
    pub region: Option<String>,
}

impl Document {
    /// Reads the document. Any member that is not what it should be is absent.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let document: Self = serde_json::from_str(text).unwrap_or_default();
        let account = |id: &String| id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit());
        let instance =
            |id: &String| id.starts_with("i-") && id.len() <= 32 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        Self {
            account_id: document.account_id.filter(account),
            instance_id: document.instance_id.filter(instance),
            region: document.region.filter(|region| super::options::is_region(region)),
        }
    }
}

/// The region of the instance, where its metadata say one.
pub(super) async fn region(imds: &Client) -> Option<String> {
    let answer = imds.get("/latest/meta-data/placement/region").await.ok()?;
    Some(answer.as_ref().trim().to_owned())
}

/// Asks for everything on the list. `None` where the metadata are not to be asked; what is refused is named in the record.
#[must_use]
pub fn read(network: &Network) -> Option<(Instance, Document)> {
    let mut asking = Asking { imds: network.imds()?, until: Instant::now() + TIME, instance: Instance::default() };
    network.block_on(asking.everything());
    let document = asking.instance.signed.get("document").and_then(|text| STANDARD.decode(text).ok());
    let document =
        document.and_then(|bytes| String::from_utf8(bytes).ok()).map(|text| Document::parse(&text)).unwrap_or_default();
    Some((asking.instance, document))
}

struct Asking {
    imds: Client,
    until: Instant,
    instance: Instance,
}

impl Asking {
    async fn everything(&mut self) {
        for name in SIGNED {
            if let Some(text) = self.get(&format!("dynamic/instance-identity/{name}")).await {
                self.instance.signed.insert(name.to_owned(), STANDARD.encode(&text));
            }
        }
        for path in METADATA {
            self.below(path).await;
        }
        if let Some(names) = self.get(&format!("meta-data/{ROLES}")).await {
            self.instance.roles = names.lines().map(|name| escape::bytes(name.as_bytes())).take(16).collect();
        }
        if let Some(data) = self.get("user-data").await.map(Zeroizing::new) {
            let size = u64::try_from(data.len()).unwrap_or(u64::MAX);
            self.instance.user_data = Some(UserData { size, sha256: Digest::of(data.as_bytes()) });
        }
    }

    /// Keeps `path` of the metadata, or all that is below it where it is a folder.
    async fn below(&mut self, path: &str) {
        let mut waiting = vec![path.to_owned()];
        while let Some(path) = waiting.pop() {
            if self.instance.metadata.len() >= MOST {
                self.instance.missing.insert(path, format!("more than {MOST} metadata"));
                return;
            }
            let Some(text) = self.get(&format!("meta-data/{path}")).await else { continue };
            if path.ends_with('/') {
                waiting.extend(text.lines().filter(|name| is_name(name)).take(MOST).map(|name| format!("{path}{}", entry(name))));
            } else {
                let kept: String = text.chars().take(LIMIT).collect();
                self.instance.metadata.insert(path, escape::bytes(kept.as_bytes()));
            }
        }
    }

    /// The text at `path`; where there is none that is no gap, where it cannot be had the reason is kept.
    async fn get(&mut self, path: &str) -> Option<String> {
        if Instant::now() >= self.until {
            self.instance.missing.insert(path.to_owned(), "out of time".to_owned());
            return None;
        }
        match self.imds.get(format!("/latest/{path}")).await {
            Ok(text) => Some(text.into()),
            Err(error) if is_absent(&error) => None,
            Err(error) => {
                self.instance.missing.insert(path.to_owned(), words::chain(&error));
                None
            }
        }
    }
}

/// The path below its folder that a line of a listing stands for: `0=name` of a key list is `0/`.
fn entry(line: &str) -> String {
    line.split_once('=').map_or_else(|| line.to_owned(), |(number, _)| format!("{number}/"))
}

/// A line of a listing that can be a path: whoever answers here may be the host.
fn is_name(line: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !b"?#%\\".contains(&b);
    !line.is_empty() && line.len() <= 256 && line.bytes().all(plain) && !line.split('/').any(|part| matches!(part, "." | ".."))
}

fn is_absent(error: &aws_config::imds::client::error::ImdsError) -> bool {
    use aws_config::imds::client::error::ImdsError;
    matches!(error, ImdsError::ErrorResponse(response) if response.response().status().as_u16() == 404)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_path_of_the_list_leads_to_credentials() {
        for path in METADATA {
            assert!(!path.starts_with("iam/security") && !path.starts_with("identity-credentials") && path != "iam/", "{path}");
        }
        assert!(!is_name("../iam/security-credentials/role") && !is_name("a/../../x") && !is_name("") && !is_name("a b"));
        assert_eq!((entry("0=my-key"), entry("mac")), ("0/".to_owned(), "mac".to_owned()));
    }

    #[test]
    fn a_document_that_lies_about_its_form_says_nothing() {
        let good = r#"{"accountId":"123456789012","instanceId":"i-0123456789abcdef0","region":"eu-central-1","x":1}"#;
        assert_eq!(Document::parse(good).account_id.as_deref(), Some("123456789012"));
        let bad = Document::parse(r#"{"accountId":"../../etc","instanceId":"i-/../x","region":"EU"}"#);
        assert_eq!(bad, Document::default());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in any::<String>()) {
            let document = Document::parse(&text);
            prop_assert!(document.account_id.is_none_or(|id| id.len() == 12));
        }
    }
}
