//! One request: who, where, may they, what.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::address::Address;
use super::double::Options;
use super::operation::{Operation, unknown_header};
use super::receive::{Failed, Received, Terms, receive};
use super::state::{Bucket, World};
use super::{attributes, bucket, complete, delete, get, list, policy, put, upload, xml};
use crate::aws::access::Key;
use crate::aws::cloud::Cloud;
use crate::aws::refusal::Refusal;
use crate::aws::sigv4::{self, Realm, Signed};
use crate::serve::{Broken, Head, Reply, Request, Service, Step};

/// S3 as a service.
#[derive(Debug)]
pub struct S3 {
    pub(super) cloud: Arc<Cloud>,
    pub(super) options: Options,
    world: Mutex<World>,
}

/// A request that may go on: its signature is right and its operation is known.
pub(super) struct Call<'a> {
    pub(super) s3: &'a S3,
    pub(super) head: &'a Head,
    pub(super) address: Address,
    pub(super) operation: &'static Operation,
    pub(super) caller: Key,
    pub(super) now: Timestamp,
}

pub(super) type Answer = Result<Reply, Refusal>;

impl S3 {
    pub(super) fn new(cloud: Arc<Cloud>, options: Options) -> Self {
        Self { cloud, options, world: Mutex::default() }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it speaks TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.options.tls.is_some()
    }

    /// Notes that a client asked for something that this double does not do: a failed test.
    pub(super) fn complain(&self, text: String) {
        self.world().complaints.push(text);
    }

    async fn try_answer(&self, request: &mut Request) -> Result<Reply, Failed> {
        let address = Address::of(&request.head);
        let signed =
            sigv4::verify(&request.head, &self.cloud, Realm { service: "s3", region: &self.options.region, body: None })?;
        let operation = self.known(&request.head, &address)?;
        let (caller, now) = (signed.key.clone(), self.cloud.now());
        let call = Call { s3: self, head: &request.head, address, operation, caller, now };
        call.check()?;
        let terms = call.terms()?;
        let received = receive(call.head, &signed, &mut request.body, terms).await?;
        Ok(call.answer(received, &signed)?)
    }

    fn known(&self, head: &Head, address: &Address) -> Result<&'static Operation, Refusal> {
        let message = "A header you provided implies functionality that is not implemented";
        let refusal = Refusal::new(501, "NotImplemented", message);
        if let Some(header) = unknown_header(head) {
            self.complain(format!("{} {}: unknown header {header}", head.method, head.path));
            return Err(refusal.with("Header", header));
        }
        Operation::of(head, address).ok_or_else(|| {
            self.complain(format!("{} {}?{}: unknown operation", head.method, head.path, head.query));
            refusal
        })
    }

    /// Adds what every answer has.
    fn finish(&self, reply: Reply) -> Reply {
        let (id, host_id) = self.ids();
        reply
            .header("x-amz-request-id", id)
            .header("x-amz-id-2", host_id)
            .header("server", "AmazonS3")
            .header("date", self.date())
    }

    fn date(&self) -> String {
        self.cloud.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    fn ids(&self) -> (String, String) {
        let (id, host_id) = (self.cloud.new_id("request"), self.cloud.new_id("host"));
        (id.chars().filter(char::is_ascii_alphanumeric).take(16).collect::<String>().to_ascii_uppercase(), host_id)
    }

    fn refuse(&self, head: &Head, refusal: &Refusal) -> Reply {
        let (id, host_id) = self.ids();
        let region = refusal.more.iter().find(|(name, _)| name == "Region").map(|(_, region)| region.as_str());
        let marker = refusal.more.iter().any(|(name, _)| name == "DeleteMarker").then_some("true");
        let body = xml::error(refusal, &head.path, &id, &host_id);
        let reply = Reply::new(refusal.status).maybe("x-amz-bucket-region", region).maybe("x-amz-delete-marker", marker);
        let reply = reply.header("x-amz-request-id", id).header("x-amz-id-2", host_id).header("server", "AmazonS3");
        reply.header("date", self.date()).header("content-type", "application/xml").body(body)
    }
}

impl Call<'_> {
    /// Whether the bucket is there, here, its owner's, and whether the caller may do this with it.
    fn check(&self) -> Result<(), Refusal> {
        let world = self.s3.world();
        if self.operation.name == "CreateBucket" {
            return self.caller.must("s3:CreateBucket", &format!("arn:aws:s3:::{}", self.address.bucket));
        }
        let bucket = self.bucket(&world)?;
        if bucket.region != self.s3.options.region {
            return Err(elsewhere(bucket));
        }
        if self.head.header("x-amz-expected-bucket-owner").is_some_and(|owner| owner != bucket.owner) {
            return Err(Refusal::denied("Access Denied"));
        }
        if self.address.key.len() > 1024 {
            return Err(Refusal::new(400, "KeyTooLongError", "Your key is too long"));
        }
        self.caller.must(self.operation.action(self.head), &bucket.arn(&self.address.key))?;
        policy::check(self, bucket)
    }

    pub(super) fn bucket<'w>(&self, world: &'w World) -> Result<&'w Bucket, Refusal> {
        world.buckets.get(&self.address.bucket).ok_or_else(|| no_such_bucket(&self.address.bucket))
    }

    pub(super) fn bucket_mut<'w>(&self, world: &'w mut World) -> Result<&'w mut Bucket, Refusal> {
        world.buckets.get_mut(&self.address.bucket).ok_or_else(|| no_such_bucket(&self.address.bucket))
    }

    /// What is to be done with the body; refuses what can be refused before it comes.
    fn terms(&self) -> Result<Terms, Refusal> {
        match self.operation.name {
            "PutObject" => put::terms(self),
            "UploadPart" => upload::terms(self),
            name => Ok(Terms { keep: 4 << 20, md5_tag: false, otherwise: None, is_of_body: name != "CompleteMultipartUpload" }),
        }
    }

    fn answer(&self, received: Received, signed: &Signed) -> Answer {
        let body = received.part.data.clone().unwrap_or_default();
        match self.operation.name {
            "PutObject" => put::put(self, received),
            "CreateMultipartUpload" => upload::create(self),
            "UploadPart" => upload::part(self, received),
            "CompleteMultipartUpload" => complete::complete(self, &body),
            "AbortMultipartUpload" => upload::abort(self),
            "ListParts" => list::parts(self),
            "ListMultipartUploads" => list::uploads(self),
            "ListObjectsV2" => list::objects(self),
            "ListObjectVersions" => list::versions(self),
            "GetObject" | "HeadObject" => get::get(self),
            "GetObjectAttributes" => attributes::attributes(self),
            "DeleteObject" => delete::delete(self),
            _ => bucket::answer(self, &body, signed),
        }
    }

    /// A parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        self.head.parameter(name)
    }

    /// Whether the caller asks for governance to be bypassed, and may.
    pub(super) fn bypasses(&self, bucket: &Bucket) -> Result<bool, Refusal> {
        let asked = self.head.header("x-amz-bypass-governance-retention").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if asked {
            self.caller.must("s3:BypassGovernanceRetention", &bucket.arn(&self.address.key))?;
        }
        Ok(asked)
    }
}

fn no_such_bucket(name: &str) -> Refusal {
    Refusal::new(404, "NoSuchBucket", "The specified bucket does not exist").with("BucketName", name)
}

fn elsewhere(bucket: &Bucket) -> Refusal {
    let message = "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.";
    Refusal::new(301, "PermanentRedirect", message)
        .with("Endpoint", format!("{}.s3.{}.amazonaws.com", bucket.name, bucket.region))
        .with("Bucket", bucket.name.as_str())
        .with("Region", bucket.region.as_str())
}

impl Service for S3 {
    fn operation(&self, head: &Head) -> String {
        Operation::of(head, &Address::of(head)).map_or("Unknown", |operation| operation.name).to_owned()
    }

    async fn answer(&self, request: &mut Request) -> Result<Reply, Broken> {
        match self.try_answer(request).await {
            Ok(reply) => Ok(self.finish(reply)),
            Err(Failed::Broken) => Err(Broken),
            Err(Failed::Refused(refusal)) => {
                // So that a client that is still sending reads the answer and not a reset.
                while request.body.next().await?.is_some() {}
                Ok(self.refuse(&request.head, &refusal))
            }
        }
    }

    fn refusal(&self, head: &Head, status: u16, code: &str) -> Reply {
        let message = match code {
            "SlowDown" => "Please reduce your request rate.",
            "InternalError" => "We encountered an internal error. Please try again.",
            "ExpiredToken" => "The provided token has expired.",
            "RequestTimeTooSkewed" => {
                return self.refuse(head, &sigv4::skewed(head.header("x-amz-date").unwrap_or_default(), self.cloud.now()));
            }
            "ConditionalRequestConflict" => {
                "The conditional request cannot succeed due to a conflicting operation against this resource."
            }
            other => other,
        };
        self.refuse(head, &Refusal::new(status, code, message))
    }

    fn late_refusal(&self, _: &str, code: &str) -> Option<Reply> {
        let refusal = Refusal::new(200, code, "We encountered an internal error. Please try again.");
        let (id, host_id) = self.ids();
        let body = xml::error(&refusal, "", &id, &host_id);
        Some(self.finish(Reply::new(200)).header("content-type", "application/xml").body(body))
    }

    fn spoil(&self, reply: &mut Reply) -> bool {
        let is_checksum = |name: &str| {
            name.starts_with("x-amz-checksum-") && !["x-amz-checksum-type", "x-amz-checksum-algorithm"].contains(&name)
        };
        if let Some((_, value)) = reply.headers.iter_mut().find(|(name, _)| is_checksum(name)) {
            *value = changed(value);
            return true;
        }
        reply.body.iter_mut().any(spoil_element)
    }
}

/// Changes the value of the first element `ChecksumSHA256` or the like in these bytes.
fn spoil_element(step: &mut Step) -> bool {
    let Step::Bytes(bytes) = step else { return false };
    let text = String::from_utf8_lossy(bytes).into_owned();
    let is_value = |at: &usize| {
        super::checksum::ALL
            .iter()
            .any(|algorithm| text.get(*at..).is_some_and(|rest| rest.starts_with(&format!("<{}>", algorithm.element()))))
    };
    let Some(at) = text.match_indices("<Checksum").map(|(at, _)| at).find(is_value) else { return false };
    let Some(start) = text.get(at..).and_then(|rest| rest.find('>')).map(|length| at + length + 1) else { return false };
    let (before, after) = text.split_at(start);
    *bytes = format!("{before}{}", changed(after)).into();
    true
}

/// The same base64 with another first character.
fn changed(text: &str) -> String {
    let first = if text.starts_with('A') { "B" } else { "A" };
    format!("{first}{}", text.get(1..).unwrap_or_default())
}
