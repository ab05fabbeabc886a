//! A run that went into the spool, sent into the bucket later: unchanged, whole, and nothing that is there taken for it by mistake.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests lay out files with the standard library"
)]

use std::path::{Path, PathBuf};

use hozen_tests::agent::{Finished, code};
use hozen_tests::evidence::Evidence;
use hozen_tests::serve::{Fault, Rule};
use hozen_tests::vault::{BUCKET, Role, Shared, TO, Vault};
use serde_json::Value;

/// A folder with a run that was meant for the bucket.
fn spooled(vault: &Vault, dir: &Path, only: &str) -> PathBuf {
    let spool = dir.join("spool");
    let arguments = vault.collection(&["--only", only, "--spool", spool.to_str().unwrap(), "--bucket-owner", "999999999999"]);
    vault.agent(Role::Writer).run(arguments).assert_code(code::SPOOLED);
    spool
}

fn push(vault: &Vault, role: Role, folder: &Path, more: &[&str]) -> Finished {
    let fixed =
        ["push", folder.to_str().unwrap(), "--to", TO, "--lock", "compliance", "--retain-days", "30", "--part-size", "5MiB"];
    vault.run(role, &[&fixed[..], &["--json"], more].concat())
}

/// Where the run went.
fn place(finished: &Finished) -> String {
    finished.assert_code(0);
    let line: Value = serde_json::from_str(&finished.stdout).unwrap();
    line["pushed"]["location"].as_str().unwrap().to_owned()
}

fn assert_once(vault: &Vault) {
    for (key, versions) in vault.s3.bucket(BUCKET).unwrap().versions {
        assert_eq!(versions.len(), 1, "{key}");
        assert!(versions[0].retention.is_some(), "{key} is not locked");
    }
}

#[test]
fn a_spooled_run_is_sent_as_it_is_and_verifies() {
    let (vault, dir, _shared) = (Vault::new(), tempfile::tempdir().unwrap(), Shared::new(12 << 20));
    let spool = spooled(&vault, dir.path(), "context,shm");
    let before = Evidence::open(&spool);
    let place = place(&push(&vault, Role::Writer, &spool, &[]));
    let mut names = vault.names(&place);
    names.sort();
    assert_eq!(names, before.keys());
    for name in &names {
        let object = vault.s3.object(BUCKET, &vault.key(&place, name)).unwrap();
        assert_eq!(object.content().unwrap(), before.stored(name), "{name}");
    }
    assert_once(&vault);
    let order: Vec<String> = vault
        .s3
        .journal()
        .iter()
        .filter(|entry| entry.status == Some(200) && entry.head.method == "PUT")
        .map(|entry| entry.head.path.clone())
        .collect();
    assert!(order.first().unwrap().ends_with("/000-begin.json") && order.last().unwrap().ends_with("/999-end.json"), "{order:?}");
    // Receipts say nothing of a bucket: digests are compared, and what was sent in parts is read.
    let report = vault.assert_verdict(&place, &[], 0, "verified");
    assert!(report["bucket"]["copied_from"].as_str().unwrap().ends_with("spool"), "{report:#}");
    vault.assert_verdict(&place, &["--rehash"], 0, "verified");
}

#[test]
fn a_push_that_was_cut_off_goes_on() {
    let (vault, dir) = (Vault::new(), tempfile::tempdir().unwrap());
    let spool = spooled(&vault, dir.path(), "context");
    vault.s3.inject(Rule::on("PutObject", Fault::Refuse(403, "AccessDenied")).after(4));
    let cut = push(&vault, Role::Writer, &spool, &[]);
    cut.assert_code(31);
    let there = vault.s3.keys(BUCKET).len();
    assert!(there >= 4 && there < Evidence::open(&spool).keys().len(), "{there}");
    let again = push(&vault, Role::Writer, &spool, &[]);
    let place = place(&again);
    let line: Value = serde_json::from_str(&again.stdout).unwrap();
    let sent = line["pushed"]["objects"].as_u64().unwrap() - u64::try_from(there).unwrap();
    assert_eq!(line["pushed"]["sent"], sent);
    assert_once(&vault);
    vault.assert_verdict(&place, &[], 0, "verified");
}

#[test]
fn a_bucket_that_refuses_the_first_object_is_told_apart() {
    let (vault, dir) = (Vault::new(), tempfile::tempdir().unwrap());
    let spool = spooled(&vault, dir.path(), "context");
    vault.s3.inject(Rule::on("PutObject", Fault::Refuse(403, "AccessDenied")));
    let refused = push(&vault, Role::Writer, &spool, &[]);
    refused.assert_code(code::BAD_DESTINATION);
    assert!(refused.said().contains("nothing was sent"), "{}", refused.said());
    assert_eq!(vault.s3.keys(BUCKET), Vec::<String>::new());
    let place = place(&push(&vault, Role::Writer, &spool, &[]));
    vault.assert_verdict(&place, &[], 0, "verified");
}

#[test]
fn without_a_note_of_it_only_who_can_read_goes_on() {
    let (vault, dir) = (Vault::new(), tempfile::tempdir().unwrap());
    let spool = spooled(&vault, dir.path(), "context");
    vault.s3.inject(Rule::on("PutObject", Fault::Refuse(403, "AccessDenied")).after(4));
    push(&vault, Role::Writer, &spool, &[]).assert_code(31);
    std::fs::remove_file(dir.path().join("spool.pushed")).unwrap();
    let refused = push(&vault, Role::Writer, &spool, &[]);
    refused.assert_code(31);
    assert!(refused.said().contains("cannot show that it is the same"), "{}", refused.said());
    let both = Role::Writer.actions().into_iter().chain(Role::Reader.actions()).collect();
    vault.allow(Role::Writer, &both);
    std::fs::remove_file(dir.path().join("spool.pushed")).unwrap();
    let place = place(&push(&vault, Role::Writer, &spool, &[]));
    assert_once(&vault);
    vault.assert_verdict(&place, &[], 0, "verified");
}

#[test]
fn an_object_with_other_bytes_is_not_taken_for_ours() {
    let (vault, dir) = (Vault::new(), tempfile::tempdir().unwrap());
    let spool = spooled(&vault, dir.path(), "context");
    let place = place(&push(&vault, Role::Writer, &spool, &[]));
    let key = vault.key(&place, "000-begin.json");
    let other = vault.s3.object(BUCKET, &vault.key(&place, "log.jsonl.zst")).unwrap();
    vault.s3.change(BUCKET, |bucket| {
        bucket.versions.clear();
        bucket.versions.insert(key, vec![other]);
    });
    let both = Role::Writer.actions().into_iter().chain(Role::Reader.actions()).collect();
    vault.allow(Role::Writer, &both);
    let progress = dir.path().join("fresh");
    let refused = push(&vault, Role::Writer, &spool, &["--progress", progress.to_str().unwrap()]);
    refused.assert_code(31);
    assert!(refused.said().contains("with other bytes"), "{}", refused.said());
    assert_eq!(vault.s3.keys(BUCKET).len(), 1);
}

#[test]
fn a_lost_answer_is_said_and_a_reader_decides() {
    let (vault, dir) = (Vault::new(), tempfile::tempdir().unwrap());
    let spool = spooled(&vault, dir.path(), "context");
    vault.s3.inject(Rule::on("PutObject", Fault::DropAfterCommit).after(2));
    let finished = push(&vault, Role::Writer, &spool, &[]);
    finished.assert_code(10);
    let line: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(line["pushed"]["unproven"].as_array().unwrap().len(), 1, "{line}");
    vault.assert_verdict(line["pushed"]["location"].as_str().unwrap(), &[], 0, "verified");
}

#[test]
fn what_does_not_verify_is_not_sent() {
    let (vault, dir) = (Vault::new(), tempfile::tempdir().unwrap());
    let spool = spooled(&vault, dir.path(), "context");
    let end = spool.join("999-end.json");
    let kept = std::fs::read(&end).unwrap();
    std::fs::remove_file(&end).unwrap();
    push(&vault, Role::Writer, &spool, &[]).assert_code(2);
    std::fs::write(&end, [&kept[..], b" "].concat()).unwrap();
    push(&vault, Role::Writer, &spool, &[]).assert_code(1);
    std::fs::write(&end, kept).unwrap();
    push(&vault, Role::Writer, &spool, &["--spool", "x"]).assert_code(code::USAGE);
    assert!(vault.s3.keys(BUCKET).is_empty());
    assert!(!dir.path().join("spool.pushed").exists());
}

/// The bucket takes the first artefact and then nothing more. What is left is sealed on the host and, pushed, lies beside what there was.
#[test]
fn what_was_left_of_a_run_whose_bucket_was_lost_is_pushed_beside_it() {
    let (vault, dir) = (Vault::new(), tempfile::tempdir().unwrap());
    let spool = dir.path().join("spool");
    let lost = Rule::on("PutObject", Fault::Refuse(403, "AccessDenied")).after(4).always();
    vault.s3.inject(lost);
    let arguments = vault.collection(&["--only", "context,kernel_modules,mounts", "--spool", spool.to_str().unwrap()]);
    let finished = vault.agent(Role::Writer).run(arguments);
    finished.assert_code(code::SPOOLED);
    vault.s3.clear_rules();
    let result = finished.result();
    let first = result["to"].as_str().unwrap().to_owned();
    assert!(first.ends_with(result["continues"].as_str().unwrap()) && result["safe_to_isolate"] == false, "{result}");
    assert!(finished.stderr.contains("what is left of the plan goes into the spool"), "{}", finished.stderr);

    let second = place(&push(&vault, Role::Writer, &spool, &[]));
    assert_eq!(first.rsplit_once('/').unwrap().0, second.rsplit_once('/').unwrap().0);
    assert_once(&vault);
    let report = vault.assert_verdict(&second, &[], 0, "verified");
    let continues = &report["facts"]["continues"];
    assert_eq!((&continues["location"], &continues["run"]), (&result["to"], &result["continues"]));
    let begin = continues["begin_sha256"].as_str().unwrap();
    vault.assert_verdict(&first, &["--begin-sha256", begin], 2, "agrees-on-begin");
    let both: Vec<String> = [&first, &second].into_iter().flat_map(|place| vault.names(place)).collect();
    for artefact in ["context", "kernel_modules", "mounts"] {
        let archive = format!("data/raw/{artefact}.tar.zst");
        assert!(both.contains(&archive), "{artefact} in {both:?}");
    }
}
