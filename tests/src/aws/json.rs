//! Services that speak JSON 1.1: SSM and KMS.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::access::Key;
use super::canonical::hex;
use super::cloud::{Cloud, REGION};
use super::refusal::Refusal;
use super::sigv4::{self, Realm};
use crate::serve::{Broken, Head, Reply, Request, Service};

/// The longest body that is read.
const MAX_BODY: usize = 1 << 20;

/// One service that speaks JSON.
pub trait Api: Send + Sync + 'static {
    /// Its name in signatures, such as `ssm`.
    const SERVICE: &'static str;
    /// What `x-amz-target` begins with, such as `AmazonSSM`.
    const TARGET: &'static str;
    /// Its operations and the members that their input can have.
    const OPERATIONS: &'static [(&'static str, &'static [&'static str])];

    /// Answers a request whose signature is right and whose operation and members are known.
    ///
    /// # Errors
    /// With this service's code for what is wrong.
    fn call(&self, cloud: &Cloud, caller: &Key, operation: &str, input: &Value) -> Result<Value, Refusal>;
}

/// Such a service behind HTTP.
#[derive(Debug)]
pub struct Json<A> {
    api: A,
    cloud: Arc<Cloud>,
    complaints: Mutex<Vec<String>>,
}

impl<A: Api> Json<A> {
    /// The service of an account.
    pub fn new(cloud: &Arc<Cloud>, api: A) -> Self {
        Self { api, cloud: Arc::clone(cloud), complaints: Mutex::default() }
    }

    /// What it answers with.
    pub fn api(&self) -> &A {
        &self.api
    }

    /// What clients asked for that the double does not know; then the list is empty again.
    pub fn take_complaints(&self) -> Vec<String> {
        std::mem::take(&mut *self.complaints.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn complain(&self, text: &str) -> Refusal {
        self.complaints.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
        Refusal::new(400, "UnknownOperationException", text)
    }

    fn try_answer(&self, operation: &str, head: &Head, body: &[u8]) -> Result<Value, Refusal> {
        let digest = hex(&Sha256::digest(body));
        if head.header("x-amz-content-sha256").is_some_and(|stated| stated != digest) {
            return Err(Refusal::new(403, "SignatureDoesNotMatch", "The body is not what was signed."));
        }
        let realm = Realm { service: A::SERVICE, region: REGION, body: Some(&digest) };
        let signed = sigv4::verify(head, &self.cloud, realm).map_err(translated)?;
        let known = A::OPERATIONS.iter().find(|(name, _)| *name == operation);
        let (_, members) = known.ok_or_else(|| self.complain(&format!("unknown operation {operation}")))?;
        let input: Value = serde_json::from_slice(body).map_err(|_| Refusal::new(400, "SerializationException", "not JSON"))?;
        let names: BTreeSet<&str> = input.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        if let Some(name) = names.iter().find(|name| !members.contains(name)) {
            return Err(self.complain(&format!("{operation}: unknown member {name}")));
        }
        self.api.call(&self.cloud, &signed.key, operation, &input).map_err(translated)
    }

    fn reply(&self, status: u16, value: &Value) -> Reply {
        let date = self.cloud.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let reply = Reply::new(status).header("content-type", "application/x-amz-json-1.1").header("date", date);
        reply.header("x-amzn-requestid", self.cloud.new_id("request")).body(value.to_string())
    }
}

/// S3's codes as these services name them.
fn translated(refusal: Refusal) -> Refusal {
    let code = match refusal.code.as_str() {
        "InvalidAccessKeyId" | "InvalidToken" => "UnrecognizedClientException",
        "SignatureDoesNotMatch" | "RequestTimeTooSkewed" | "AuthorizationHeaderMalformed" => "InvalidSignatureException",
        "ExpiredToken" => "ExpiredTokenException",
        "AccessDenied" if refusal.message == "Access Denied" => "MissingAuthenticationTokenException",
        "AccessDenied" => "AccessDeniedException",
        _ => return refusal,
    };
    Refusal { status: 400, code: code.to_owned(), ..refusal }
}

/// A member of an input that is a text.
pub(super) fn text<'v>(input: &'v Value, name: &str) -> Result<&'v str, Refusal> {
    let missing = || {
        Refusal::new(
            400,
            "ValidationException",
            format!("Value at '{name}' failed to satisfy constraint: Member must not be null"),
        )
    };
    input.get(name).and_then(Value::as_str).ok_or_else(missing)
}

impl<A: Api> Service for Json<A> {
    fn operation(&self, head: &Head) -> String {
        let target = head.header("x-amz-target").unwrap_or_default();
        target.strip_prefix(A::TARGET).and_then(|rest| rest.strip_prefix('.')).unwrap_or("Unknown").to_owned()
    }

    async fn answer(&self, request: &mut Request) -> Result<Reply, Broken> {
        let mut body = Vec::new();
        while let Some(bytes) = request.body.next().await? {
            if body.len() + bytes.len() > MAX_BODY {
                return Err(Broken);
            }
            body.extend_from_slice(&bytes);
        }
        Ok(match self.try_answer(&request.operation, &request.head, &body) {
            Ok(value) => self.reply(200, &value),
            Err(refusal) => self.reply(refusal.status, &json!({"__type": refusal.code, "message": refusal.message})),
        })
    }

    fn refusal(&self, _head: &Head, status: u16, code: &str) -> Reply {
        let message = if code == "ThrottlingException" { "Rate exceeded" } else { code };
        self.reply(status, &json!({"__type": code, "message": message}))
    }
}
