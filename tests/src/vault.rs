//! A locked bucket with KMS beside it, and whoever has to do with it: each with the actions of their policy in
//! `packaging/cloudformation`, and no others.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::SignedDuration;
use nix::unistd::geteuid;
use serde_json::Value;

use crate::agent::{Agent, Finished};
use crate::aws::access::Key;
use crate::aws::cloud::{ACCOUNT, Cloud, REGION};
use crate::aws::kms::{self, KmsDouble};
use crate::s3::{Bucket, Options, S3Double, Version};

/// The bucket.
pub const BUCKET: &str = "evidence";
/// Where runs go.
pub const TO: &str = "s3://evidence/cases";

/// Who.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Writes evidence.
    Writer,
    /// Verifies it.
    Reader,
    /// Seals it.
    Sealer,
    /// Completes what a dead host left.
    Salvager,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Writer, Self::Reader, Self::Sealer, Self::Salvager];

    /// The file of its policy.
    #[must_use]
    pub fn file(self) -> &'static str {
        match self {
            Self::Writer => "writer-role.json",
            Self::Reader => "reader-role.json",
            Self::Sealer => "sealer-role.json",
            Self::Salvager => "salvager-role.json",
        }
    }

    /// The id of its access key.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Writer => "ASIAWRITER",
            Self::Reader => "ASIAREADER",
            Self::Sealer => "ASIASEALER",
            Self::Salvager => "ASIASALVAGER",
        }
    }

    /// Its credentials, as Run Command gives them.
    #[must_use]
    pub fn environment(self) -> [(&'static str, String); 3] {
        let id = self.id().to_owned();
        [("SSM_AWS_ACCESS_KEY_ID", id), ("SSM_AWS_SECRET_ACCESS_KEY", self.secret()), ("SSM_AWS_SESSION_TOKEN", self.token())]
    }

    fn secret(self) -> String {
        format!("secret-of-{}-0123456789", self.id())
    }

    fn token(self) -> String {
        format!("token-{}", self.id())
    }

    /// What its policy allows.
    #[must_use]
    pub fn actions(self) -> BTreeSet<String> {
        actions(&policy(self.file()))
    }
}

/// The folder of the policies.
#[must_use]
pub fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/cloudformation")
}

/// A policy.
///
/// # Panics
/// When it is not there, or no JSON.
#[must_use]
pub fn policy(file: &str) -> Value {
    let path = policies().join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The actions of all its statements that allow.
#[must_use]
pub fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy.get("Statement").and_then(Value::as_array).into_iter().flatten();
    let allowed = statements.filter(|statement| statement.get("Effect").and_then(Value::as_str) == Some("Allow"));
    let list = |value: &Value| -> Vec<String> {
        let items = value.as_array().map_or_else(|| vec![value.clone()], Clone::clone);
        items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    allowed.flat_map(|statement| statement.get("Action").map(list).unwrap_or_default()).collect()
}

/// The bucket and all around it.
#[derive(Debug)]
pub struct Vault {
    /// The account.
    pub cloud: Arc<Cloud>,
    /// S3.
    pub s3: S3Double,
    /// KMS.
    pub kms: KmsDouble,
}

impl Vault {
    /// With a locked bucket without a default retention.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Options::default(), Bucket::new(BUCKET).locked(None))
    }

    /// With this bucket.
    #[must_use]
    pub fn with(options: Options, bucket: Bucket) -> Self {
        let cloud = Cloud::new();
        let (s3, kms) = (S3Double::start(&cloud, options), kms::start(&cloud));
        s3.add_bucket(bucket);
        let vault = Self { cloud, s3, kms };
        Role::ALL.into_iter().for_each(|role| vault.allow(role, &role.actions()));
        vault
    }

    /// Replaces what a role may do.
    pub fn allow(&self, role: Role, actions: &BTreeSet<String>) {
        let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
        self.cloud.add_key(Key::new(role.id(), &role.secret(), &actions).session(&role.token(), None));
    }

    /// Takes one action from a role.
    pub fn deny(&self, role: Role, action: &str) {
        let mut actions = role.actions();
        assert!(actions.remove(action), "{role:?} may not {action} anyway");
        self.allow(role, &actions);
    }

    /// What a role needed so far.
    ///
    /// # Panics
    /// Never: every role has a key.
    #[must_use]
    pub fn used(&self, role: Role) -> BTreeSet<String> {
        self.cloud.key(role.id()).expect("a key").used()
    }

    /// The program with a role's credentials, as Run Command would give them.
    #[must_use]
    pub fn agent(&self, role: Role) -> Agent {
        role.environment().into_iter().fold(Agent::find(), |agent, (name, value)| agent.with(name, &value))
    }

    /// Arguments with the way to the doubles behind them.
    #[must_use]
    pub fn arguments(&self, arguments: &[&str]) -> Vec<String> {
        let (s3, kms) = (self.s3.url(), self.kms.url());
        let way = ["--endpoint-url", &s3, "--kms-endpoint-url", &kms, "--region", REGION, "--path-style"];
        let owner = if arguments.contains(&"--bucket-owner") { None } else { Some(["--bucket-owner", ACCOUNT]) };
        arguments.iter().copied().chain(way).chain(owner.into_iter().flatten()).map(str::to_owned).collect()
    }

    /// Runs the program as this role.
    #[must_use]
    pub fn run(&self, role: Role, arguments: &[&str]) -> Finished {
        self.agent(role).run(self.arguments(arguments))
    }

    /// The arguments of a collection into the bucket, 30 days in COMPLIANCE.
    #[must_use]
    pub fn collection(&self, more: &[&str]) -> Vec<String> {
        let fixed = ["collect", "--case", "TEST-1", "--to", TO, "--lock", "compliance", "--retain-days", "30"];
        let unprivileged = if geteuid().is_root() { None } else { Some("--unprivileged") };
        let all: Vec<&str> =
            fixed.into_iter().chain(["--part-size", "5MiB"]).chain(unprivileged).chain(more.iter().copied()).collect();
        self.arguments(&all)
    }

    /// Collects, which must work, and gives the run's place.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn collect(&self, more: &[&str]) -> String {
        let finished = self.agent(Role::Writer).run(self.collection(more));
        finished.assert_sealed();
        finished.result().get("to").and_then(Value::as_str).expect("a place").to_owned()
    }

    /// Verifies as the reader; gives the exit code and the report.
    ///
    /// # Panics
    /// When there is no report.
    #[must_use]
    pub fn verify(&self, place: &str, more: &[&str]) -> (i32, Value) {
        let arguments: Vec<&str> = ["verify", place, "--json"].into_iter().chain(more.iter().copied()).collect();
        let finished = self.run(Role::Reader, &arguments);
        let report = serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {}", finished.said()));
        (finished.code(), report)
    }

    /// Verifies, which must come to this code and say this word.
    ///
    /// # Panics
    /// When it does not.
    pub fn assert_verdict(&self, place: &str, more: &[&str], code: i32, word: &str) -> Value {
        let (is, report) = self.verify(place, more);
        let text = report.to_string();
        assert!(is == code && text.contains(word), "code {is}, and {code} with {word:?} is due: {report:#}");
        report
    }

    /// The key in the bucket of a run's object.
    ///
    /// # Panics
    /// When the place is none.
    #[must_use]
    pub fn key(&self, place: &str, name: &str) -> String {
        let prefix = place.strip_prefix(&format!("s3://{BUCKET}/")).expect("a place in the bucket");
        format!("{prefix}/{name}")
    }

    /// The keys of a run, without its place.
    #[must_use]
    pub fn names(&self, place: &str) -> Vec<String> {
        let prefix = self.key(place, "");
        self.s3.keys(BUCKET).iter().filter_map(|key| key.strip_prefix(&prefix)).map(str::to_owned).collect()
    }

    /// The keys of the seals beside a run, without its place.
    #[must_use]
    pub fn seals(&self, place: &str) -> Vec<String> {
        self.names(place).into_iter().filter(|name| name.starts_with("seal/")).collect()
    }

    /// Copies a run into a folder.
    ///
    /// # Panics
    /// When there is no room for it.
    pub fn download(&self, place: &str, to: &Path) {
        for name in self.names(place) {
            let path = to.join(&name);
            std::fs::create_dir_all(path.parent().unwrap_or(to)).expect("a folder");
            let object = self.s3.object(BUCKET, &self.key(place, &name)).expect("an object");
            std::fs::write(path, object.content().expect("its bytes")).expect("a file");
        }
    }

    /// All that is in the bucket has been there for an hour.
    pub fn let_an_hour_pass(&self) {
        self.s3.change(BUCKET, |bucket| bucket.grow_older(SignedDuration::from_hours(1)));
    }

    /// Changes the versions of a run's object behind everybody's back.
    pub fn change(&self, place: &str, name: &str, change: impl FnOnce(&mut Vec<Version>)) {
        let key = self.key(place, name);
        self.s3.change(BUCKET, |bucket| change(bucket.versions.get_mut(&key).unwrap_or_else(|| panic!("no {key}"))));
    }
}

impl Default for Vault {
    fn default() -> Self {
        Self::new()
    }
}

/// A file in shared memory, which is collected as `shm`: of bytes that do not compress. It is gone when this is dropped.
#[derive(Debug)]
pub struct Shared(PathBuf);

impl Shared {
    /// So many bytes.
    ///
    /// # Panics
    /// When there can be none.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let path = format!("/dev/shm/hozen-vault-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        // xorshift64: zstd finds nothing in it.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let words = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        let content: Vec<u8> = words.flatten().take(bytes).collect();
        std::fs::write(&path, content).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self(path.into())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Somebody may have been quicker.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Whether it still is the second that a seal's or salvage's name says.
#[must_use]
pub fn second_is(name: &str) -> bool {
    name.contains(&jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string())
}
