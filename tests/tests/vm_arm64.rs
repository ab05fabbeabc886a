//! arm64, as in Graviton: the static program on a real kernel, in a whole run of the profile triage.

use std::time::Duration;

use hozen_tests::agent::code::{COMPLETE, PARTIAL};
use hozen_tests::images::{RELEASE, Run, stamping, system_ram};
use hozen_tests::vm::{Ended, Guest, Lab};
use serde_json::Value;

/// On a busy machine a whole run in emulation takes minutes.
const LIMIT: Duration = Duration::from_secs(900);
/// The run, as a responder begins it, and what the program makes of its evidence there.
const TRIAGE: &str = "\
uname -m >/out/machine
hozen collect --case VM-5 --profile triage --to /out/triage >/out/triage.result 2>/out/triage.said 3>&-
echo $? >/out/triage.code
cat /proc/modules >/out/triage.modules
hozen verify /out/triage >/out/triage.report 2>&1
echo $? >/out/triage.verified
";

/// The run, which is whole but for what an emulated machine has no time for, and verifies there as here.
fn triage(ended: &Ended) -> Run<'_> {
    let code = ended.text("triage.code").trim().parse().unwrap_or(-1);
    assert!([COMPLETE, PARTIAL].contains(&code), "{code}: {}", ended.text("triage.said"));
    assert_eq!(ended.text("triage.verified"), "0\n", "{}", ended.text("triage.report"));
    Run::of(ended, "triage", code)
}

/// Every artefact that was planned came to something, or is not there on such a host.
fn no_artefact_failed(run: &Run<'_>) {
    let manifest = run.evidence.predicate("900-manifest.json");
    let steps = manifest.get("steps").and_then(Value::as_array).cloned().unwrap_or_default();
    let status = |step: &Value| step.get("status").and_then(Value::as_str).unwrap_or_default().to_owned();
    let failed: Vec<&Value> = steps.iter().filter(|step| ["failed", "denied"].contains(&status(step).as_str())).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let had = steps.iter().filter(|step| ["ok", "partial"].contains(&status(step).as_str())).count();
    assert!(had >= 20, "only {had} artefacts: {steps:#?}");
}

#[test]
fn an_arm64_kernel_gives_its_state_its_files_and_every_stamped_page() {
    let test = "an_arm64_kernel_gives_its_state_its_files_and_every_stamped_page";
    let Some(lab) = Lab::arm64(test) else { return };
    let Some(hozen) = lab.hozen(test) else { return };
    let guest = Guest::new(&lab).program(&lab.helper("stamp")).program(&hozen).memory(384).limit(LIMIT);
    let guest = guest.file("/etc/passwd", 0o644, "ann:x:1000:1000::/root:/bin/sh\n");
    let ended = guest.boot(&[&stamping(8192), TRIAGE, RELEASE].concat()).end();
    assert_eq!((ended.exit, ended.text("machine").as_str()), (0, "aarch64\n"), "{}", ended.console);

    let run = triage(&ended);
    no_artefact_failed(&run);
    let begin = run.evidence.predicate("000-begin.json").to_string();
    assert!(begin.contains("\"aarch64\"") && begin.contains(&lab.release), "{begin}");
    let has = |table: &str, column: &str, value: &str| {
        let rows = run.evidence.table(table);
        assert!(rows.iter().any(|row| row.get(column).and_then(Value::as_str) == Some(value)), "{table}: {rows:#?}");
    };
    has("processes", "name", "stamp");
    has("users", "username", "ann");
    assert!(!run.evidence.table("kernel_modules").is_empty() && !run.evidence.table("dmesg").is_empty());

    assert_eq!(run.captures(), "kcore ok");
    run.whole_image("kcore");
    let ranges = system_ram(&ended.text("iomem"));
    assert!(ranges.first().is_some_and(|range| range.start() >= &lab.architecture.first_address()), "{ranges:x?}");
}
