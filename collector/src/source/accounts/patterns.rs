//! Where accounts, and what they may do, are written down.

use crate::source::file_set::{Form, Group};

/// What `accounts` keeps.
pub(super) const GROUPS: &[Group<'_>] = &[
    Group {
        kind: "shadow",
        form: Form::Text,
        patterns: &["/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/var/lib/extrausers/*shadow*"],
    },
    Group {
        kind: "passwd",
        form: Form::Text,
        patterns: &["/etc/passwd", "/etc/passwd-", "/usr/lib/passwd", "/var/lib/extrausers/passwd"],
    },
    Group {
        kind: "group",
        form: Form::Text,
        patterns: &["/etc/group", "/etc/group-", "/usr/lib/group", "/var/lib/extrausers/group"],
    },
    Group {
        kind: "sudoers",
        form: Form::Text,
        patterns: &["/etc/sudoers", "/etc/sudoers.d/*", "/etc/doas.conf", "/etc/doas.d/*"],
    },
    Group {
        kind: "settings",
        form: Form::Text,
        patterns: &[
            "/etc/subuid*",
            "/etc/subgid*",
            "/etc/login.defs",
            "/etc/default/useradd",
            "/etc/adduser.conf",
            "/etc/shells",
            "/etc/securetty",
            "/etc/nologin",
            "/etc/sssd/**",
            "/etc/nslcd.conf",
            "/etc/ldap*.conf",
            "/etc/krb5.conf",
            "/etc/nsswitch.conf",
            "/var/lib/AccountsService/users/*",
            "/var/lib/extrausers/*",
        ],
    },
    Group { kind: "lectured", form: Form::Text, patterns: &["/var/lib/sudo/**", "/run/sudo/ts/*", "/var/db/sudo/**"] },
    // Whether there are credentials, since when, and whether they are those of another host: their digest tells.
    Group {
        kind: "credentials",
        form: Form::Text,
        patterns: &[
            "~/.aws/*",
            "~/.azure/*.json",
            "~/.config/gcloud/*",
            "~/.config/gh/hosts.yml",
            "~/.config/rclone/rclone.conf",
            "~/.docker/config.json",
            "~/.dockercfg",
            "~/.kube/config",
            "~/.netrc",
            "~/.git-credentials",
            "~/.pgpass",
            "~/.my.cnf",
            "~/.mylogin.cnf",
            "~/.s3cfg",
            "~/.boto",
            "~/.vault-token",
            "/etc/krb5.keytab",
        ],
    },
];
