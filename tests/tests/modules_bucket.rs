//! The module store in a bucket: the right module is taken, whatever is wrong becomes a reason, and the run goes on.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests lay out stores with the standard library")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use hozen_tests::agent::{Agent, Finished, code};
use hozen_tests::aws::access::{Key, WRITE_ONLY};
use hozen_tests::aws::client::{Asked, ask};
use hozen_tests::aws::cloud::{ACCOUNT, Cloud, REGION};
use hozen_tests::evidence::{Evidence, bytes, sha256};
use hozen_tests::module_file::{module, own_module};
use hozen_tests::s3::{Bucket, Options, S3Double};
use hozen_tests::serve::{Fault, Outage, Rule};
use hozen_tests::vault::{actions, policy};
use serde_json::Value;

const BUCKET: &str = "modules";
const PLACE: &str = "s3://modules/lime";
const ID: &str = "ASIAMODULES";
const SECRET: &str = "FoxtrotSecretThatMustBeNowhere012345678";
const TOKEN: &str = "GolfTokenThatMustBeNowhere0123456789==";
const READ: &[&str] = &["s3:GetObject"];
const REFUSED: i32 = 1;
const UNREADABLE: i32 = 3;
const NO_IMAGE: i32 = 20;

/// A store in a folder with a module for this kernel, and the same in a bucket.
struct Shop {
    folder: tempfile::TempDir,
    cloud: Arc<Cloud>,
    double: S3Double,
}

impl Shop {
    fn new() -> Self {
        let cloud = Cloud::new();
        let double = S3Double::start(&cloud, Options::default());
        double.add_bucket(Bucket::new(BUCKET));
        double.add_bucket(Bucket::new("evidence").locked(None));
        let shop = Self { folder: tempfile::tempdir().unwrap(), cloud, double };
        shop.cloud.add_key(Key::mighty("AKIABUILDER", "builds and copies"));
        shop.allow(READ);
        shop.here("modules keygen --key own.key").assert_code(0);
        shop.here("modules keygen --key other.key").assert_code(0);
        fs::write(shop.path("lime.ko"), own_module()).unwrap();
        fs::write(shop.path("old.ko"), module(62, "name=lime\0vermagic=5.0.0-old SMP mod_unload \0")).unwrap();
        shop.here("modules add --store store --key own.key lime.ko").assert_code(0);
        shop.here("modules add --store store --key own.key old.ko").assert_code(0);
        shop.copy(&shop.path("store"));
        shop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the role of the host may do.
    fn allow(&self, actions: &[&str]) {
        self.cloud.add_key(Key::new(ID, SECRET, actions).session(TOKEN, None));
    }

    /// Copies a store into the bucket, as `aws s3 sync` would.
    fn copy(&self, store: &Path) {
        self.put("index.json", &fs::read(store.join("index.json")).unwrap());
        for entry in fs::read_dir(store.join("modules")).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            self.put(&format!("modules/{name}"), &fs::read(entry.path()).unwrap());
        }
    }

    fn put(&self, name: &str, body: &[u8]) {
        let key = self.cloud.key("AKIABUILDER").unwrap();
        let path = format!("/{BUCKET}/lime/{name}");
        let asked = Asked { method: "PUT", path: &path, query: "", headers: &[], body };
        let heard = ask(self.double.address(), &self.cloud, &key, &asked, Duration::from_secs(60)).unwrap();
        assert_eq!(heard.status(), Some(200), "{}", heard.text());
    }

    fn remove(&self, name: &str) {
        self.double.change(BUCKET, |bucket| assert!(bucket.versions.remove(&format!("lime/{name}")).is_some()));
    }

    /// The name in the store of the module for this kernel.
    fn own(&self) -> String {
        format!("modules/{}.ko", sha256(&own_module()))
    }

    fn here(&self, words: &str) -> Finished {
        Agent::find().inside(self.folder.path()).run(words.split_ascii_whitespace())
    }

    fn agent(&self) -> Agent {
        let names = [("SSM_AWS_ACCESS_KEY_ID", ID), ("SSM_AWS_SECRET_ACCESS_KEY", SECRET), ("SSM_AWS_SESSION_TOKEN", TOKEN)];
        names.into_iter().fold(Agent::find(), |agent, (name, value)| agent.with(name, value)).inside(self.folder.path())
    }

    /// These words and the way to the double, in the folder, as the host's role.
    fn run(&self, words: &str) -> Finished {
        self.agent().run(words.split_ascii_whitespace().map(str::to_owned).chain(self.way()))
    }

    fn way(&self) -> Vec<String> {
        let url = self.double.url();
        ["--endpoint-url", &url, "--region", REGION, "--path-style"].map(str::to_owned).to_vec()
    }

    /// Collects with `--memory lime` into a folder; the reason against LiME, and `access` of the begin record.
    fn against_lime(&self, agent: &Agent, words: &str, way: &[String]) -> (String, Value) {
        let to = self.path("evidence");
        let words: Vec<&str> = words.split_ascii_whitespace().chain(way.iter().map(String::as_str)).collect();
        let fixed = ["--only", "memory", "--memory", "lime", "--unprivileged"];
        let finished = agent.run(Agent::collection(&to, &[&fixed[..], &words].concat()));
        finished.assert_code(NO_IMAGE);
        assert!(!finished.said().contains(SECRET) && !finished.said().contains(TOKEN));
        Agent::find().verify(&to).assert_code(0);
        let evidence = Evidence::open(&to);
        let rows = evidence.table("memory_sources");
        let row = rows.iter().find(|row| bytes(row, "method").as_deref() == Some(b"lime")).unwrap();
        let begin = evidence.predicate("000-begin.json");
        fs::remove_dir_all(&to).unwrap();
        (String::from_utf8(bytes(row, "reason").unwrap()).unwrap(), begin.get("access").cloned().unwrap())
    }

    /// The same, and no module was chosen, for a reason with this word.
    fn assert_refused(&self, agent: &Agent, words: &str, way: &[String], word: &str) {
        let (reason, access) = self.against_lime(agent, words, way);
        assert!(reason.contains(word), "{word}: {reason}");
        assert_eq!(access.pointer("/lime_module/chosen"), Some(&Value::Bool(false)), "{access}");
        let denied = access.pointer("/seccomp/denied").and_then(Value::as_array);
        assert!(denied.is_none_or(|denied| denied.iter().any(|call| call == "finit_module")), "{access}");
    }
}

const OWN: &str = "--modules s3://modules/lime --modules-key own.pub";

#[test]
fn the_right_module_is_taken_with_one_right_and_no_other() {
    let shop = Shop::new();
    let (_, access) = shop.against_lime(&shop.agent(), OWN, &shop.way());
    let told = access.get("lime_module").unwrap();
    assert_eq!((&told["chosen"], &told["sha256"]), (&true.into(), &sha256(&own_module()).into()), "{told}");
    assert_eq!(told.pointer("/store/location").and_then(Value::as_str), Some(PLACE));
    let denied = access.pointer("/seccomp/denied").and_then(Value::as_array);
    assert!(denied.is_none_or(|denied| denied.iter().all(|call| call != "finit_module")), "{access}");
    let needed: BTreeSet<String> = READ.iter().map(|action| (*action).to_owned()).collect();
    assert_eq!(shop.cloud.key(ID).unwrap().used(), needed);
    assert!(actions(&policy("modules-role.json")).is_superset(&needed));
    let asked: Vec<String> = shop.double.journal().into_iter().map(|entry| entry.operation).collect();
    assert_eq!(asked.iter().filter(|operation| *operation == "GetObject").count(), 2, "the index and one module: {asked:?}");
}

#[test]
fn what_is_not_to_be_trusted_is_refused_and_the_run_goes_on() {
    let shop = Shop::new();
    let (agent, way) = (shop.agent(), shop.way());
    shop.assert_refused(&agent, "--modules s3://modules/lime --modules-key other.pub", &way, "the trusted one is");
    shop.assert_refused(&agent, "--modules s3://modules/lime --modules-key none.pub", &way, "none.pub");
    let mut tampered = own_module();
    tampered[70] ^= 1;
    shop.put(&shop.own(), &tampered);
    shop.assert_refused(&agent, OWN, &way, "its digest is");
    shop.put(&shop.own(), &vec![0; (32 << 20) + 1]);
    shop.assert_refused(&agent, OWN, &way, "larger than 32 MiB");
    shop.remove(&shop.own());
    shop.assert_refused(&agent, OWN, &way, "told the same of what does not exist");
    shop.allow(&["s3:GetObject", "s3:ListBucket"]);
    shop.assert_refused(&agent, OWN, &way, ".ko: does not exist");
    let index = fs::read(shop.path("store/index.json")).unwrap();
    shop.put("index.json", &index[..index.len() / 2]);
    shop.assert_refused(&agent, OWN, &way, "not a signed index");
    shop.put("index.json", &vec![b' '; (4 << 20) + 1]);
    shop.assert_refused(&agent, OWN, &way, "larger than 4 MiB");
    shop.remove("index.json");
    shop.assert_refused(&agent, OWN, &way, "index.json: does not exist");
}

#[test]
fn who_may_not_and_who_cannot_go_there_says_so_and_the_run_goes_on() {
    let shop = Shop::new();
    let way = shop.way();
    shop.allow(&["s3:PutObject"]);
    shop.assert_refused(&shop.agent(), OWN, &way, "the reader needs s3:GetObject");
    shop.allow(READ);
    shop.assert_refused(&shop.agent(), "--modules s3://no-such-bucket/lime --modules-key own.pub", &way, "NoSuchBucket");
    shop.assert_refused(&Agent::find().inside(shop.folder.path()), OWN, &way, "no credentials");
    shop.assert_refused(&shop.agent().with("SSM_AWS_SECRET_ACCESS_KEY", "wrong"), OWN, &way, "SignatureDoesNotMatch");
    // Nobody listens on a port that was free a moment ago, and a bucket that never answers.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dead = ["--endpoint-url".to_owned(), format!("http://{free}"), "--path-style".to_owned()];
    shop.assert_refused(&shop.agent(), OWN, &dead, "route to S3");
    shop.double.set_outage(Some(Outage::Hang));
    shop.assert_refused(&shop.agent(), OWN, &way, "no answer within");
    shop.double.set_outage(None);
    let rule = shop.double.inject(Rule::on("GetObject", Fault::Stall(None)).after(1).always());
    shop.assert_refused(&shop.agent(), OWN, &way, "no answer within");
    assert!(shop.double.times_fired(rule) > 0);
}

#[test]
fn what_breaks_on_the_way_is_asked_for_again() {
    let shop = Shop::new();
    let faults = [Fault::SLOW_DOWN, Fault::Truncate(700), Fault::DropAfterCommit, Fault::Refuse(500, "InternalError")];
    let rules: Vec<_> = faults.into_iter().map(|fault| shop.double.inject(Rule::on("GetObject", fault))).collect();
    let (_, access) = shop.against_lime(&shop.agent(), OWN, &shop.way());
    assert_eq!(access.pointer("/lime_module/chosen"), Some(&Value::Bool(true)), "{access}");
    assert!(rules.iter().all(|rule| shop.double.times_fired(*rule) == 1), "{:?}", shop.double.fired());
}

#[test]
fn a_bucket_in_another_region_is_asked_there() {
    let shop = Shop::new();
    let far = S3Double::start(&shop.cloud, Options { region: "eu-west-1".to_owned(), ..Options::default() });
    far.add_bucket(shop.double.bucket(BUCKET).unwrap().in_region("eu-west-1"));
    let url = far.url();
    let way = ["--endpoint-url", &url, "--region", REGION, "--path-style"].map(str::to_owned);
    let (_, access) = shop.against_lime(&shop.agent(), OWN, &way);
    assert_eq!(access.pointer("/lime_module/chosen"), Some(&Value::Bool(true)), "{access}");
    far.add_bucket(shop.double.bucket(BUCKET).unwrap().in_region("eu-north-1"));
    shop.assert_refused(&shop.agent(), OWN, &way, "PermanentRedirect");
}

#[test]
fn credentials_that_can_be_read_once_serve_the_store_and_the_evidence() {
    let shop = Shop::new();
    shop.allow(&[READ, WRITE_ONLY].concat());
    let file = shop.path("triple");
    fs::write(&file, format!(r#"{{"AccessKeyId":"{ID}","SecretAccessKey":"{SECRET}","SessionToken":"{TOKEN}"}}"#)).unwrap();
    let words = "collect --case TEST-1 --only context,memory --to s3://evidence/cases --modules s3://modules/lime --modules-key own.pub \
                 --lock governance --retain-days 1 --unprivileged --credentials-fd 3";
    // From the descriptor of a pipe nothing can be read twice.
    let mut command = Command::new("/bin/bash");
    command.args(["-c", r#"exec 3< <(cat "$0"); exec "$@""#]).arg(&file).arg(Agent::find().program());
    command
        .args(words.split_ascii_whitespace())
        .args(shop.way())
        .args(["--bucket-owner", ACCOUNT])
        .current_dir(shop.folder.path());
    let output = command.output().unwrap();
    let finished = Finished {
        status: output.status,
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    let to = finished.result()["to"].as_str().expect("a place").to_owned();
    assert!([code::COMPLETE, code::PARTIAL, code::NO_MEMORY, NO_IMAGE].contains(&finished.code()), "{}", finished.said());
    let prefix = to.strip_prefix("s3://evidence/").unwrap();
    assert!(shop.double.keys("evidence").contains(&format!("{prefix}/999-end.json")));
    let asked: Vec<String> = shop.double.journal().into_iter().map(|entry| entry.operation).collect();
    assert_eq!(asked.iter().filter(|operation| *operation == "GetObject").count(), 2, "{asked:?}");
}

#[test]
fn every_command_that_reads_a_store_reads_one_in_a_bucket() {
    let shop = Shop::new();
    let told: Value = serde_json::from_str(&shop.run(&format!("preflight {OWN}")).stdout).unwrap();
    assert_eq!(told.pointer("/lime_module/sha256").and_then(Value::as_str), Some(sha256(&own_module()).as_str()), "{told}");
    let dry = shop.run(&format!("collect --dry-run {OWN}"));
    dry.assert_code(code::COMPLETE);
    assert_eq!(dry.result().pointer("/lime_module/chosen"), Some(&Value::Bool(true)), "{}", dry.stdout);
    let store = format!("--store {PLACE} --modules-key own.pub");
    let listed = shop.run(&format!("modules list {store}"));
    listed.assert_code(0);
    assert!(listed.stdout.contains(&format!("2 modules in {PLACE}")), "{}", listed.stdout);
    shop.run(&format!("modules match {store}")).assert_code(0);
    shop.run(&format!("modules match {store} --release 5.0.0-old --arch x86_64")).assert_code(0);
    let none = shop.run(&format!("modules match {store} --release 9.9.9"));
    none.assert_code(REFUSED);
    // Whether there is anything else below the place is asked with a right of its own.
    let blind = shop.run(&format!("modules verify {store}"));
    blind.assert_code(UNREADABLE);
    assert!(blind.said().contains("s3:ListBucket"), "{}", blind.said());
    shop.allow(&["s3:GetObject", "s3:ListBucket"]);
    shop.run(&format!("modules verify {store}")).assert_code(0);
    shop.put("modules/evil.ko", b"x");
    let stray = shop.run(&format!("modules verify {store}"));
    stray.assert_code(REFUSED);
    assert!(stray.said().contains("modules/evil.ko: is not in the index"), "{}", stray.said());
    for words in ["modules list --store s3://modules//x", "modules match --store s3://modules//x"] {
        shop.run(&format!("{words} --modules-key own.pub")).assert_code(code::USAGE);
    }
    shop.run("modules list --store s3://modules/nowhere --modules-key own.pub").assert_code(UNREADABLE);
}
