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
/// Bytes that a signed statement may have, which is kept whole or not at all. Those of AWS have less than 4 KiB.
const MOST_SIGNED: usize = 64 << 10;
/// Bytes of all that is kept. Verifiers read 4 MiB of a begin record, which holds this as JSON in base64.
const MOST_BYTES: usize = 1 << 20;
/// Bytes of what says what is missing, on top of that.
const MOST_MISSING: usize = 64 << 10;
/// Names of roles that are kept, and their bytes. An instance has one role, whose name has 64 characters at most.
const MOST_ROLES: usize = 16;
const MOST_ROLE: usize = 256;
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
    let mut asking = Asking { imds: network.imds()?, until: Instant::now() + TIME, kept: Kept::default() };
    network.block_on(asking.everything());
    let instance = asking.kept.instance;
    let document = instance.signed.get("document").and_then(|text| STANDARD.decode(text).ok());
    let document =
        document.and_then(|bytes| String::from_utf8(bytes).ok()).map(|text| Document::parse(&text)).unwrap_or_default();
    Some((instance, document))
}

struct Asking {
    imds: Client,
    until: Instant,
    kept: Kept,
}

/// What is kept of the answers, within bounds: whoever answers here may be the host.
struct Kept {
    instance: Instance,
    /// Bytes that there is still room for.
    room: usize,
    /// The same of what says what is missing.
    room_missing: usize,
}

impl Default for Kept {
    fn default() -> Self {
        Self { instance: Instance::default(), room: MOST_BYTES, room_missing: MOST_MISSING }
    }
}

impl Kept {
    fn signed(&mut self, name: &str, text: &str) {
        let path = format!("dynamic/instance-identity/{name}");
        if text.len() > MOST_SIGNED {
            self.missing(&path, &format!("it has {} bytes, and {MOST_SIGNED} are kept at most", text.len()));
            return;
        }
        let text = STANDARD.encode(text);
        if self.has_room(&path, text.len()) {
            self.instance.signed.insert(name.to_owned(), text);
        }
    }

    fn metadata(&mut self, path: String, text: &str) {
        let text = escape::bytes(text.as_bytes());
        if text.len() > LIMIT {
            self.missing(&path, &format!("only its beginning is kept, of {} bytes", text.len()));
        }
        let text = escape::clipped(text, LIMIT);
        if self.has_room(&path, path.len().saturating_add(text.len())) {
            self.instance.metadata.insert(path, text);
        }
    }

    fn roles(&mut self, names: &str) {
        let name = |name: &str| escape::clipped(escape::bytes(name.as_bytes()), MOST_ROLE);
        self.instance.roles = names.lines().map(name).take(MOST_ROLES).collect();
        let more = names.lines().skip(MOST_ROLES).count();
        if more > 0 {
            self.missing(&format!("meta-data/{ROLES}"), &format!("{more} more names than the {MOST_ROLES} that are kept"));
        }
    }

    /// Takes these bytes of the room for the answer at `path`, or says that it is missing.
    fn has_room(&mut self, path: &str, bytes: usize) -> bool {
        let Some(room) = self.room.checked_sub(bytes) else {
            self.missing(path, &format!("more than the {MOST_BYTES} bytes that are kept of all"));
            return false;
        };
        self.room = room;
        true
    }

    fn missing(&mut self, path: &str, why: &str) {
        let (path, why) = (escape::clipped(path.to_owned(), 512), escape::clipped(why.to_owned(), 1024));
        let (path, why) = match self.room_missing.checked_sub(path.len().saturating_add(why.len())) {
            Some(room) => {
                self.room_missing = room;
                (path, why)
            }
            None => ("…".to_owned(), "more is missing than there is room for".to_owned()),
        };
        self.instance.missing.insert(path, why);
    }
}

impl Asking {
    async fn everything(&mut self) {
        for name in SIGNED {
            if let Some(text) = self.get(&format!("dynamic/instance-identity/{name}")).await {
                self.kept.signed(name, &text);
            }
        }
        for path in METADATA {
            self.below(path).await;
        }
        if let Some(names) = self.get(&format!("meta-data/{ROLES}")).await {
            self.kept.roles(&names);
        }
        if let Some(data) = self.get("user-data").await.map(Zeroizing::new) {
            let size = u64::try_from(data.len()).unwrap_or(u64::MAX);
            self.kept.instance.user_data = Some(UserData { size, sha256: Digest::of(data.as_bytes()) });
        }
    }

    /// Keeps `path` of the metadata, or all that is below it where it is a folder.
    async fn below(&mut self, path: &str) {
        let mut waiting = vec![path.to_owned()];
        while let Some(path) = waiting.pop() {
            if self.kept.instance.metadata.len() >= MOST {
                self.kept.missing(&path, &format!("more than {MOST} metadata"));
                return;
            }
            let Some(text) = self.get(&format!("meta-data/{path}")).await else { continue };
            if path.ends_with('/') {
                waiting.extend(text.lines().filter(|name| is_name(name)).take(MOST).map(|name| format!("{path}{}", entry(name))));
            } else {
                self.kept.metadata(path, &text);
            }
        }
    }

    /// The text at `path`; where there is none that is no gap, where it cannot be had the reason is kept.
    async fn get(&mut self, path: &str) -> Option<String> {
        if Instant::now() >= self.until {
            self.kept.missing(path, "out of time");
            return None;
        }
        match self.imds.get(format!("/latest/{path}")).await {
            Ok(text) => Some(text.into()),
            Err(error) if is_absent(&error) => None,
            Err(error) => {
                self.kept.missing(path, &words::chain(&error));
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

    #[test]
    fn ordinary_answers_are_kept_whole() {
        let mut kept = Kept::default();
        kept.signed("document", "{}");
        kept.metadata("mac".to_owned(), "0a:00");
        kept.roles("one\ntwo");
        assert_eq!((kept.instance.signed["document"].as_str(), kept.instance.metadata["mac"].as_str()), ("e30=", "0a:00"));
        assert_eq!((kept.instance.roles, kept.instance.missing.len()), (vec!["one".to_owned(), "two".to_owned()], 0));
    }

    /// Whatever answers in the place of the metadata, verifiers read the begin record.
    #[test]
    fn no_answer_makes_the_record_too_long() {
        let mut kept = Kept::default();
        let long = "\\".repeat(256 << 10);
        for name in SIGNED {
            kept.signed(name, long.get(..MOST_SIGNED + usize::from(name == "pkcs7")).unwrap());
        }
        kept.roles(&format!("{long}\n").repeat(20));
        (0..200).for_each(|n| kept.metadata(format!("tags/{n}/{}", "\"".repeat(2_000)), &long));
        (0..200).for_each(|n| kept.missing(&format!("{n}/{}", "\"".repeat(2_000)), &long));
        let instance = kept.instance;
        assert_eq!((instance.signed.len(), instance.roles.len()), (3, MOST_ROLES));
        assert!(
            instance.missing["dynamic/instance-identity/pkcs7"].contains("65537 bytes") && instance.missing.contains_key("…")
        );
        let bytes = hozen_collector::model::canonical::to_bytes(&instance).unwrap().len();
        assert!(bytes < 5 << 19, "{bytes}");
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in any::<String>()) {
            let document = Document::parse(&text);
            prop_assert!(document.account_id.is_none_or(|id| id.len() == 12));
        }
    }
}
