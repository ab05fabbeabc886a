//! A double of the instance metadata service, version 2 only. Reference: "Use the Instance Metadata Service" in the EC2 User Guide.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::access::Key;
use super::cloud::{ACCOUNT, Cloud, REGION};
use super::identity::Signer;
use crate::serve::{Broken, Double, Head, Reply, Request, Service};

/// The longest life of a token: six hours, in seconds.
const MAX_TTL: i64 = 21_600;
const TOKEN: &str = "/latest/api/token";

/// The metadata of one instance.
#[derive(Debug)]
pub struct Imds {
    cloud: Arc<Cloud>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    leaves: BTreeMap<String, String>,
    tokens: BTreeMap<String, Timestamp>,
    is_disabled: bool,
}

/// The double.
pub type ImdsDouble = Double<Imds>;

/// Starts one for `i-0123456789abcdef0`, with its identity document signed by `signer` and tags `case` and `Name`, but without a role.
#[must_use]
pub fn start(cloud: &Arc<Cloud>, signer: &Signer) -> ImdsDouble {
    let imds = Imds { cloud: Arc::clone(cloud), state: Mutex::default() };
    for (path, value) in LEAVES {
        imds.set(&format!("meta-data/{path}"), value);
    }
    imds.set("meta-data/placement/region", REGION);
    imds.set("meta-data/placement/availability-zone", &format!("{REGION}a"));
    imds.set("user-data", "#!/bin/sh\necho password=hunter2\n");
    let document = document();
    let signatures = signer.sign(&document);
    for (name, value) in
        [("document", &document), ("signature", &signatures.raw), ("pkcs7", &signatures.pkcs7), ("rsa2048", &signatures.rsa2048)]
    {
        imds.set(&format!("dynamic/instance-identity/{name}"), value);
    }
    Double::serve(imds, 0, None)
}

/// What a plain instance has.
const LEAVES: &[(&str, &str)] = &[
    ("ami-id", "ami-0abcdef1234567890"),
    ("instance-id", "i-0123456789abcdef0"),
    ("instance-type", "m7i.large"),
    ("hostname", "ip-10-0-0-10.eu-central-1.compute.internal"),
    ("local-hostname", "ip-10-0-0-10.eu-central-1.compute.internal"),
    ("local-ipv4", "10.0.0.10"),
    ("public-ipv4", "203.0.113.10"),
    ("public-keys/0/openssh-key", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample my-key"),
    ("mac", "02:00:00:00:00:01"),
    ("system", "nitro"),
    ("security-groups", "web\nssh"),
    ("services/domain", "amazonaws.com"),
    ("services/partition", "aws"),
    ("block-device-mapping/ami", "/dev/xvda"),
    ("block-device-mapping/root", "/dev/xvda"),
    ("events/maintenance/scheduled", "[]"),
    ("network/interfaces/macs/02:00:00:00:00:01/vpc-id", "vpc-0123456789abcdef0"),
    ("network/interfaces/macs/02:00:00:00:00:01/subnet-id", "subnet-0123456789abcdef0"),
    ("network/interfaces/macs/02:00:00:00:00:01/owner-id", ACCOUNT),
    ("tags/instance/Name", "web-1"),
    ("tags/instance/case", "TEST-1"),
    ("identity-credentials/ec2/security-credentials/ec2-instance", "{\"SecretAccessKey\": \"never-to-be-read\"}"),
];

fn document() -> String {
    let value = json!({
        "accountId": ACCOUNT, "architecture": "x86_64", "availabilityZone": format!("{REGION}a"), "billingProducts": null,
        "devpayProductCodes": null, "marketplaceProductCodes": null, "imageId": "ami-0abcdef1234567890",
        "instanceId": "i-0123456789abcdef0", "instanceType": "m7i.large", "kernelId": null, "ramdiskId": null,
        "pendingTime": "2026-11-20T08:00:00Z", "privateIp": "10.0.0.10", "region": REGION, "version": "2017-09-30",
    });
    serde_json::to_string_pretty(&value).expect("a document")
}

impl Imds {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what a path below `/latest/` gives.
    pub fn set(&self, path: &str, value: &str) {
        self.locked().leaves.insert(path.to_owned(), value.to_owned());
    }

    /// Takes a path away.
    pub fn remove(&self, path: &str) {
        self.locked().leaves.remove(path);
    }

    /// Gives the instance a role with these credentials, or newer ones. The key must be in the account to be of use.
    pub fn set_role(&self, role: &str, key: &Key) {
        let end = key.expires.unwrap_or_else(|| self.cloud.now() + SignedDuration::from_hours(6));
        let value = json!({
            "Code": "Success", "LastUpdated": iso(self.cloud.now()), "Type": "AWS-HMAC", "AccessKeyId": key.id,
            "SecretAccessKey": key.secret, "Token": key.token, "Expiration": iso(end),
        });
        let profile = json!({
            "Code": "Success", "LastUpdated": iso(self.cloud.now()), "InstanceProfileId": "AIPAEXAMPLE",
            "InstanceProfileArn": format!("arn:aws:iam::{ACCOUNT}:instance-profile/{role}"),
        });
        self.set(&format!("meta-data/iam/security-credentials/{role}"), &value.to_string());
        self.set("meta-data/iam/info", &profile.to_string());
    }

    /// Switches the service off, as `HttpEndpoint=disabled` does.
    pub fn disable(&self) {
        self.locked().is_disabled = true;
    }

    fn token(&self, head: &Head) -> Reply {
        if head.header("x-forwarded-for").is_some() {
            return Reply::new(403);
        }
        let ttl = head.header("x-aws-ec2-metadata-token-ttl-seconds").and_then(|text| text.parse().ok());
        let Some(ttl) = ttl.filter(|ttl| (1..=MAX_TTL).contains(ttl)) else { return Reply::new(400) };
        let token = self.cloud.new_id("token");
        self.locked().tokens.insert(token.clone(), self.cloud.now() + SignedDuration::from_secs(ttl));
        Reply::new(200).header("x-aws-ec2-metadata-token-ttl-seconds", ttl.to_string()).body(token)
    }

    fn read(&self, head: &Head) -> Reply {
        let state = self.locked();
        let token = head.header("x-aws-ec2-metadata-token").and_then(|token| state.tokens.get(token));
        if token.is_none_or(|end| *end <= self.cloud.now()) {
            return Reply::new(401).header("content-type", "text/html").body("Unauthorized");
        }
        let path = head.path.strip_prefix("/latest/").unwrap_or_default();
        let path = path.trim_end_matches('/');
        if let Some(value) = state.leaves.get(path) {
            return Reply::new(200).header("content-type", "text/plain").body(value.clone());
        }
        let listing = listing(&state.leaves, path);
        if listing.is_empty() { Reply::new(404) } else { Reply::new(200).header("content-type", "text/plain").body(listing) }
    }
}

/// The names below a path, one a line; folders end with a slash, but for keys of SSH, which have a number and a name instead.
fn listing(leaves: &BTreeMap<String, String>, path: &str) -> String {
    let below = leaves.keys().filter_map(|name| name.strip_prefix(path)?.strip_prefix('/'));
    let folder = |first: &str| if path.ends_with("/public-keys") { format!("{first}=my-key") } else { format!("{first}/") };
    let names: BTreeSet<String> =
        below.map(|rest| rest.split_once('/').map_or(rest.to_owned(), |(first, _)| folder(first))).collect();
    names.into_iter().collect::<Vec<_>>().join("\n")
}

fn iso(time: Timestamp) -> String {
    time.strftime("%FT%TZ").to_string()
}

impl Double<Imds> {
    /// The paths that were read, each once.
    #[must_use]
    pub fn paths_read(&self) -> BTreeSet<String> {
        let entries = self.journal().into_iter().filter(|entry| entry.head.method == "GET");
        entries.map(|entry| entry.head.path).collect()
    }
}

impl Service for Imds {
    fn operation(&self, head: &Head) -> String {
        if head.path == TOKEN { "token".to_owned() } else { head.path.clone() }
    }

    async fn answer(&self, request: &mut Request) -> Result<Reply, Broken> {
        let head = &request.head;
        let reply = match head.method.as_str() {
            _ if self.locked().is_disabled => Reply::new(403),
            "PUT" if head.path == TOKEN => self.token(head),
            "GET" | "HEAD" => self.read(head),
            _ => Reply::new(405),
        };
        Ok(reply.header("server", "EC2ws"))
    }

    fn refusal(&self, _head: &Head, status: u16, _code: &str) -> Reply {
        Reply::new(status).header("server", "EC2ws")
    }
}
