//! The document `Hozen-Collect` on a host with LiME, as Run Command executes it: by dash, with the variables of the service's agent, into a locked
//! bucket over the network. Once to its end, and once killed with its process group in the middle of memory.

#![expect(clippy::disallowed_methods, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::{Duration, Instant};

use hozen_tests::agent::Agent;
use hozen_tests::agent::code::{COMPLETE, PARTIAL};
use hozen_tests::aws::cloud::{ACCOUNT, REGION};
use hozen_tests::evidence::number;
use hozen_tests::host::skipped;
use hozen_tests::images::Run;
use hozen_tests::run_command::{KEPT, KEPT_OF_ERRORS, Step};
use hozen_tests::serve::{Fault, Rule};
use hozen_tests::vault::{BUCKET, Role, TO, Vault};
use hozen_tests::vm::{Ended, Guest, Lab, Machine};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(600);

/// The program lies where Distributor puts it. Before the second run memory is filled with what does not compress (no window of zstd reaches from
/// one copy to the next), so that more of it is to be sent than the agent may have on its way.
const SCRIPT: &str = "\
mkdir -p /opt/hozen/bin && ln -s /bin/hozen /opt/hozen/bin/hozen
begin() { name=$1; setsid sh /ssm/launch $2 </dev/null >/out/$name.result 2>/out/$name.said & run=$!; }
begin whole 4-5-6
wait $run; echo $? >/out/whole.code
cat /proc/modules >/out/whole.modules
dd if=/dev/urandom of=/tmp/noise bs=1M count=8 2>/dev/null
for copy in 1 2 3 4 5 6 7 8 9; do cp /tmp/noise /tmp/noise.$copy; done
echo the first has ended; read -r go
begin killed 7-8-9
echo the second has begun; read -r go
cat /proc/modules >/out/killed.meanwhile
kill -KILL -$run
wait $run; echo $? >/out/killed.code
left=600
while [ $left -gt 0 ] && { grep -q ^lime /proc/modules || ps | grep -q '[h]ozen'; }; do sleep 0.1; left=$(( left - 1 )); done
cat /proc/modules >/out/killed.modules
ps >/out/killed.processes
";

#[test]
fn a_document_collects_to_its_end_and_leaves_no_lime_when_it_is_killed() {
    let test = "a_document_collects_to_its_end_and_leaves_no_lime_when_it_is_killed";
    let Some(lab) = Lab::find(test) else { return };
    let Some(hozen) = lab.hozen(test) else { return };
    let dash = Path::new("/bin/dash");
    if !dash.is_file() {
        skipped(test, "dash");
        return;
    }
    let vault = Vault::new();
    let Some(step) = step(test, &vault) else { return };
    let guest = Guest::new(&lab).program(&hozen).program(dash).memory(320).limit(LIMIT).network();
    let guest = guest.file("/ssm/_script.sh", 0o700, step.script()).file("/ssm/launch", 0o644, launch(&step));
    let mut machine = with_store(guest, &lab.lime()).boot(SCRIPT);

    machine.await_text("the first has ended");
    let first = places(&vault);
    // Two parts of the image arrive, and nothing after them.
    vault.s3.inject(Rule::on("UploadPart", Fault::Stall(None)).after(2).always());
    machine.type_line("");
    machine.await_text("the second has begun");
    until_the_image_hangs(&vault, &machine);
    machine.type_line("");
    let ended = ended(machine);
    vault.s3.clear_rules();

    let [whole] = &first[..] else { panic!("{first:?}\n{}{}", ended.text("whole.said"), ended.text("whole.result")) };
    it_is_as_the_document_promises(&vault, &ended, whole);
    let killed = places(&vault).into_iter().find(|place| place != whole).unwrap();
    it_is_gone_and_what_is_there_can_be_saved(&vault, &ended, &killed);
}

/// The step with the parameters of a response, and the writer's credentials as it would take them.
fn step(test: &str, vault: &Vault) -> Option<Step> {
    let url = vault.s3.url().replace("127.0.0.1", Guest::GATEWAY);
    let bucket = [("EvidenceUri", TO), ("EvidenceRegion", REGION), ("BucketOwner", ACCOUNT), ("EndpointUrl", url.as_str())];
    let how = [("CaseId", "TEST-1"), ("Lock", "compliance"), ("RetainDays", "30"), ("Credentials", "environment")];
    let what = [("Profile", "volatile"), ("Memory", "lime"), ("Operator", "a.b@c")];
    let step = Step::of(test, "Hozen-Collect", &[&bucket[..], &how, &what].concat())?.unwrap();
    Some(Role::Writer.environment().into_iter().fold(step, |step, (name, value)| step.with(name, &value)))
}

/// Starts the script in the environment that it gets, and in no other.
fn launch(step: &Step) -> String {
    let variables = step.environment("$1").into_iter().map(|(name, value)| {
        assert!(!value.contains(['\'', '"', '\\']), "{name}: {value}");
        format!("{name}=\"{value}\" ")
    });
    format!("cd /ssm && exec env -i {}dash -c /ssm/_script.sh\n", variables.collect::<String>())
}

/// LiME in a signed store, where the packages put one.
fn with_store(guest: Guest, lime: &Path) -> Guest {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    Agent::find().run(["modules", "keygen", "--key", &at("own.key")]).assert_code(0);
    let lime = lime.display().to_string();
    Agent::find().run(["modules", "add", "--store", &at("store"), "--key", &at("own.key"), &lime]).assert_code(0);
    let read = |path: &Path| std::fs::read(path).unwrap();
    let modules = std::fs::read_dir(at("store/modules")).unwrap().map(|entry| entry.unwrap().path());
    let guest = modules.fold(guest, |guest, path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        guest.file(&format!("/usr/lib/hozen/modules/modules/{name}"), 0o644, read(&path))
    });
    let guest = guest.file("/usr/lib/hozen/modules/index.json", 0o644, read(&folder.path().join("store/index.json")));
    guest.file("/etc/hozen/modules.pub", 0o644, read(&folder.path().join("own.pub")))
}

/// Where the runs are that have begun.
fn places(vault: &Vault) -> Vec<String> {
    let keys = vault.s3.keys(BUCKET);
    keys.iter().filter_map(|key| key.strip_suffix("/000-begin.json")).map(|run| format!("s3://{BUCKET}/{run}")).collect()
}

/// The first part of the image is in the bucket, and all but another waits.
fn until_the_image_hangs(vault: &Vault, machine: &Machine) {
    let late = Instant::now() + LIMIT / 2;
    let hangs = || {
        let uploads = vault.s3.uploads(BUCKET);
        uploads.iter().any(|(_, upload)| upload.key.contains("/data/memory/") && upload.parts.contains_key(&1))
    };
    while !hangs() {
        assert!(Instant::now() < late, "no image in {:?}\n{}", vault.s3.keys(BUCKET), machine.console());
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn ended(machine: Machine) -> Ended {
    let ended = machine.end();
    assert_eq!(ended.exit, 0, "{}", ended.console);
    ended
}

/// Verified from outside, every object locked, memory by LiME, one line of JSON that says the exit code, and all of it within what is kept.
fn it_is_as_the_document_promises(vault: &Vault, ended: &Ended, place: &str) {
    let (text, said) = (ended.text("whole.result"), ended.text("whole.said"));
    let result: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{said}"));
    assert!(text.lines().count() == 1 && text.len() <= KEPT && said.len() <= KEPT_OF_ERRORS, "{}, {}", text.len(), said.len());
    let code = ended.text("whole.code").trim().parse().unwrap();
    assert!(
        result["code"] == code && [COMPLETE, PARTIAL].contains(&code) && result["safe_to_isolate"] == true,
        "{code}: {result:#}"
    );
    assert_eq!((&result["memory"]["status"], result["to"].as_str()), (&"ok".into(), Some(place)), "{result:#}");
    let report = vault.assert_verdict(place, &["--rehash"], 0, "verified");
    assert_eq!((&report["bucket"]["locked"], &report["bucket"]["unlocked"]), (&report["objects"], &0.into()), "{report:#}");
    let folder = tempfile::tempdir().unwrap();
    vault.download(place, folder.path());
    let run = Run::with_evidence(ended, "whole", code, folder.path());
    assert_eq!((run.captures().as_str(), number(&run.capture("lime"), "module_unloaded")), ("lime ok", Some(1)));
    assert!(!run.text("modules").contains("lime"), "{}", run.text("modules"));
    let begin = run.evidence.predicate("000-begin.json");
    let authority = &begin["authority"];
    assert_eq!((&authority["ssm_command_id"], &authority["operator"]), (&"4-5-6".into(), &"a.b@c".into()), "{begin:#}");
}

/// Neither LiME nor a process is left on the host, and nobody takes what is in the bucket for a whole run.
fn it_is_gone_and_what_is_there_can_be_saved(vault: &Vault, ended: &Ended, place: &str) {
    let text = |ending: &str| ended.text(&format!("killed.{ending}"));
    assert_eq!((text("code").as_str(), text("result").as_str()), ("137\n", ""), "{}", text("said"));
    assert!(text("meanwhile").contains("lime "), "it was not killed in the middle: nothing is shown\n{}", text("said"));
    assert!(!text("modules").contains("lime "), "LiME is left: {}", text("modules"));
    assert!(!text("processes").contains("hozen"), "{}", text("processes"));
    let report = vault.assert_verdict(place, &[], 2, "incomplete");
    let open = report["bucket"]["uploads"][0]["object"].as_str().unwrap_or_default().to_owned();
    assert!(open.starts_with("data/memory/lime/") && report["findings"] == serde_json::json!([]), "{report:#}");
    let saved = vault.run(Role::Salvager, &["salvage", place, "--json", "--force"]);
    saved.assert_code(COMPLETE);
    let report = vault.assert_verdict(place, &["--rehash"], 2, "incomplete");
    assert_eq!(report["salvaged"][0]["object"], open.as_str(), "{report:#}\n{}", saved.stdout);
    assert!(vault.s3.uploads(BUCKET).is_empty());
}
