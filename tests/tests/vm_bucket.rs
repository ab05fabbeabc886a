//! The way that all of this is for: from a host whose memory is read by LiME, over the network, into a locked bucket, with credentials
//! that can do nothing but write there; verified from outside, and opened by Volatility.

#![expect(clippy::disallowed_methods, clippy::indexing_slicing, reason = "tests")]

use std::time::Duration;

use hozen_tests::agent::code::COMPLETE;
use hozen_tests::evidence::{number, sha256};
use hozen_tests::images::{RELEASE, Run, stamping};
use hozen_tests::serve::{Fault, Rule};
use hozen_tests::vault::{BUCKET, Role, TO, Vault};
use hozen_tests::vm::{Guest, Lab};
use hozen_tests::volatility::{self, Analysis, any};
use serde_json::Value;

const STAMPED: u32 = 4096;
const LIMIT: Duration = Duration::from_secs(600);
/// LiME's own time-out, after which it would go on with zeros unless it is told to wait, is one second.
const STALL: Duration = Duration::from_secs(6);

/// The guest has no way to anywhere but this machine, and the instance metadata's address is its own: whoever asks there is heard.
const COLLECT: &str = "\
route del default
ifconfig lo:0 169.254.169.254 netmask 255.255.255.255
nc -l -p 80 </dev/null >/out/asked 2>&1 3>&- &
listener=$!
until netstat -ltn | grep -q :80; do sleep 0.1; done
hozen collect OPTIONS >/out/bucket.result 2>/out/bucket.said 3>&-
echo $? >/out/bucket.code
cat /proc/modules >/out/bucket.modules
kill -0 $listener; echo $? >/out/listens
echo heard | nc 169.254.169.254 80 >/dev/null 3>&-
wait $listener
";

#[test]
fn memory_goes_over_the_network_into_a_locked_bucket_and_opens_in_volatility() {
    let test = "memory_goes_over_the_network_into_a_locked_bucket_and_opens_in_volatility";
    let Some(lab) = Lab::find(test) else { return };
    let (Some(hozen), Some(python)) = (lab.hozen(test), volatility::python(test)) else { return };
    let (vault, lime) = (Vault::new(), std::fs::read(lab.lime()).unwrap());
    // All that may be on its way at once is not taken for a while, and LiME has nobody to send to; something is refused besides.
    let stalled = vault.s3.inject(Rule::on("UploadPart", Fault::Stall(Some(STALL))).after(1).times(4));
    let refused = vault.s3.inject(Rule::on("UploadPart", Fault::SLOW_DOWN).times(2));
    let guest = Guest::new(&lab).program(&lab.helper("stamp")).program(&hozen).limit(LIMIT).network();
    let script = [&stamping(STAMPED), &collection(&vault, &lime), RELEASE].concat();
    let ended = guest.file("/lime.ko", 0o644, lime).boot(&script).end();
    assert_eq!(ended.exit, 0, "{}", ended.console);
    assert_eq!((ended.text("listens").as_str(), ended.text("asked").as_str()), ("0\n", "heard\n"), "the metadata were asked for");

    assert_eq!((vault.s3.times_fired(stalled), vault.s3.times_fired(refused)), (4, 2), "the bucket was slow");
    let met = vault.s3.journal().into_iter().filter(|entry| entry.fault.is_some());
    let paths: Vec<String> = met.map(|entry| entry.head.path).collect();
    assert!(paths.iter().all(|path| path.contains("/data/memory/lime/")), "while LiME's stream was open: {paths:?}");

    let (folder, result) = (tempfile::tempdir().unwrap(), ended.text("bucket.result"));
    let said = format!("{result}{}", ended.text("bucket.said"));
    let result: Value = serde_json::from_str(&result).unwrap_or_else(|error| panic!("{error}: {said}"));
    let place = result["to"].as_str().unwrap_or_else(|| panic!("{said}"));
    nothing_is_unlocked_or_unverified(&vault, place);
    let evidence = folder.path().join("evidence");
    vault.download(place, &evidence);
    let run = Run::with_evidence(&ended, "bucket", COMPLETE, &evidence);
    assert_eq!(run.captures(), "lime ok");
    run.whole_image("lime");
    let manifest = run.evidence.predicate("900-manifest.json");
    let retries = |receipt: &Value| receipt["sink"]["retries"].as_u64().unwrap_or_default();
    assert!(manifest["objects"].as_array().unwrap().iter().map(retries).sum::<u64>() >= 2, "{manifest:#}");
    assert_eq!(number(&run.capture("lime"), "module_unloaded"), Some(1));
    assert!(!run.text("modules").contains("lime"), "{}", run.text("modules"));

    let analysis = Analysis::of(python, &evidence, "lime", folder.path());
    let [processes, modules] = analysis.run_all(["pslist", "lsmod"]);
    for name in ["init", "stamp", "hozen"] {
        assert!(any(&processes, &[("COMM", name)]), "{name}: {processes}");
    }
    assert!(any(&modules, &[("Module Name", "virtio_net")]), "{modules}");
}

/// The script, with the writer's credentials in its environment as Run Command sets them.
fn collection(vault: &Vault, lime: &[u8]) -> String {
    let digest = sha256(lime);
    let options = ["collect", "--case", "VM-6", "--to", TO, "--lock", "compliance", "--retain-days", "30", "--part-size", "5MiB"];
    let memory = ["--only", "kernel_symbols,memory", "--memory", "lime", "--module", "/lime.ko", "--module-sha256", &digest];
    let options = vault.arguments(&[&options[1..], &memory].concat()).join(" ").replace("127.0.0.1", Guest::GATEWAY);
    let environment = Role::Writer.environment().map(|(name, value)| format!("export {name}={value}\n"));
    environment.concat() + &COLLECT.replace("OPTIONS", &options)
}

/// By the bucket's own checksums, then by every byte. All that there is is locked, and the writer needed nothing but to write.
fn nothing_is_unlocked_or_unverified(vault: &Vault, place: &str) {
    for (more, rehashed) in [(&[][..], false), (&["--rehash"], true)] {
        let report = vault.assert_verdict(place, more, 0, "verified");
        let facts = &report["bucket"];
        assert_eq!((&facts["locked"], &facts["unlocked"]), (&report["objects"], &0.into()), "{report:#}");
        assert_eq!((&facts["lock_mode"], &facts["rehashed"]), (&"COMPLIANCE".into(), &rehashed.into()), "{report:#}");
    }
    assert!(vault.s3.uploads(BUCKET).is_empty());
    let needed = vault.used(Role::Writer);
    assert!(!needed.is_empty() && needed.iter().all(|action| !action.starts_with("s3:GetObject")), "{needed:?}");
}
