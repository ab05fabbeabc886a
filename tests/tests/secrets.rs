//! No credential is anywhere, whichever way it came: not in the evidence, decompressed and decoded, not in what is printed or told, not in
//! what the kernel shows of the process and its watchdog.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests lay out files with the standard library")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hozen_tests::agent::{Agent, Running};
use hozen_tests::aws::access::{Key, WRITE_ONLY};
use hozen_tests::aws::cloud::{Cloud, REGION};
use hozen_tests::aws::identity::Signer;
use hozen_tests::aws::imds::{self, ImdsDouble};
use hozen_tests::aws::ssm::{self, SsmDouble};
use hozen_tests::evidence::{Evidence, contains};
use hozen_tests::s3::{Bucket, Options, S3Double};
use hozen_tests::serve::{Fault, Rule};

const BUCKET: &str = "evidence";
/// Stands in each secret and each token of this test, and nowhere else on this machine.
const CORE: &str = "JulietCoreThatMustBeNowhere";
/// Stands in the environment of each run, and is to be among the evidence.
const MARKER: &str = "KiloMarkerThatIsCollected";
const PARAMETER: &str = "/hozen/upload";
const STATUS: &str = "/hozen/status/TEST-1";

/// The key of somebody who may write evidence and status.
fn key(who: &str, more: &[&str]) -> Key {
    let actions = [WRITE_ONLY, &["ssm:PutParameter"], more].concat();
    let (secret, token) = (format!("{who}{CORE}Secret/+0123456789"), format!("{who}{CORE}Token0123456789=="));
    Key::new(&format!("ASIA{who}"), &secret, &actions).session(&token, None)
}

/// An account whose every credential has [`CORE`] in it.
struct Account {
    double: S3Double,
    imds: ImdsDouble,
    ssm: SsmDouble,
    writer: Key,
}

impl Account {
    fn new() -> Self {
        let cloud: Arc<Cloud> = Cloud::new();
        let double = S3Double::start(&cloud, Options::default());
        double.add_bucket(Bucket::new(BUCKET).locked(None));
        let (imds, ssm) = (imds::start(&cloud, &Signer::new()), ssm::start(&cloud));
        let (writer, parameter) = (key("WRITER", &[]), key("PARAMETER", &[]));
        let role = key("ROLE", &["ssm:GetParameter", "kms:Decrypt"]);
        [&writer, &parameter, &role].into_iter().for_each(|key| cloud.add_key(key.clone()));
        imds.service().set_role("collector", &role);
        ssm.service().api().set(PARAMETER, "SecureString", &triple(&parameter));
        Self { double, imds, ssm, writer }
    }

    /// A collection, and what a way of giving credentials adds to it.
    fn arguments(&self, way: &Way) -> Vec<String> {
        let (s3, ssm, imds) = (self.double.url(), self.ssm.url(), self.imds.url());
        let fixed = ["collect", "--case", "TEST-1", "--to", "s3://evidence/cases", "--path-style", "--lock", "governance"];
        let fixed = fixed.into_iter().chain(["--retain-days", "1", "--endpoint-url", &s3, "--ssm-endpoint-url", &ssm]);
        let fixed = fixed.chain(["--imds-endpoint", &imds, "--region", REGION, "--include-secrets", "--status"]);
        let unprivileged = if nix::unistd::geteuid().is_root() { None } else { Some("--unprivileged".to_owned()) };
        let all = way.before.iter().cloned().chain(fixed.map(str::to_owned)).chain([format!("ssm:{STATUS}")]);
        all.chain(unprivileged).chain(way.options.iter().map(|word| (*word).to_owned())).collect()
    }

    /// The program with the writer's credentials in these variables.
    fn environment(&self, prefix: &str) -> Agent {
        let values = [("ACCESS_KEY_ID", &self.writer.id), ("SECRET_ACCESS_KEY", &self.writer.secret)];
        let values = values.into_iter().chain([("SESSION_TOKEN", self.writer.token.as_ref().unwrap())]);
        values.fold(Agent::find(), |agent, (name, value)| agent.with(&format!("{prefix}AWS_{name}"), value))
    }

    /// Copies the one run in the bucket into `to`.
    fn download(&self, to: &Path) {
        let keys = self.double.keys(BUCKET);
        let begin = keys.iter().find(|key| key.ends_with("/000-begin.json")).unwrap();
        let prefix = begin.strip_suffix("000-begin.json").unwrap();
        for key in &keys {
            let version = self.double.object(BUCKET, key).unwrap();
            assert!(!format!("{key} {:?}", version.metadata).contains(CORE), "{key}");
            let path = to.join(key.strip_prefix(prefix).unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, version.content().unwrap()).unwrap();
        }
    }
}

fn triple(key: &Key) -> String {
    serde_json::json!({"AccessKeyId": key.id, "SecretAccessKey": key.secret, "SessionToken": key.token}).to_string()
}

/// A way of giving credentials.
struct Way {
    /// Whose they are.
    id: &'static str,
    agent: Agent,
    /// What stands before the program's own arguments.
    before: Vec<String>,
    /// The options that say so.
    options: Vec<&'static str>,
}

/// How many ways there are.
const WAYS: usize = 5;

/// The way with this number. The run of the first collects all that is volatile.
fn way(at: usize, account: &Account, folder: &Path) -> Way {
    let few = ["--only", "context,freeze_frame,process_envs"];
    let (before, id, agent) = (Vec::new(), "ASIAWRITER", Agent::find());
    let way = match at {
        0 => Way { id, agent: account.environment("SSM_"), before, options: vec!["--profile", "volatile"] },
        1 => {
            let agent = account.environment("").with("NO_PROXY", "*");
            Way { id, agent, before, options: [&few[..], &["--use-environment"]].concat() }
        }
        2 => {
            let file = folder.join("triple");
            fs::write(&file, triple(&account.writer)).unwrap();
            let script = r#"exec 3<"$0"; exec "$@""#.to_owned();
            let before = vec!["-c".to_owned(), script, file.to_str().unwrap().to_owned(), program()];
            let agent = Agent::at(Path::new("/bin/sh"));
            Way { id, agent, before, options: [&few[..], &["--credentials-fd", "3"]].concat() }
        }
        3 => {
            let options = [&few[..], &["--credentials", "ssm:/hozen/upload"]].concat();
            Way { id: "ASIAPARAMETER", agent, before, options }
        }
        _ => Way { id: "ASIAROLE", agent, before, options: [&few[..], &["--credentials", "instance-role"]].concat() },
    };
    Way { agent: way.agent.with("RUST_LOG", "trace").with("SEEN", MARKER), ..way }
}

fn program() -> String {
    Agent::find().program().to_str().unwrap().to_owned()
}

/// What the kernel shows everybody of the process and of those that it has started: of each file its name and its bytes.
fn shown(pid: i32) -> Vec<(String, Vec<u8>)> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let children: Vec<String> = tasks.map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default()).collect();
    let children: Vec<&str> = children.iter().flat_map(|list| list.split_whitespace()).collect();
    assert!(!children.is_empty(), "there is a watchdog");
    let pid = pid.to_string();
    let all = children.into_iter().chain([pid.as_str()]);
    let files = all.flat_map(|pid| ["cmdline", "environ", "comm", "status"].map(|name| format!("/proc/{pid}/{name}")));
    files.map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

/// Waits until the run has begun in the bucket and its next object is on its way.
fn await_second_object(double: &S3Double, running: &mut Running) {
    while double.journal().iter().filter(|entry| entry.operation == "PutObject").count() < 2 {
        assert!(!running.has_ended(), "it was to go on for longer");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn no_credential_is_anywhere_whichever_way_it_came() {
    for at in 0..WAYS {
        let (account, folder) = (Account::new(), tempfile::tempdir().unwrap());
        let way = way(at, &account, folder.path());
        account.double.inject(Rule::on("PutObject", Fault::Stall(Some(Duration::from_secs(3)))).after(1));
        let mut running = way.agent.start(account.arguments(&way));
        await_second_object(&account.double, &mut running);
        let shown = shown(running.pid().as_raw());
        let own = shown.iter().find(|(path, _)| *path == format!("/proc/{}/cmdline", running.pid())).unwrap();
        assert!(contains(&own.1, b"--endpoint-url"), "the arguments are seen");
        for (path, bytes) in &shown {
            assert!(!contains(bytes, CORE.as_bytes()), "way {at}: {path} shows a secret");
        }
        let finished = running.wait();
        finished.assert_sealed();
        assert!(!finished.said().contains(CORE), "way {at}: a secret was printed");
        for entry in account.double.journal() {
            assert!(!entry.head.path.contains(CORE) && !entry.head.query.contains(CORE), "way {at}: {}", entry.operation);
        }
        assert_nobody_was_told(&account, at);
        let copy = folder.path().join("copy");
        account.download(&copy);
        let evidence = Evidence::open(&copy);
        assert_eq!(evidence.holding(CORE.as_bytes()), Vec::<String>::new(), "way {at}: a secret is in the evidence");
        // The search sees into records and archives: who wrote is told, and the environment of this process is collected.
        assert!(evidence.holding(way.id.as_bytes()).contains(&"000-begin.json".to_owned()), "way {at}");
        let names = evidence.holding(MARKER.as_bytes());
        assert!(names.contains(&"data/raw/process_envs.tar.zst".to_owned()), "way {at}: {names:?}");
        assert!(evidence.keys().contains(&"log.jsonl.zst".to_owned()));
    }
}

/// Neither whoever watches nor the witness.
fn assert_nobody_was_told(account: &Account, at: usize) {
    let store = account.ssm.service().api();
    let told: Vec<String> = store.names().into_iter().filter(|name| name != PARAMETER).collect();
    assert!(told.iter().any(|name| name == STATUS) && told.len() == 2, "way {at}: {told:?}");
    for name in told {
        let values = store.get(&name).unwrap().values;
        assert!(!values.is_empty() && !values.iter().any(|value| value.contains(CORE)), "way {at}: {name}");
    }
}
