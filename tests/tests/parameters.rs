//! Parameters of Systems Manager: the configuration comes from one, the status goes into one, the begin record's digest into another.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests lay out files with the standard library"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use hozen_tests::agent::{Agent, Finished, code};
use hozen_tests::aws::access::{Key, WRITE_ONLY};
use hozen_tests::aws::cloud::{Cloud, REGION};
use hozen_tests::aws::ssm::{self, Parameter, SsmDouble};
use hozen_tests::evidence::{Evidence, sha256};
use hozen_tests::s3::{Bucket, Options, S3Double};
use hozen_tests::serve::{Fault, Outage, Rule};
use hozen_tests::vault::{actions, policy};
use serde_json::Value;

const ID: &str = "ASIAPARAMETERS";
const SECRET: &str = "HotelSecretThatMustBeNowhere01234567890";
const TOKEN: &str = "IndiaTokenThatMustBeNowhere0123456789==";
const PROFILE: &str = "/hozen/profile/test";
const STATUS: &str = "/hozen/status/TEST-1";
/// What a watcher is told at most.
const MOST: usize = 3 << 10;

/// Systems Manager, and an agent that may do these things there.
struct Account {
    cloud: Arc<Cloud>,
    ssm: SsmDouble,
    folder: tempfile::TempDir,
}

impl Account {
    fn new(actions: &[&str]) -> Self {
        let cloud = Cloud::new();
        let account = Self { ssm: ssm::start(&cloud), cloud, folder: tempfile::tempdir().unwrap() };
        account.allow(actions);
        account
    }

    fn allow(&self, actions: &[&str]) {
        self.cloud.add_key(Key::new(ID, SECRET, actions).session(TOKEN, None));
    }

    fn agent(&self) -> Agent {
        let names = [("SSM_AWS_ACCESS_KEY_ID", ID), ("SSM_AWS_SECRET_ACCESS_KEY", SECRET), ("SSM_AWS_SESSION_TOKEN", TOKEN)];
        names.into_iter().fold(Agent::find(), |agent, (name, value)| agent.with(name, value))
    }

    fn way(&self) -> Vec<String> {
        ["--ssm-endpoint-url", &self.ssm.url(), "--region", REGION].map(str::to_owned).to_vec()
    }

    /// The arguments of a collection of one artefact into the folder `evidence`.
    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let to = self.evidence();
        let fixed = ["collect", "--only", "context", "--to", to.to_str().unwrap()].map(str::to_owned);
        let unprivileged = if nix::unistd::geteuid().is_root() { None } else { Some("--unprivileged".to_owned()) };
        let more = more.iter().map(|word| (*word).to_owned());
        fixed.into_iter().chain(self.way()).chain(unprivileged).chain(more).collect()
    }

    fn collect(&self, more: &[&str]) -> Finished {
        // What a test left of the run before.
        let _ = fs::remove_dir_all(self.evidence());
        let finished = self.agent().run(self.arguments(more));
        assert!(!finished.said().contains(SECRET) && !finished.said().contains(TOKEN));
        finished
    }

    fn evidence(&self) -> std::path::PathBuf {
        self.folder.path().join("evidence")
    }

    /// The parameter, which must be there.
    fn parameter(&self, name: &str) -> Parameter {
        self.ssm
            .service()
            .api()
            .get(name)
            .unwrap_or_else(|| panic!("no {name}; there are {:?}", self.ssm.service().api().names()))
    }

    /// What the status said, one after the other.
    fn said(&self, name: &str) -> Vec<Value> {
        let values = self.parameter(name).values;
        assert!(values.iter().all(|value| value.len() <= MOST), "{values:#?}");
        values.iter().map(|value| serde_json::from_str(value).unwrap()).collect()
    }

    /// The one witness beside the status.
    fn witness(&self) -> (String, Parameter) {
        let names = self.ssm.service().api().names();
        let name = names.iter().find(|name| name.contains("/begin-")).unwrap_or_else(|| panic!("{names:?}")).clone();
        let parameter = self.parameter(&name);
        (name, parameter)
    }
}

/// The events of a run's journal with this name.
fn events(evidence: &Path, event: &str) -> Vec<Value> {
    let evidence = Evidence::open(evidence);
    let files = evidence.keys().into_iter().filter(|key| key.starts_with("custody/"));
    let text: String = files.map(|key| String::from_utf8(evidence.stored(&key)).unwrap()).collect();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["event"] == event).collect()
}

const CONFIG: &str = "case = \"TEST-9\"\noperator = \"from the parameter\"\nonly = [\"freeze_frame\"]\nlevel = 3\n";

#[test]
fn a_parameter_configures_a_run_as_a_file_does() {
    for kind in ["String", "SecureString"] {
        let account = Account::new(&["ssm:GetParameter", "kms:Decrypt"]);
        account.ssm.service().api().set(PROFILE, kind, CONFIG);
        account.collect(&["--config", "ssm:/hozen/profile/test"]).assert_sealed();
        let begin = Evidence::open(&account.evidence()).predicate("000-begin.json");
        assert_eq!((&begin["case"], &begin["authority"]["operator"]), (&"TEST-9".into(), &"from the parameter".into()));
        // The command line goes before it, and the version is known.
        assert_eq!((&begin["options"]["only"], &begin["options"]["level"]), (&vec!["context"].into(), &3.into()));
        assert_eq!(begin["options"]["config"], "ssm:/hozen/profile/test:1");
        let file = account.folder.path().join("hozen.toml");
        fs::write(&file, CONFIG).unwrap();
        account.collect(&["--config", file.to_str().unwrap()]).assert_sealed();
        let by_file = Evidence::open(&account.evidence()).predicate("000-begin.json");
        let without = |begin: &Value| {
            let mut options = begin["options"].clone();
            options["config"].take();
            options
        };
        assert_eq!(without(&by_file), without(&begin));
        assert_eq!(by_file["options"]["config"], file.to_str().unwrap());
    }
}

#[test]
fn a_parameter_that_cannot_be_had_or_is_wrong_ends_it_before_anything_is_read() {
    let account = Account::new(&["ssm:GetParameter"]);
    let store = account.ssm.service().api();
    store.set("/hozen/wrong", "String", "case = \"TEST-1\"\nprofil = \"full\"\n");
    store.set("/hozen/secret", "SecureString", CONFIG);
    store.set(PROFILE, "String", CONFIG);
    let refused = |name: &str, word: &str| {
        let finished = account.collect(&["--config", name]);
        finished.assert_code(code::USAGE);
        assert!(finished.said().contains(word), "{word}: {}", finished.said());
        assert!(!account.evidence().exists());
    };
    refused("ssm:/hozen/wrong", "line 2, column 1");
    refused("ssm:/hozen/none", "ParameterNotFound");
    refused("ssm:/hozen/profile/test:7", "ParameterVersionNotFound");
    refused("ssm:/hozen/secret", "kms:Decrypt");
    refused("ssm:hozen", "write ssm:/path");
    account.allow(&[]);
    refused("ssm:/hozen/profile/test", "ssm:GetParameter");
    account.allow(&["ssm:GetParameter"]);
    account.ssm.set_outage(Some(Outage::Refuse));
    refused("ssm:/hozen/profile/test", "--ssm-endpoint-url");
    account.ssm.set_outage(None);
    let strangers = Agent::find().run(account.arguments(&["--config", "ssm:/hozen/profile/test"]));
    strangers.assert_code(code::USAGE);
    assert!(strangers.said().contains("no credentials"), "{}", strangers.said());
    let dry = account.collect(&["--dry-run", "--config", "ssm:/hozen/profile/test"]);
    dry.assert_code(code::COMPLETE);
    assert_eq!(dry.result()["case"], "TEST-9");
}

#[test]
fn credentials_that_can_be_read_once_serve_the_configuration_and_what_it_names() {
    let account = Account::new(&[&["ssm:GetParameter", "ssm:PutParameter"], WRITE_ONLY].concat());
    let double = S3Double::start(&account.cloud, Options::default());
    double.add_bucket(Bucket::new("evidence").locked(None));
    // All of the way to the bucket stands in the parameter.
    let config = format!(
        "to = \"s3://evidence/cases\"\ncase = \"TEST-1\"\nonly = [\"context\"]\nunprivileged = true\nstatus = \"ssm:{STATUS}\"\n\
         [bucket]\nlock = \"governance\"\nretain-days = 1\n[network]\nendpoint-url = \"{}\"\npath-style = true\n",
        double.url()
    );
    account.ssm.service().api().set(PROFILE, "String", &config);
    let file = account.folder.path().join("triple");
    fs::write(&file, format!(r#"{{"AccessKeyId":"{ID}","SecretAccessKey":"{SECRET}","SessionToken":"{TOKEN}"}}"#)).unwrap();
    let mut command = Command::new("/bin/bash");
    command.args(["-c", r#"exec 3< <(cat "$0"); exec "$@""#]).arg(&file).arg(Agent::find().program());
    let output = command
        .args(["collect", "--credentials-fd", "3", "--config", "ssm:/hozen/profile/test"])
        .args(["--ssm-endpoint-url", &account.ssm.url(), "--region", REGION])
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let finished = Finished { status: output.status, stdout, stderr: String::from_utf8(output.stderr).unwrap() };
    finished.assert_sealed();
    assert!(finished.result()["to"].as_str().unwrap().starts_with("s3://evidence/cases/TEST-1/"));
    let last = account.said(STATUS).pop().unwrap();
    assert_eq!((&last["phase"], &last["result"]), (&"ended".into(), &finished.result()));
}

#[test]
fn a_watcher_sees_the_run_and_a_witness_has_its_begin() {
    let account = Account::new(&["ssm:PutParameter"]);
    let finished = account.collect(&["--case", "TEST-1", "--status", &format!("ssm:{STATUS}/")]);
    finished.assert_sealed();
    let begin = Evidence::open(&account.evidence()).predicate("000-begin.json");
    let name = format!("{STATUS}/{}", begin["host"]["id"].as_str().unwrap());
    let (digest, run) = (sha256(&Evidence::open(&account.evidence()).stored("000-begin.json")), begin["run"].clone());
    let said = account.said(&name);
    assert!(said.len() >= 2, "{said:#?}");
    for status in &said {
        assert_eq!((&status["run"], &status["case"], &status["begin_sha256"]), (&run, &"TEST-1".into(), &digest.as_str().into()));
    }
    let (first, last) = (said.first().unwrap(), said.last().unwrap());
    assert_eq!(
        (&first["safe_to_isolate"], &first["result"], &first["planned"]),
        (&false.into(), &Value::Null, &1.into()),
        "{first}"
    );
    assert_eq!((&last["phase"], &last["safe_to_isolate"], &last["result"]), (&"ended".into(), &true.into(), &finished.result()));
    assert!(last["bytes"].as_u64().unwrap() > 0 && last["done"] == 1 && last["errors"] == 0, "{last}");
    // The witness was made once, and not over another.
    let (witness, parameter) = account.witness();
    assert_eq!(witness, format!("{name}/begin-{}", run.as_str().unwrap()));
    assert_eq!((parameter.values.len(), parameter.puts[0].overwrote, parameter.kind.as_str()), (1, false, "String"));
    let told: Value = serde_json::from_str(&parameter.values[0]).unwrap();
    assert_eq!((&told["begin_sha256"], &told["run"]), (&digest.as_str().into(), &run));
    let event = events(&account.evidence(), "witness").remove(0);
    assert_eq!((&event["data"]["parameter"], &event["data"]["version"]), (&witness.as_str().into(), &1.into()));
    assert_eq!(begin["options"]["status"], format!("ssm:{STATUS}/"));
    let verify =
        |digest: &str| Agent::find().run(["verify", "--json", "--begin-sha256", digest, account.evidence().to_str().unwrap()]);
    let right = verify(told["begin_sha256"].as_str().unwrap());
    right.assert_code(0);
    assert_eq!(serde_json::from_str::<Value>(&right.stdout).unwrap()["witness"], "agrees-on-begin");
    verify(&sha256(b"another begin")).assert_code(1);
    let used = account.cloud.key(ID).unwrap().used();
    assert_eq!(used, BTreeSet::from(["ssm:PutParameter".to_owned()]));
    assert!(actions(&policy("parameters-role.json")).is_superset(&used));
}

#[test]
fn a_long_run_says_how_it_goes_and_not_too_often() {
    let account = Account::new(&[&["ssm:PutParameter"], WRITE_ONLY].concat());
    let double = S3Double::start(&account.cloud, Options::default());
    double.add_bucket(Bucket::new("evidence").locked(None));
    // The second object is taken only after two of the times between two writes.
    double.inject(Rule::on("PutObject", Fault::Stall(Some(Duration::from_secs(33)))).after(1));
    let mut arguments = account.arguments(&["--case", "TEST-1", "--status", &format!("ssm:{STATUS}")]);
    let to = arguments.iter().position(|word| *word == account.evidence().to_str().unwrap()).unwrap();
    arguments[to] = "s3://evidence/cases".to_owned();
    let url = double.url();
    arguments.extend(["--endpoint-url", &url, "--path-style", "--lock", "governance", "--retain-days", "1"].map(str::to_owned));
    account.agent().run(arguments).assert_sealed();
    let (said, puts) = (account.said(STATUS), account.parameter(STATUS).puts);
    assert!(said.len() >= 3 && puts.iter().all(|put| put.overwrote), "{said:#?}");
    // But for the last word, which does not wait.
    let times: Vec<i64> = puts.iter().rev().skip(1).rev().map(|put| put.at.as_millisecond()).collect();
    assert!(times.iter().zip(times.iter().skip(1)).all(|(one, next)| next - one >= 15_000), "{times:?}");
    let updated: BTreeSet<&str> = said.iter().map(|status| status["updated"].as_str().unwrap()).collect();
    assert_eq!(updated.len(), said.len(), "each says when: {said:#?}");
    assert_eq!(said.last().unwrap()["phase"], "ended");
}

#[test]
fn a_run_that_can_tell_nobody_says_so_and_goes_on() {
    let account = Account::new(&[]);
    let status = format!("ssm:{STATUS}");
    let failed = |finished: &Finished, word: &str| {
        finished.assert_sealed();
        Agent::find().verify(&account.evidence()).assert_code(0);
        let events = events(&account.evidence(), "status.failed");
        let reasons: Vec<&str> = events.iter().map(|event| event["data"]["reason"].as_str().unwrap()).collect();
        assert!(reasons.iter().any(|reason| reason.contains(word)), "{word}: {reasons:?}");
        assert!(finished.stderr.contains("hozen: warning: "), "{}", finished.stderr);
        assert!(account.ssm.service().api().names().is_empty());
    };
    failed(&account.collect(&["--status", &status]), "ssm:PutParameter");
    account.ssm.set_outage(Some(Outage::Refuse));
    failed(&account.collect(&["--status", &status]), "--ssm-endpoint-url");
    account.ssm.set_outage(None);
    let _ = fs::remove_dir_all(account.evidence());
    failed(&Agent::find().run(account.arguments(&["--status", &status])), "no credentials");
    // One refusal that passes is nothing to tell of.
    account.allow(&["ssm:PutParameter"]);
    let rule = account.ssm.inject(Rule::next(Fault::Refuse(400, "ThrottlingException")));
    account.collect(&["--status", &status]).assert_sealed();
    assert_eq!((account.ssm.times_fired(rule), events(&account.evidence(), "status.failed").len()), (1, 0));
    assert_eq!(account.said(STATUS).pop().unwrap()["phase"], "ended");
    // No name, one version of one: nothing is done.
    for wrong in ["/hozen/status", "ssm:hozen", "ssm:/hozen/status:3", "ssm:/aws/status"] {
        account.collect(&["--status", wrong]).assert_code(code::USAGE);
    }
}

#[test]
fn a_dry_run_writes_no_status() {
    let account = Account::new(&["ssm:PutParameter"]);
    account.collect(&["--dry-run", "--status", &format!("ssm:{STATUS}")]).assert_code(code::COMPLETE);
    assert_eq!((account.ssm.requests(), account.evidence().exists()), (0, false));
}
