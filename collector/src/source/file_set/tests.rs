use super::*;
use crate::host::fixture::write;
use crate::model::Digest;
use crate::source::recorded::Recorded;
use crate::testing::skip;
use nix::sys::stat::Mode;
use serde_json::Value;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::Path;

const GROUPS: &[Group<'_>] = &[
    Group {
        kind: "conf",
        form: Form::Text,
        patterns: &[
            "/etc/a",
            "/etc/d/*",
            "/etc/tree/**",
            "/lib/x/*",
            "/etc/**/deep",
            "~/.rc",
            "~/.ssh/*",
            "~/.tree/**",
            "/etc/cron.*/*",
        ],
    },
    Group { kind: "hash", form: Form::Text, patterns: &["/etc/shadow"] },
    Group { kind: "database", form: Form::Withheld, patterns: &["/var/lib/db"] },
    Group { kind: "read", form: Form::Database, patterns: &["/var/lib/read.db"] },
    Group { kind: "journal", form: Form::Whole, patterns: &["/var/log/journal/*"] },
    Group { kind: "plain", form: Form::Plain, patterns: &["/var/lib/status"] },
    Group { kind: "log", form: Form::Bulk, patterns: &["/var/log/**"] },
];

fn limits() -> Limits {
    Limits::bytes(1 << 20, 8 << 20)
}

/// What is kept of a tree, and which texts were handed on.
fn kept(set: FileSet<'_>, lay_out: impl FnOnce(&Path)) -> (Recorded, Vec<(String, Vec<u8>)>) {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(tree.path().join("proc")).unwrap();
    lay_out(tree.path());
    let host = Host::fixture(tree.path()).unwrap();
    let (mut evidence, mut texts) = (Recorded::default(), Vec::new());
    let reader: Reader<'_> = &mut |text, _| {
        texts.push((String::from_utf8_lossy(&text.found.path).into_owned(), text.bytes.to_owned()));
        Ok(Vec::new())
    };
    set.keep(&host, &mut evidence, reader).unwrap();
    (evidence, texts)
}

fn set(limits: Limits, order: Order) -> FileSet<'static> {
    FileSet { table: "files", groups: GROUPS, limits, order, include_secrets: false, is_read: None }
}

fn row<'a>(evidence: &'a Recorded, path: &str) -> &'a Value {
    evidence.rows("files").iter().find(|row| row["path"] == path).unwrap_or(&Value::Null)
}

fn paths(evidence: &Recorded) -> Vec<&str> {
    evidence.rows("files").iter().map(|row| row["path"].as_str().unwrap_or("?")).collect()
}

#[test]
fn patterns_mean_files_and_folders_are_no_entries() {
    let (evidence, texts) = kept(set(limits(), Order::Path), |root| {
        for path in ["etc/a", "etc/b", "etc/d/1", "etc/d/sub/2", "etc/tree/x/y/z", "etc/q/r/deep", "etc/deep", "usr/lib/x/u"] {
            write(root, path, path);
        }
        symlink("usr/lib", root.join("lib")).unwrap();
    });
    assert_eq!(paths(&evidence), ["/etc/a", "/etc/d/1", "/etc/deep", "/etc/q/r/deep", "/etc/tree/x/y/z", "/usr/lib/x/u"]);
    assert_eq!(evidence.member("/etc/tree/x/y/z"), Some(&b"etc/tree/x/y/z"[..]));
    let file = row(&evidence, "/etc/d/1");
    assert_eq!((&file["sha256"], &file["stored"]), (&Digest::of(b"etc/d/1").to_string().into(), &7.into()));
    assert_eq!((&file["kind"], &file["directory"], &file["filename"]), (&"conf".into(), &"/etc/d".into(), &"1".into()));
    assert_eq!((texts.len(), evidence.gaps.len()), (6, 0));
}

#[test]
fn links_are_entries_and_what_they_lead_to_is_kept_once() {
    let (evidence, _) = kept(set(limits(), Order::Path), |root| {
        write(root, "opt/hidden", "payload");
        symlink("/opt/hidden", root.join("etc-a")).unwrap();
        std::fs::create_dir_all(root.join("etc/d")).unwrap();
        std::fs::create_dir_all(root.join("etc/tree")).unwrap();
        symlink("../../opt/hidden", root.join("etc/d/1")).unwrap();
        symlink("/opt/hidden", root.join("etc/d/2")).unwrap();
        symlink("none", root.join("etc/d/dangling")).unwrap();
        symlink("loop", root.join("etc/d/loop")).unwrap();
        symlink("..", root.join("etc/tree/up")).unwrap();
    });
    assert_eq!(paths(&evidence), ["/etc/d/1", "/etc/d/2", "/etc/d/dangling", "/etc/d/loop", "/etc/tree/up", "/opt/hidden"]);
    assert_eq!(row(&evidence, "/etc/d/1")["symlink_target_path"], "../../opt/hidden");
    assert_eq!(row(&evidence, "/opt/hidden")["via"], "/etc/d/1");
    assert_eq!((evidence.member("/opt/hidden"), evidence.member("/etc/d/loop")), (Some(&b"payload"[..]), Some(&b"loop"[..])));
    assert_eq!(evidence.gaps, []);
}

fn owned_by(uid: u32, link: &Path) {
    std::os::unix::fs::lchown(link, Some(uid), None).unwrap();
}

#[test]
fn a_link_does_not_decide_what_a_file_is() {
    let (evidence, _) = kept(set(limits(), Order::Path), |root| {
        write(root, "var/lib/status", "token=hunter2");
        std::fs::create_dir_all(root.join("etc/d")).unwrap();
        symlink("/var/lib/status", root.join("etc/d/1")).unwrap();
    });
    let file = row(&evidence, "/var/lib/status");
    assert_eq!((&file["kind"], file.get("via")), (&"plain".into(), None));
    assert_eq!(evidence.member("/var/lib/status"), Some(&b"token=hunter2"[..]));
}

#[test]
fn a_link_in_the_place_of_a_folder_is_followed_if_it_is_root_s_and_told_if_not() {
    if !nix::unistd::geteuid().is_root() {
        return skip("root, to own links as others do", nix::unistd::geteuid());
    }
    for (uid, count) in [(0, 1), (1000, 0)] {
        let (evidence, _) = kept(set(limits(), Order::Path), |root| {
            write(root, "opt/x/job", "evil");
            std::fs::create_dir_all(root.join("etc/cron.z")).unwrap();
            symlink("../opt/x", root.join("etc/cron.d")).unwrap();
            symlink("/none", root.join("etc/cron.none")).unwrap();
            owned_by(uid, &root.join("etc/cron.d"));
        });
        assert_eq!((evidence.rows("files").len(), evidence.gaps.len()), (count, 1 - count));
        match evidence.gaps.first() {
            Some(gap) => assert!(gap.source == "/etc/cron.d" && gap.reason.contains("../opt/x"), "{gap:?}"),
            None => assert_eq!(row(&evidence, "/opt/x/job")["via"], "/etc/cron.d"),
        }
    }
}

#[test]
fn a_user_s_link_to_a_folder_leads_no_further_than_his_home() {
    if !nix::unistd::geteuid().is_root() {
        return skip("root, to own links as others do", nix::unistd::geteuid());
    }
    let (evidence, _) = kept(set(limits(), Order::Path), |root| {
        write(root, "etc/passwd", "ann:x:1000:1000::/home/ann:\nbob:x:1001:1::/home/bob:\neve:x:1002:1::/home/eve:\n");
        write(root, "home/ann/dot/key", "ann's");
        write(root, "opt/bob/key", "bob's");
        write(root, "usr/secret", "x");
        for (user, target, uid) in [("ann", "dot", 1000), ("bob", "/opt/bob", 0), ("eve", "/usr", 1002)] {
            std::fs::create_dir_all(root.join("home").join(user)).unwrap();
            let link = root.join("home").join(user).join(".ssh");
            symlink(target, &link).unwrap();
            owned_by(uid, &link);
        }
    });
    assert_eq!(paths(&evidence), ["/home/ann/dot/key", "/opt/bob/key"]);
    assert_eq!((evidence.gaps.len(), evidence.gaps[0].source.as_str()), (1, "/home/eve/.ssh"));
}

#[test]
fn one_user_does_not_take_the_room_of_the_others() {
    let set = set(Limits { entries: 100, ..limits() }, Order::Path);
    let (evidence, _) = kept(set, |root| {
        write(root, "etc/passwd", "ann:x:1000:1000::/home/ann:\nbob:x:1001:1::/home/bob:\n");
        for n in 0..50 {
            write(root, &format!("home/ann/.tree/{n}/empty/sub"), "");
        }
        write(root, "home/bob/.tree/a", "");
    });
    assert_eq!(row(&evidence, "/home/bob/.tree/a")["username"], "bob");
    assert_eq!((evidence.gaps.len(), evidence.gaps[0].source.as_str()), (1, "/home/ann"));
}

#[test]
fn paths_that_nobody_can_open_are_one_gap() {
    let (evidence, _) = kept(set(limits(), Order::Path), |root| {
        write(root, "etc/tree/a", "");
        let mut dir = nix::dir::Dir::open(&root.join("etc/tree"), nix::fcntl::OFlag::O_DIRECTORY, Mode::empty()).unwrap();
        let name = "n".repeat(250);
        for _ in 0..20 {
            nix::sys::stat::mkdirat(&dir, name.as_str(), Mode::S_IRWXU).unwrap();
            dir = nix::dir::Dir::openat(&dir, name.as_str(), nix::fcntl::OFlag::O_DIRECTORY, Mode::empty()).unwrap();
        }
    });
    assert_eq!((paths(&evidence), evidence.gaps.len()), (vec!["/etc/tree/a"], 1));
    assert!(evidence.gaps[0].reason.contains("4096"), "{:?}", evidence.gaps);
}

#[test]
fn gaps_beyond_the_limit_are_counted() {
    let mut evidence = Recorded::default();
    let mut few = gaps::Few::new(&mut evidence);
    (0..gaps::MOST_GAPS + 3).for_each(|_| few.gap(crate::model::Gap::whole(b"/x", "gone")));
    few.tell("files");
    assert_eq!(evidence.gaps.len(), gaps::MOST_GAPS + 1);
    assert!(evidence.gaps.last().unwrap().reason.starts_with("3 more"));
}

/// What is kept of a tree in which each line of each text names a file.
fn kept_with_what_is_named(lay_out: impl FnOnce(&Path)) -> Recorded {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(tree.path().join("proc")).unwrap();
    lay_out(tree.path());
    let mut evidence = Recorded::default();
    let named = |bytes: &[u8]| bytes.split(|b| *b == b'\n').filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect();
    let reader: Reader<'_> = &mut |text, _| Ok(named(text.bytes));
    set(limits(), Order::Path).keep(&Host::fixture(tree.path()).unwrap(), &mut evidence, reader).unwrap();
    evidence
}

#[test]
fn what_texts_name_is_kept_once_and_so_is_what_that_names() {
    let evidence = kept_with_what_is_named(|root| {
        write(root, "etc/a", "/opt/one\n/none\n/opt");
        write(root, "opt/one", "/opt/two\n/opt/link\n/etc/a");
        write(root, "opt/two", "/opt/one");
        symlink("two", root.join("opt/link")).unwrap();
    });
    assert_eq!(paths(&evidence), ["/etc/a", "/opt/one", "/opt/two"]);
    assert_eq!((&row(&evidence, "/opt/one")["via"], &row(&evidence, "/opt/two")["via"]), (&"/etc/a".into(), &"/opt/one".into()));
    assert_eq!(evidence.gaps, []);
}

#[test]
fn names_beyond_the_limit_are_counted() {
    let names: String = (0..named::MOST_NAMED + 2).map(|n| format!("/opt/{n}\n")).collect();
    let evidence = kept_with_what_is_named(|root| {
        write(root, "etc/a", names.trim_end());
        write(root, "opt/0", "/opt/1");
        write(root, &format!("opt/{}", named::MOST_NAMED), "");
    });
    assert_eq!(paths(&evidence), ["/etc/a", "/opt/0"]);
    assert_eq!((evidence.gaps.len(), evidence.gaps[0].source.as_str()), (1, "files"));
    assert!(evidence.gaps[0].reason.starts_with("2 names"), "{:?}", evidence.gaps);
}

#[test]
fn a_user_takes_no_more_than_his_share_of_the_bytes_and_none_of_the_hosts() {
    for order in [Order::Path, Order::NewestFirst] {
        let (evidence, _) = kept(set(Limits::bytes(60, 100), order), |root| {
            write(root, "etc/passwd", "root:x:0:0::/root:\nann:x:1000:1000::/home/ann:\nbob:x:1001:1::/home/bob:\n");
            write(root, "var/log/auth.log", [b'l'; 50]);
            write(root, "root/.rc", [b'r'; 20]);
            for path in ["home/ann/.rc", "home/ann/.ssh/1", "home/ann/.ssh/2"] {
                write(root, path, [b'a'; 8]);
            }
            write(root, "home/bob/.rc", [b'b'; 9]);
        });
        let kept = ["/var/log/auth.log", "/root/.rc", "/home/bob/.rc"].map(|path| evidence.member(path).map(<[u8]>::len));
        assert_eq!(kept, [Some(50), Some(20), Some(9)], "{order:?}");
        let hers = evidence.rows("files").iter().filter(|row| row["username"] == "ann");
        assert_eq!(hers.map(|row| row["stored"].as_u64().unwrap()).sum::<u64>(), 10);
        let gap = evidence.gaps.iter().find(|gap| gap.source == "/home/ann").unwrap();
        assert!(gap.reason.contains("1 files of 8 bytes") && gap.reason.contains("which is 10 bytes"), "{gap:?}");
    }
}

#[test]
fn what_the_host_s_links_lead_to_comes_before_all_else_of_a_user() {
    for linked in ["home/ann/evil.service", "home/ann/.ssh/3"] {
        let (evidence, _) = kept(set(Limits::bytes(60, 100), Order::Path), |root| {
            write(root, "etc/passwd", "root:x:0:0::/root:\nann:x:1000:1000::/home/ann:\n");
            for path in ["home/ann/.rc", "home/ann/.ssh/1", "home/ann/.ssh/2"] {
                write(root, path, [b'a'; 8]);
            }
            write(root, linked, "ExecSt=x");
            std::fs::create_dir_all(root.join("etc/d")).unwrap();
            symlink(format!("/{linked}"), root.join("etc/d/evil.service")).unwrap();
        });
        assert_eq!(evidence.member(&format!("/{linked}")), Some(&b"ExecSt=x"[..]), "{linked}");
        let hers = evidence.rows("files").iter().filter(|row| row["path"].as_str().unwrap().starts_with("/home/ann/"));
        assert_eq!(hers.map(|row| row["stored"].as_u64().unwrap()).sum::<u64>(), 10, "{linked}: her share is what it was");
    }
}

#[test]
fn files_of_holes_take_no_room() {
    let (evidence, _) = kept(set(Limits::bytes(1 << 20, 2 << 20), Order::Path), |root| {
        for path in ["etc/d/1", "etc/d/2", "etc/d/3", "var/log/1", "var/log/2"] {
            write(root, path, "");
            std::fs::File::options().write(true).open(root.join(path)).unwrap().set_len(1 << 20).unwrap();
        }
        write(root, "var/log/auth.log", "kept");
    });
    assert_eq!(evidence.member("/var/log/auth.log"), Some(&b"kept"[..]));
    assert_eq!(evidence.member("/etc/d/1").map(<[u8]>::len), Some(1 << 20));
    // Of zeros there is a limit, too.
    assert_eq!(evidence.members.iter().map(|(.., content)| content.len()).sum::<usize>(), (2 << 20) + 4);
    assert_eq!(evidence.gaps, []);
}

#[test]
fn what_a_user_s_texts_name_takes_no_place_of_what_the_host_s_name() {
    let names: String = (0..named::MOST_NAMED).map(|n| format!("/none/{n}\n")).collect();
    let evidence = kept_with_what_is_named(|root| {
        write(root, "etc/passwd", "ann:x:1000:1000::/home/ann:\n");
        write(root, "home/ann/.rc", names.trim_end());
        write(root, "lib/x/1", "/opt/one");
        write(root, "opt/one", "/opt/two");
        write(root, "opt/two", "");
    });
    assert_eq!(paths(&evidence), ["/lib/x/1", "/opt/one", "/opt/two", "/home/ann/.rc"]);
    assert!(evidence.gaps.len() == 1 && evidence.gaps[0].reason.starts_with("2 names"), "{:?}", evidence.gaps);
}

#[test]
fn a_user_s_link_does_not_take_along_what_the_host_s_texts_name() {
    let evidence = kept_with_what_is_named(|root| {
        write(root, "etc/passwd", "ann:x:1000:1000::/home/ann:\n");
        write(root, "lib/x/1", "/opt/one");
        write(root, "opt/one", "");
        write(root, "opt/two", "");
        std::fs::create_dir_all(root.join("home/ann/.ssh")).unwrap();
        symlink("/opt/one", root.join("home/ann/.ssh/1")).unwrap();
        symlink("/opt/two", root.join("home/ann/.ssh/2")).unwrap();
    });
    assert_eq!(paths(&evidence), ["/lib/x/1", "/opt/one", "/home/ann/.ssh/1", "/home/ann/.ssh/2", "/opt/two"]);
    assert_eq!((&row(&evidence, "/opt/one")["via"], evidence.gaps.len()), (&"/lib/x/1".into(), 0));
}

#[test]
fn odd_names_are_kept_and_fifos_are_listed_and_not_opened() {
    let (evidence, _) = kept(set(limits(), Order::Path), |root| {
        std::fs::create_dir_all(root.join("etc/d")).unwrap();
        std::fs::write(root.join("etc/d").join(OsStr::from_bytes(b"n\n\x1b[2J\xff")), "odd").unwrap();
        nix::unistd::mkfifo(&root.join("etc/d/fifo"), Mode::S_IRWXU).unwrap();
        drop(std::os::unix::net::UnixListener::bind(root.join("etc/d/socket")).unwrap());
    });
    assert!(evidence.members.iter().any(|(path, _, content)| path == b"/etc/d/n\n\x1b[2J\xff" && content == b"odd"));
    assert_eq!(
        (&row(&evidence, "/etc/d/fifo")["type"], &row(&evidence, "/etc/d/socket")["type"]),
        (&"fifo".into(), &"socket".into())
    );
    assert_eq!((evidence.rows("files").len(), evidence.gaps.len()), (3, 0));
}

#[test]
fn homes_are_those_of_accounts_and_those_of_nobody() {
    let (evidence, _) = kept(set(limits(), Order::Path), |root| {
        let passwd = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/data/ann:/bin/sh\nbob:x:1001:1::/data/ann:/bin/sh\nbad\n";
        write(root, "etc/passwd", passwd);
        for path in ["root/.rc", "data/ann/.rc", "home/left/.rc", "home/left/.ssh/key"] {
            write(root, path, "x");
        }
    });
    let mut found = paths(&evidence);
    assert_eq!(found.last(), Some(&"/data/ann/.rc"), "what a user decides comes last");
    found.sort_unstable();
    assert_eq!(found, ["/data/ann/.rc", "/home/left/.rc", "/home/left/.ssh/key", "/root/.rc"]);
    let file = row(&evidence, "/data/ann/.rc");
    assert_eq!((&file["username"], &file["home"]), (&"ann".into(), &"/data/ann".into()));
    assert!(row(&evidence, "/home/left/.rc").get("username").is_none());
    assert_eq!(evidence.gaps, []);
}

#[test]
fn secrets_are_lengths_and_digests() {
    let lay_out = |root: &Path| {
        write(root, "etc/passwd", "ann:x:1:1::/home/ann:\n");
        write(root, "etc/shadow", "root:$6$salt$hash:1:\n");
        write(root, "etc/a", "run --token hunter2 /bin/x\n");
        write(root, "home/ann/.ssh/id", "-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n");
        write(root, "home/ann/.ssh/.netrc", "machine h login u password p");
        write(root, "etc/d/program", b"\x7fELF password=hunter2");
    };
    let (evidence, texts) = kept(set(limits(), Order::Path), lay_out);
    assert_eq!(evidence.member("/etc/shadow"), Some(&b"root:$6$xxxxxxxxx:1:\n"[..]));
    assert_eq!(evidence.member("/etc/a"), Some(&b"run --token xxxxxxx /bin/x\n"[..]));
    let key = &b"-----BEGIN PRIVATE KEY-----\nxxxxxxxx\n-----END PRIVATE KEY-----\n"[..];
    assert_eq!(evidence.member("/home/ann/.ssh/id"), Some(key));
    assert_eq!(evidence.member("/etc/d/program"), Some(&b"\x7fELF password=hunter2"[..]));
    assert_eq!(evidence.member("/home/ann/.ssh/.netrc"), None);
    let file = row(&evidence, "/home/ann/.ssh/.netrc");
    let digest = Digest::of(b"machine h login u password p").to_string();
    assert_eq!((&file["secret"], &file["stored"], &file["sha256"]), (&1.into(), &0.into(), &digest.into()));
    assert_eq!(row(&evidence, "/etc/a")["hidden_bytes"], 7);
    assert_eq!(row(&evidence, "/etc/a")["sha256"], Digest::of(b"run --token hunter2 /bin/x\n").to_string());
    assert!(texts.iter().all(|(path, text)| path.ends_with("program") || !text.windows(7).any(|w| w == b"hunter2")));
    let (evidence, _) = kept(FileSet { include_secrets: true, ..set(limits(), Order::Path) }, lay_out);
    assert_eq!(evidence.member("/etc/shadow"), Some(&b"root:$6$salt$hash:1:\n"[..]));
    assert!(evidence.member("/home/ann/.ssh/.netrc").is_some());
}

#[test]
fn a_name_does_not_hide_what_may_run_or_is_read() {
    let lay_out = |root: &Path| {
        write(root, "etc/passwd", "ann:x:1:1::/home/ann:\n");
        write(root, "etc/cron.d/kubeconfig", "* * * * * root /tmp/x --token hunter2\n");
        write(root, "etc/cron.d/shadow", "* * * * * root : /tmp/x\n");
        write(root, "etc/d/.netrc", b"\x7fELF password=hunter2");
        write(root, "var/log/.netrc", b"#!/bin/sh\nTOKEN=hunter2 id\n");
        write(root, "home/ann/.ssh/.netrc", "ssh-ed25519 AAAA\nmachine h password hunter2");
        write(root, "root/.pgpass", "* * * * * root /tmp/y\n");
        symlink("/root/.pgpass", root.join("etc/cron.d/link")).unwrap();
        write(root, "home/ann/.vault-token", "hunter2");
        std::fs::create_dir_all(root.join("home/ann/.tree/cron.d")).unwrap();
        symlink("/home/ann/.vault-token", root.join("home/ann/.tree/cron.d/link")).unwrap();
        write(root, "etc/d/opasswd", "ann:hunter2");
    };
    let is_read = |path: &[u8]| path == b"/home/ann/.ssh/.netrc";
    let (evidence, texts) = kept(FileSet { is_read: Some(&is_read), ..set(limits(), Order::Path) }, lay_out);
    for (path, shown) in [
        ("/etc/cron.d/kubeconfig", &b"* * * * * root /tmp/x --token xxxxxxx\n"[..]),
        ("/etc/cron.d/shadow", b"* * * * * root : /tmp/x\n"),
        ("/etc/d/.netrc", b"\x7fELF password=hunter2"),
        ("/var/log/.netrc", b"#!/bin/sh\nTOKEN=xxxxxxx id\n"),
        ("/home/ann/.ssh/.netrc", b"ssh-ed25519 AAAA\nmachine h password xxxxxxx"),
        ("/root/.pgpass", b"* * * * * root /tmp/y\n"),
    ] {
        assert_eq!(evidence.member(path), Some(shown), "{path}");
        assert!(row(&evidence, path).get("secret").is_none() && texts.iter().any(|(text, _)| text == path), "{path}");
    }
    // A link of a user's own does not say that the host runs it.
    for path in ["/etc/d/opasswd", "/home/ann/.vault-token"] {
        assert_eq!((evidence.member(path), &row(&evidence, path)["secret"]), (None, &1.into()), "{path}");
    }
    // What the text of a crontab names is not read by cron: it is a secret still.
    let evidence = kept_with_what_is_named(|root| {
        write(root, "etc/cron.d/a", "/root/.netrc");
        write(root, "root/.netrc", "machine h password hunter2");
    });
    assert_eq!((evidence.member("/root/.netrc"), &row(&evidence, "/root/.netrc")["secret"]), (None, &1.into()));
}

#[test]
fn what_is_hidden_depends_on_the_file_and_not_on_the_link_that_leads_to_it() {
    let lay_out = |root: &Path| {
        write(root, "etc/passwd", "ann:abJnggxhB/yWI:1:1::/home/ann:\nbob:x:0:0:b@h::\n");
        write(root, "etc/shadow-", "root:$6$salt$hash:1:\n");
        write(root, "home/ann/notes", "hunter2");
        std::fs::create_dir_all(root.join("home/ann/.ssh")).unwrap();
        std::fs::create_dir_all(root.join("etc/d")).unwrap();
        symlink("/etc/passwd", root.join("etc/d/1")).unwrap();
        symlink("/etc/shadow-", root.join("home/ann/.rc")).unwrap();
        write(root, "var/log/hunt", "");
        write(root, "root/.netrc", "hunter2");
        write(root, "etc/gshadow", "root:$6$salt$hash::\n");
        symlink("/root/.netrc", root.join("var/log/a")).unwrap();
        symlink("/etc/gshadow", root.join("var/log/b")).unwrap();
        symlink("../notes", root.join("home/ann/.ssh/.netrc")).unwrap();
        write(root, "var/lib/db", "SQLite hunter2");
    };
    let (evidence, _) = kept(set(limits(), Order::Path), lay_out);
    assert_eq!(evidence.member("/etc/shadow-"), Some(&b"root:$6$xxxxxxxxx:1:\n"[..]));
    assert_eq!(evidence.member("/etc/passwd"), Some(&b"ann:xxxxxxxxxxxxx:1:1::/home/ann:\nbob:x:0:0:b@h::\n"[..]));
    assert_eq!(evidence.member("/etc/gshadow"), Some(&b"root:$6$xxxxxxxxx::\n"[..]));
    assert_eq!((&row(&evidence, "/home/ann/notes")["secret"], &row(&evidence, "/root/.netrc")["secret"]), (&1.into(), &1.into()));
    let database = row(&evidence, "/var/lib/db");
    assert_eq!((&database["secret"], &database["sha256"]), (&1.into(), &Digest::of(b"SQLite hunter2").to_string().into()));
    assert!(!evidence.members.iter().any(|(.., content)| content.windows(7).any(|w| w == b"hunter2")));
    let (evidence, _) = kept(FileSet { include_secrets: true, ..set(limits(), Order::Path) }, lay_out);
    assert_eq!(evidence.member("/var/lib/db"), Some(&b"SQLite hunter2"[..]));
}

#[test]
fn a_database_is_handed_on_as_it_is_and_not_kept() {
    const CONTENT: &[u8] = b"\0password=hunter2";
    let lay_out = |root: &Path| write(root, "var/lib/read.db", CONTENT);
    let (evidence, texts) = kept(set(limits(), Order::Path), lay_out);
    assert_eq!(texts, [("/var/lib/read.db".to_owned(), CONTENT.to_owned())]);
    let file = row(&evidence, "/var/lib/read.db");
    assert_eq!((&file["secret"], &file["stored"], &file["truncated"]), (&1.into(), &0.into(), &0.into()));
    assert_eq!(file["sha256"], Digest::of(CONTENT).to_string());
    assert!(evidence.members.is_empty() && evidence.gaps.is_empty(), "{evidence:?}");
    let (evidence, texts) = kept(FileSet { include_secrets: true, ..set(limits(), Order::Path) }, lay_out);
    assert_eq!((texts.len(), evidence.member("/var/lib/read.db")), (1, Some(CONTENT)));
}

#[test]
fn a_database_that_is_too_long_is_a_gap() {
    let set = set(Limits::bytes(1 << 30, 1 << 30), Order::Path);
    let (evidence, texts) = kept(set, |root| {
        write(root, "var/lib/read.db", "SQLite hunter2");
        let file = std::fs::File::options().write(true).open(root.join("var/lib/read.db")).unwrap();
        file.set_len(keep::MOST_DATABASE + 1).unwrap();
    });
    let file = row(&evidence, "/var/lib/read.db");
    assert_eq!((&file["secret"], &file["truncated"], &file["errors"][0]["errno"]), (&1.into(), &1.into(), &"limit".into()));
    assert_eq!((texts.len(), evidence.members.len(), evidence.gaps.len()), (0, 0, 1));
    assert!(evidence.gaps[0].reason.contains("67108864 bytes"), "{:?}", evidence.gaps);
}

#[test]
fn the_end_of_a_text_does_not_begin_within_a_secret() {
    let (evidence, _) = kept(set(Limits::bytes(20, 99), Order::NewestFirst), |root| {
        write(root, "etc/a", "export TOKEN=0123456789abcdef\nls -l\n");
    });
    assert_eq!(evidence.member("/etc/a@16"), Some(&b"xxxxxxxxxxxxx\nls -l\n"[..]));
    assert_eq!((&row(&evidence, "/etc/a")["hidden_bytes"], &row(&evidence, "/etc/a")["stored"]), (&13.into(), &20.into()));
}

#[test]
fn a_file_of_holes_costs_its_data_and_one_that_is_too_long_is_cut() {
    let (evidence, texts) = kept(set(Limits::bytes(1 << 20, 2 << 20), Order::Path), |root| {
        std::fs::create_dir_all(root.join("etc/d")).unwrap();
        let sparse = std::fs::File::create(root.join("etc/d/sparse")).unwrap();
        sparse.write_all_at(b"* * * * * password=hunter2", 1 << 42).unwrap();
        write(root, "etc/a", vec![b'a'; 3 << 20]);
    });
    let piece = evidence.members.iter().find(|(path, ..)| path.starts_with(b"/etc/d/sparse@")).unwrap();
    assert!(piece.2.len() < 1 << 20 && piece.2.windows(17).any(|w| w == b"* password=xxxxxx"), "{}", piece.2.len());
    assert_eq!(row(&evidence, "/etc/d/sparse")["truncated"], 1);
    assert_eq!(evidence.member("/etc/a@0").map(<[u8]>::len), Some(1 << 20));
    assert_eq!((evidence.gaps.len(), evidence.gaps[0].offset, texts.len()), (1, Some(1 << 20), 0));
}

#[test]
fn the_newest_files_come_first_and_of_a_long_one_its_end() {
    let set = set(Limits::bytes(10, 25), Order::NewestFirst);
    let (evidence, _) = kept(set, |root| {
        for (name, age, text) in
            [("old", 300, "0123456789"), ("older", 400, "x"), ("new", 100, "abcdefghijKLMN"), ("mid", 200, "mmmmmmmmmm")]
        {
            write(root, &format!("var/log/{name}"), text);
            let file = std::fs::File::options().write(true).open(root.join("var/log").join(name)).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000 - age)).unwrap();
        }
    });
    assert_eq!(paths(&evidence), ["/var/log/new", "/var/log/mid", "/var/log/old", "/var/log/older"]);
    assert_eq!(evidence.member("/var/log/new@4"), Some(&b"efghijKLMN"[..]));
    assert_eq!(
        (evidence.member("/var/log/mid"), evidence.member("/var/log/old@5")),
        (Some(&b"mmmmmmmmmm"[..]), Some(&b"56789"[..]))
    );
    assert_eq!(row(&evidence, "/var/log/older")["errors"][0]["errno"], "limit");
    let last = evidence.gaps.last().unwrap();
    assert!(evidence.gaps.len() == 3 && last.reason.contains("1 files of 1 bytes"), "{:?}", evidence.gaps);
}

#[test]
fn what_is_useless_in_parts_is_kept_whole_or_not_at_all_and_plain_text_as_it_is() {
    let (evidence, texts) = kept(set(Limits::bytes(20, 100), Order::NewestFirst), |root| {
        write(root, "var/log/journal/large", [b'j'; 21]);
        write(root, "var/log/journal/small", [b'j'; 20]);
        write(root, "var/lib/status", "token=hunter2");
    });
    assert_eq!(evidence.member("/var/log/journal/small").map(<[u8]>::len), Some(20));
    assert_eq!((row(&evidence, "/var/log/journal/large")["stored"].as_u64(), evidence.gaps.len()), (Some(0), 1));
    assert_eq!(texts, [("/var/lib/status".to_owned(), b"token=hunter2".to_vec())]);
}

#[test]
fn a_hundred_thousand_files_are_bounded_and_do_not_hide_the_rest() {
    let set = set(Limits { names: 5_000, entries: 6_000, ..limits() }, Order::Path);
    let (evidence, _) = kept(set, |root| {
        write(root, "etc/a", "here");
        write(root, "f", "");
        std::fs::create_dir_all(root.join("var/log")).unwrap();
        for n in 0..100_000 {
            // ext4 allows 65,000 links to one file.
            if n % 60_000 == 0 {
                std::fs::write(root.join(format!("f{n}")), "").unwrap();
            }
            std::fs::hard_link(root.join(format!("f{}", n - n % 60_000)), root.join(format!("var/log/{n}"))).unwrap();
        }
    });
    assert_eq!((evidence.rows("files").len(), evidence.gaps.len()), (5_001, 1));
    assert_eq!(evidence.member("/etc/a"), Some(&b"here"[..]));
    assert!(evidence.gaps[0].reason.contains("5000 names"), "{:?}", evidence.gaps);
}

#[test]
fn the_number_of_files_is_bounded_and_said_once() {
    let set = set(Limits { entries: 3, ..limits() }, Order::Path);
    let (evidence, _) = kept(set, |root| (0..9).for_each(|n| write(root, &format!("etc/d/{n}"), "")));
    assert_eq!((evidence.rows("files").len(), evidence.gaps.len()), (3, 1));
}

#[test]
fn a_stop_is_passed_on() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(tree.path().join("proc")).unwrap();
    write(tree.path(), "etc/a", "x");
    let mut evidence = Recorded { stop: Some(Stop::OutOfTime), ..Recorded::default() };
    let host = Host::fixture(tree.path()).unwrap();
    let done = set(limits(), Order::Path).keep(&host, &mut evidence, &mut |_, _| Ok(Vec::new()));
    assert_eq!(done, Err(Stop::OutOfTime));
}
