//! arm64, as in Graviton: the static program on a real kernel.

use hozen_tests::agent::Agent;
use hozen_tests::evidence::Evidence;
use hozen_tests::images::{RELEASE, Run, stamping, system_ram};
use hozen_tests::vm::{Guest, Lab};
use serde_json::Value;

const COLLECT: &str = "\
uname -m >/out/machine
hozen collect --case VM-5 --profile volatile --to /out/volatile >/out/volatile.result 2>/out/volatile.said
echo $? >/out/volatile.code
collect kcore --memory kcore
";

#[test]
fn an_arm64_kernel_gives_its_state_and_every_stamped_page() {
    let test = "an_arm64_kernel_gives_its_state_and_every_stamped_page";
    let Some(lab) = Lab::arm64(test) else { return };
    let Some(hozen) = lab.hozen(test) else { return };
    let guest = Guest::new(&lab).program(&lab.helper("stamp")).program(&hozen).memory(384);
    let ended = guest.boot(&[&stamping(8192), COLLECT, RELEASE].concat()).end();
    assert_eq!((ended.exit, ended.text("machine").as_str()), (0, "aarch64\n"), "{}", ended.console);

    assert_eq!(ended.text("volatile.code"), "11\n", "{}{}", ended.text("volatile.said"), ended.text("volatile.result"));
    Agent::find().verify(&ended.out.join("volatile")).assert_code(0);
    let evidence = Evidence::open(&ended.out.join("volatile"));
    let begin = evidence.predicate("000-begin.json").to_string();
    assert!(begin.contains("\"aarch64\"") && begin.contains(&lab.release), "{begin}");
    let processes = evidence.table("processes");
    assert!(processes.iter().any(|row| row.get("name").and_then(Value::as_str) == Some("stamp")), "{processes:#?}");
    assert!(!evidence.table("kernel_modules").is_empty() && !evidence.table("dmesg").is_empty());

    let kcore = Run::of(&ended, "kcore", 0);
    assert_eq!(kcore.captures(), "kcore ok");
    kcore.whole_image("kcore");
    let ranges = system_ram(&ended.text("iomem"));
    assert!(ranges.first().unwrap().start() >= &lab.architecture.first_address(), "{ranges:x?}");
}
