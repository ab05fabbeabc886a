//! The binary against emulators of AWS that others have written: ministack holds each role to its policy, signs with KMS and has
//! parameters and metadata; localemu keeps locks and versions.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests read JSON that they asked for")]

use std::path::PathBuf;

use hozen_tests::agent::{Agent, Finished, code};
use hozen_tests::aws::access::Key;
use hozen_tests::aws::cloud::{Cloud, REGION};
use hozen_tests::aws::identity::Signer;
use hozen_tests::aws::imds;
use hozen_tests::emulator::Emulator;
use hozen_tests::python;
use hozen_tests::vault::{BUCKET, Role, Shared, TO, policy};
use serde_json::{Map, Value, json};

const CASE: &str = "TEST-1";
const PARAMETER: &str = "/hozen/upload";
/// `hozen verify`.
const FAILED: i32 = 1;
const COULD_NOT_CHECK: i32 = 3;

/// Actions of our policies that ministack asks for. It does not know that a lock in the head of a request needs
/// `s3:PutObjectRetention`, and that S3 uses a key on behalf of whoever writes.
const ASKED_FOR: [(Role, &[&str]); 3] = [
    (Role::Writer, &["s3:PutObject", "s3:GetBucketObjectLockConfiguration"]),
    (
        Role::Reader,
        &[
            "s3:ListBucketVersions",
            "s3:ListBucketMultipartUploads",
            "s3:GetObjectVersion",
            "s3:GetObjectVersionAttributes",
            "s3:GetObjectRetention",
        ],
    ),
    (Role::Sealer, &["s3:PutObject", "kms:Sign", "kms:GetPublicKey"]),
];

/// An account in an emulator.
struct Account {
    emulator: Emulator,
    python: PathBuf,
    made: Value,
}

impl Account {
    fn new(emulator: Emulator, python: PathBuf, asked: Value) -> Self {
        let made = emulator.account(&python, "make", &within(&emulator, asked));
        Self { emulator, python, made }
    }

    /// The id, secret and token of a role; of root, who may do everything, where there is none of that name.
    fn key(&self, role: &str) -> Key {
        let part = |name: &str| self.made["roles"][role][name].as_str();
        let key = Key::mighty(part("AccessKeyId").unwrap_or("test"), part("SecretAccessKey").unwrap_or("test"));
        part("SessionToken").map_or(key.clone(), |token| key.session(token, None))
    }

    fn agent(&self, role: &str) -> Agent {
        let key = self.key(role);
        let agent = Agent::find().with("SSM_AWS_ACCESS_KEY_ID", &key.id).with("SSM_AWS_SECRET_ACCESS_KEY", &key.secret);
        key.token.iter().fold(agent, |agent, token| agent.with("SSM_AWS_SESSION_TOKEN", token))
    }

    fn arguments(&self, arguments: &[&str]) -> Vec<String> {
        let (url, owner) = (self.emulator.url(), self.made["account"].as_str().unwrap());
        let way =
            ["--endpoint-url", &url, "--kms-endpoint-url", &url, "--region", REGION, "--path-style", "--bucket-owner", owner];
        arguments.iter().copied().chain(way).map(str::to_owned).collect()
    }

    fn run(&self, role: &str, arguments: &[&str]) -> Finished {
        self.agent(role).run(self.arguments(arguments))
    }

    /// A collection with these artefacts and options.
    fn collection(&self, only: &str, more: &[&str]) -> Vec<String> {
        let fixed = ["collect", "--case", CASE, "--to", TO, "--lock", "compliance", "--retain-days", "30", "--only", only];
        let unprivileged = if nix::unistd::geteuid().is_root() { None } else { Some("--unprivileged") };
        let all: Vec<&str> = fixed.into_iter().chain(unprivileged).chain(more.iter().copied()).collect();
        self.arguments(&all)
    }

    fn collect(&self, role: &str, only: &str, more: &[&str]) -> String {
        let finished = self.agent(role).run(self.collection(only, more));
        finished.assert_sealed();
        finished.result()["to"].as_str().unwrap().to_owned()
    }

    /// Verifies as the reader, which must come to this code; gives the report.
    fn verify(&self, place: &str, more: &[&str], code: i32) -> Value {
        let finished = self.run("reader", &[&["verify", place, "--json"], more].concat());
        finished.assert_code(code);
        serde_json::from_str(&finished.stdout).unwrap()
    }
}

fn within(emulator: &Emulator, mut asked: Value) -> Value {
    asked["url"] = emulator.url().into();
    (asked["region"], asked["bucket"]) = (REGION.into(), BUCKET.into());
    asked
}

/// The policy of a role as ministack understands it: it puts nothing in the place of variables.
fn plain(role: Role) -> Value {
    serde_json::from_str(&policy(role.file()).to_string().replace("${aws:PrincipalTag/case}", CASE)).unwrap()
}

/// The same without one action.
fn without(mut policy: Value, action: &str) -> Value {
    for statement in policy["Statement"].as_array_mut().unwrap() {
        match &mut statement["Action"] {
            Value::Array(actions) => actions.retain(|other| other != action),
            other if *other == action => *other = json!([]),
            _ => {}
        }
    }
    policy["Statement"].as_array_mut().unwrap().retain(|statement| statement["Action"] != json!([]));
    policy
}

fn name(role: Role) -> String {
    format!("{role:?}").to_lowercase()
}

/// The name of a role that lacks an action.
fn lacking(role: Role, action: &str) -> String {
    format!("{}-without-{}", name(role), action.replace(':', "-"))
}

/// An account in ministack with every role, each of them also without one action.
fn with_roles(test: &str) -> Option<Account> {
    let (emulator, python) = (Emulator::ministack(test)?, python::with(test, &["boto3"])?);
    let mut roles: Map<String, Value> = Map::new();
    for (role, actions) in ASKED_FOR {
        roles.insert(name(role), plain(role));
        roles.extend(actions.iter().map(|action| (lacking(role, action), without(plain(role), action))));
    }
    let statement = json!([{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}]);
    roles.insert("instance".to_owned(), json!({"Version": "2012-10-17", "Statement": statement}));
    roles.insert("nobody".to_owned(), without(plain(Role::Writer), "s3:PutObject"));
    Some(Account::new(emulator, python, json!({"keys": true, "roles": roles, "parameters": {PARAMETER: "writer"}})))
}

#[test]
fn each_role_has_enough_and_with_one_right_less_is_told_which() {
    let Some(account) = with_roles("each_role_has_enough_and_with_one_right_less_is_told_which") else { return };
    let place = account.collect("writer", "context", &[]);
    account.verify(&place, &[], code::COMPLETE);
    account.verify(&place, &["--rehash"], code::COMPLETE);
    let seal_key = account.made["seal_key"].as_str().unwrap();
    let seal = ["seal", &place, "--kms-key", seal_key];
    account.run("sealer", &seal).assert_code(code::COMPLETE);
    let report = account.verify(&place, &[], code::COMPLETE);
    assert_eq!(report["seals"].as_array().map(Vec::len), Some(1), "{report:#}");
    let refused = |role: Role, action: &str| {
        let who = lacking(role, action);
        let finished = match (role, action) {
            (Role::Writer, "s3:PutObject") => account.agent(&who).run(account.collection("context", &[])),
            (Role::Writer, _) => {
                account.run(&who, &["preflight", "--to", TO, "--case", CASE, "--lock", "compliance", "--retain-days", "30"])
            }
            (Role::Sealer, _) => account.run(&who, &seal),
            _ => account.run(&who, &["verify", &place]),
        };
        let said: String = finished.said().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(action), "{who} is not told: {said}");
        finished.code()
    };
    for (role, actions) in ASKED_FOR {
        for action in actions {
            let came = refused(role, action);
            let due = match role {
                Role::Reader => came == COULD_NOT_CHECK,
                // The lock need not be known.
                Role::Writer => *action != "s3:PutObject" || came == code::BAD_DESTINATION,
                _ => came != code::COMPLETE,
            };
            assert!(due, "{role:?} without {action}: {came}");
        }
    }
}

#[test]
fn a_writer_reads_nothing_and_writes_nowhere_else() {
    let Some(account) = with_roles("a_writer_reads_nothing_and_writes_nowhere_else") else { return };
    let place = account.collect("writer", "context", &[]);
    let finished = account.run("writer", &["verify", &place]);
    finished.assert_code(COULD_NOT_CHECK);
    assert!(finished.said().contains("s3:ListBucketVersions"), "{}", finished.said());
    let elsewhere: Vec<String> = account.collection("context", &[]).iter().map(|word| word.replace(CASE, "TEST-2")).collect();
    let finished = account.agent("writer").run(elsewhere);
    finished.assert_code(code::BAD_DESTINATION);
    assert!(finished.said().contains("s3:PutObject"), "{}", finished.said());
}

#[test]
fn credentials_come_from_a_parameter_and_the_identity_from_the_metadata() {
    let test = "credentials_come_from_a_parameter_and_the_identity_from_the_metadata";
    let Some(account) = with_roles(test) else { return };
    let url = account.emulator.url();
    let place = account.collect("writer", "context", &["--imds-endpoint", &url]);
    let owner = account.made["account"].as_str().unwrap();
    assert!(place.starts_with(&format!("{TO}/{CASE}/{owner}/i-")), "{place}");
    // The credentials that ministack's own metadata give are none of its accounts: ours give those of a role that it knows.
    let (cloud, signer) = (Cloud::new(), Signer::new());
    let metadata = imds::start(&cloud, &signer);
    let from_parameter = |role: &str| {
        metadata.service().set_role("collector", &account.key(role));
        let way = ["--credentials", "ssm:/hozen/upload", "--ssm-endpoint-url", &url, "--imds-endpoint", &metadata.url()];
        Agent::find().run(account.collection("context", &way))
    };
    from_parameter("instance").assert_sealed();
    let finished = from_parameter("nobody");
    finished.assert_code(code::BAD_DESTINATION);
    assert!(finished.said().contains("ssm:GetParameter"), "{}", finished.said());
}

#[test]
fn an_upload_whose_lock_the_store_forgot_is_found() {
    // ministack takes the lock that an upload is begun with, and forgets it.
    let Some(account) = with_roles("an_upload_whose_lock_the_store_forgot_is_found") else { return };
    let _shared = Shared::new(12 << 20);
    let place = account.collect("writer", "shm", &["--part-size", "5MiB"]);
    let report = account.verify(&place, &[], FAILED);
    let findings = report["findings"].as_array().unwrap();
    assert_eq!((findings.len(), findings[0]["object"].as_str()), (1, Some("data/raw/shm.tar.zst")), "{report:#}");
    assert!(findings[0]["what"].as_str().unwrap().contains("lock"), "{report:#}");
}

#[test]
fn locks_and_versions_hold() {
    let test = "locks_and_versions_hold";
    let Some(emulator) = Emulator::localemu(test) else { return };
    let Some(python) = python::with(test, &["boto3"]) else { return };
    let account = Account::new(emulator, python, json!({}));
    let _shared = Shared::new(12 << 20);
    let place = account.collect("root", "context,shm", &["--part-size", "5MiB"]);
    account.verify(&place, &["--rehash"], code::COMPLETE);
    let report = account.verify(&place, &[], code::COMPLETE);
    assert_eq!((&report["bucket"]["locked"], &report["warnings"]), (&report["objects"], &json!([])), "{report:#}");
    for object in ["data/raw/shm.tar.zst", "900-manifest.json"] {
        let key = format!("{}/{object}", place.strip_prefix(&format!("s3://{BUCKET}/")).unwrap());
        let came = account.emulator.account(&account.python, "tamper", &within(&account.emulator, json!({"object": key})));
        let expected = json!({
            "mode": "COMPLIANCE", "delete": "AccessDenied", "bypass": "AccessDenied", "weaken": "AccessDenied",
            "marker": "done", "over": "done",
        });
        assert_eq!(came, expected, "{object}");
    }
    let report = account.verify(&place, &["--rehash"], code::COMPLETE);
    let told = report["warnings"].to_string();
    for word in ["data/raw/shm.tar.zst", "900-manifest.json", "delete marker", "version"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    the_buckets_policy_denies(&account);
}

/// Each statement of the bucket's policy by itself, against a role that may do everything. What localemu knows of no request (whether a
/// key must be free, for how long a lock is, which key encrypts) it cannot deny: docs/testing.md names those statements.
fn the_buckets_policy_denies(account: &Account) {
    let all = ["put", "get", "list", "marker", "delete", "versioning", "policy"];
    let expected: [(&str, &[&str]); 7] = [
        ("", &[]),
        ("ours", &[]),
        ("tls", &[]),
        ("OnlyOverTls", &all),
        ("OnlyOurOrganisation", &all),
        ("NothingIsDeleted", &["marker", "delete"]),
        ("TheBucketStaysAsItIs", &["versioning", "policy"]),
    ];
    let statements: Vec<&str> = expected.iter().skip(3).map(|(name, _)| *name).collect();
    let asked = json!({"policy": policy("bucket-policy.json"), "statements": statements});
    let came = account.emulator.account(&account.python, "denied", &within(&account.emulator, asked));
    for (name, denied) in expected {
        for what in all {
            let due = if denied.contains(&what) { "AccessDenied" } else { "done" };
            assert_eq!(came[name][what], due, "{name}: {what}: {came:#}");
        }
    }
}

#[test]
fn a_run_lies_locked_in_the_bucket_that_the_stack_made() {
    let test = "a_run_lies_locked_in_the_bucket_that_the_stack_made";
    let Some(emulator) = Emulator::localemu(test) else { return };
    let Some(python) = python::documents(test) else { return };
    let made = emulator.stacks(&python, BUCKET);
    assert_eq!(made["lock"], json!({"Mode": "GOVERNANCE", "Days": 30}));
    assert!(made["public"].as_object().unwrap().values().all(|blocked| *blocked == true), "{made:#}");
    assert_eq!(made["ownership"], "BucketOwnerEnforced");
    let sids: Vec<Value> =
        policy("bucket-policy.json")["Statement"].as_array().unwrap().iter().map(|one| one["Sid"].clone()).collect();
    assert!(sids.iter().all(|sid| made["policy"].as_array().unwrap().contains(sid)), "{made:#}");
    let account = Account { emulator, python, made };
    let unprivileged = if nix::unistd::geteuid().is_root() { None } else { Some("--unprivileged") };
    let fixed = ["collect", "--case", CASE, "--to", TO, "--lock", "bucket-default", "--only", "context"];
    let asked: Vec<&str> = fixed.into_iter().chain(unprivileged).collect();
    let finished = account.run("root", &asked);
    finished.assert_sealed();
    let place = finished.result()["to"].as_str().unwrap().to_owned();
    let report = account.verify(&place, &[], code::COMPLETE);
    assert_eq!((&report["bucket"]["locked"], &report["warnings"]), (&report["objects"], &json!([])), "{report:#}");
}
