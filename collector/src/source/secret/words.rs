//! What the names of variables, values and files say: which of them are secrets.

use std::ops::Range;

/// A key that holds one of these, in any case, has a secret value.
const IN_KEY: [&[u8]; 9] =
    [b"TOKEN", b"SECRET", b"PASSWORD", b"PASSWD", b"PASSPHRASE", b"CREDENTIAL", b"APIKEY", b"AUTHORIZATION", b"AUTH_DATA"];

/// A key that ends with one of these, in any case, has a secret value. `PWD` alone is the working directory.
/// `client-key-data` of a kubeconfig is a private key in base64.
const AT_KEY_END: [&[u8]; 11] =
    [b"KEY", b"KEY-DATA", b"_DSN", b"PASS", b"_PWD", b"_COOKIE", b"AUTH", b"_PAT", b"PSK", b"AUTHTOK", b"BINDPW"];

/// Words that a secret follows without a sign, in any case: of HTTP, nslcd.conf(5), ldap.conf(5), pam_ldap, wpa_supplicant's lines in
/// interfaces(5), Apache and nginx.
pub(super) const VALUE_FOLLOWS: [&[u8]; 8] = [
    b"bearer",
    b"bindpw",
    b"rootpwmodpw",
    b"wpa-psk",
    b"wpa-passphrase",
    b"authldapbindpassword",
    b"sessioncryptopassphrase",
    b"secure_link_secret",
];

/// Words that the name of a variable or of a header follows, and then its value without a sign, in any case: of csh, Apache and nginx.
pub(super) const NAME_FOLLOWS: [&[u8]; 6] =
    [b"setenv", b"fastcgi_param", b"scgi_param", b"uwsgi_param", b"proxy_set_header", b"grpc_set_header"];

/// A value that holds one of these, in any case, assigns or carries a secret, as command lines and connection strings do.
const IN_VALUE: [&[u8]; 11] = [
    b"PASSWORD=",
    b"PASSWD=",
    b"PWD=",
    b"PASSPHRASE=",
    b"SECRET=",
    b"TOKEN=",
    b"API_KEY=",
    b"APIKEY=",
    b"ACCESS_KEY=",
    b"BEARER ",
    b"-----BEGIN",
];

/// Prefixes of issued tokens, and how many letters, digits, `-` and `_` must follow.
pub(super) const TOKENS: [(&[u8], usize); 15] = [
    (b"eyJ", 8),
    (b"ghp_", 20),
    (b"gho_", 20),
    (b"ghs_", 20),
    (b"ghu_", 20),
    (b"ghr_", 20),
    (b"npm_", 20),
    (b"AIza", 30),
    (b"github_pat_", 20),
    (b"glpat-", 16),
    (b"xoxb-", 10),
    (b"xoxp-", 10),
    (b"xoxa-", 10),
    (b"xoxs-", 10),
    (b"sk-", 20),
];

/// Bytes of an AWS access key id: `AKIA` or `ASIA` and 16 capitals or digits.
pub(super) const ACCESS_KEY: usize = 20;

/// Names of files that hold nothing but secrets.
const FILES: [&[u8]; 14] = [
    b".netrc",
    b".git-credentials",
    b".pgpass",
    b".my.cnf",
    b".mylogin.cnf",
    b".vault-token",
    b".s3cfg",
    b".boto",
    b"opasswd",
    b"chap-secrets",
    b"pap-secrets",
    b".dockercfg",
    b"kubeconfig",
    b".htpasswd",
];

/// Ends of paths of such files.
const PATHS: [&[u8]; 6] = [
    b"/.aws/credentials",
    b"/.docker/config.json",
    b"/.kube/config",
    b"/.config/gh/hosts.yml",
    b"/.azure/msal_token_cache.json",
    b"/.config/rclone/rclone.conf",
];

/// Parts of paths of such files.
const IN_PATH: [&[u8]; 10] = [
    // Secrets and tokens of service accounts that the kubelet lays into pods, and those of systemd, Docker and Podman.
    b"/kubernetes.io~secret/",
    b"/kubernetes.io~projected/",
    b"/secrets/kubernetes.io/",
    b"/run/secrets/",
    b"/run/credentials/",
    b"/.subversion/auth/",
    b"/.config/gcloud/access_tokens.db",
    b"/.config/gcloud/credentials.db",
    b"/.aws/sso/cache/",
    b"/.aws/cli/cache/",
];

/// Parts of paths of files that are read or run whatever they are called.
const RUN: [&[u8]; 13] = [
    b"/spool/cron/",
    b"/spool/at/",
    b"/etc/crontabs/",
    b"/etc/periodic/",
    // Units and all that is dropped in beside them.
    b"/systemd/",
    b"/etc/conf.d/",
    b"/etc/init/",
    b"/etc/rc.d/",
    b"/etc/runit/",
    b"/etc/sv/",
    b"/etc/udev/",
    b"/dispatcher.d/",
    b"/dracut/modules.d/",
];

/// Names of folders whose files are run or read as settings, mostly whatever they are called. Others that end in `.d` are not among them: a
/// `.htpasswd` in `/etc/nginx/conf.d` is one.
const DROP_INS: [&[u8]; 41] = [
    b"Xsession.d",
    b"apt.conf.d",
    b"bash_completion.d",
    b"binfmt.d",
    b"dhclient-enter-hooks.d",
    b"dhclient-exit-hooks.d",
    b"doas.d",
    b"dracut.conf.d",
    b"environment.d",
    b"exports.d",
    b"grub.d",
    b"hooks.d",
    b"if-down.d",
    b"if-post-down.d",
    b"if-pre-up.d",
    b"if-up.d",
    b"init.d",
    b"install.d",
    b"ip-down.d",
    b"ip-up.d",
    b"ld.so.conf.d",
    b"local.d",
    b"logrotate.d",
    b"modprobe.d",
    b"modules-load.d",
    b"motd.d",
    b"pam.d",
    b"postinst.d",
    b"postrm.d",
    b"profile.d",
    b"rsyslog.d",
    b"rules.d",
    b"ssh_config.d",
    b"sshd_config.d",
    b"sudoers.d",
    b"sysctl.d",
    b"sysusers.d",
    b"tmpfiles.d",
    b"update-motd.d",
    b"xinetd.d",
    b"xinitrc.d",
];

/// Ends of names of files that hold keys and no text.
const ENDINGS: [&[u8]; 8] = [b".p12", b".pfx", b".jks", b".keystore", b".kdbx", b".keytab", b".ppk", b".nmconnection"];

/// Whether the value of a variable called `key` is a secret.
pub(in crate::source) fn is_key(key: &[u8]) -> bool {
    let key = key.to_ascii_uppercase();
    let aws = key.starts_with(b"AWS_") && contains(&key, b"KEY");
    aws || IN_KEY.iter().any(|part| contains(&key, part)) || AT_KEY_END.iter().any(|end| key.ends_with(end))
}

/// Whether `text` holds a secret anywhere.
pub(in crate::source) fn is_text(text: &[u8]) -> bool {
    let upper = text.to_ascii_uppercase();
    IN_VALUE.iter().any(|part| contains(&upper, part))
        || text.windows(ACCESS_KEY).any(is_access_key)
        || TOKENS.iter().any(|(prefix, length)| has_token(text, prefix, *length))
        || has_password_in_url(text)
        || has_password_at_host(text)
}

/// Whether all of the file at `path` is a secret, by its name. What is in it, or what is done with it, may say otherwise ([`may_run`]).
pub(in crate::source) fn is_file(path: &[u8]) -> bool {
    let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    FILES.contains(&name) || PATHS.iter().any(|end| path.ends_with(end)) || is_laid_down(path) || has_ending(path)
}

/// Whether it lies where others lay secrets down: its name and mode are theirs.
fn is_laid_down(path: &[u8]) -> bool {
    IN_PATH.iter().any(|part| contains(path, part))
}

fn has_ending(path: &[u8]) -> bool {
    let path = path.to_ascii_lowercase();
    ENDINGS.iter().any(|end| path.ends_with(end))
}

/// How many first bytes of a file say what it is.
pub(in crate::source) const BEGINNING: u64 = 8192;

/// Whether the kernel would run what begins so.
pub(in crate::source) fn is_program(beginning: &[u8]) -> bool {
    beginning.starts_with(b"\x7fELF") || beginning.starts_with(b"#!")
}

/// Whether a file that is a secret by its name may be run or read by the system all the same: then its name must not hide it, and
/// only what looks like a secret in its lines is hidden. Its mode says nothing: file systems of other hosts give every file the permission
/// to be executed, and a password in a `.pgpass` looks like any word.
pub(in crate::source) fn may_run(path: &[u8], beginning: &[u8]) -> bool {
    if is_program(beginning) {
        return true;
    }
    let (is_text, holds_keys) = (!beginning.contains(&0), has_ending(path));
    // A store of keys in a folder of drop-ins has bytes of zero. A crontab may have one as well, in a comment.
    let is_run = is_run_from(path) && (is_text || !holds_keys || is_of_cron(path));
    !is_laid_down(path) && is_run
}

/// Whether what lies there is read or run whatever it is called: files of cron, at, systemd, init and udev, and folders of
/// drop-ins that are known.
pub(in crate::source) fn is_run_from(path: &[u8]) -> bool {
    is_of_cron(path) || is_of_drop_ins(folder(path)) || RUN.iter().any(|part| contains(path, part))
}

/// Whether a folder of this name holds drop-ins. `rc3.d` and `rcS.d` are those of a runlevel.
fn is_of_drop_ins(name: &[u8]) -> bool {
    let is_runlevel = name.len() == 5 && name.starts_with(b"rc") && name.ends_with(b".d");
    is_runlevel || DROP_INS.contains(&name)
}

fn is_of_cron(path: &[u8]) -> bool {
    folder(path).starts_with(b"cron.") || contains(path, b"/spool/cron/") || contains(path, b"/etc/crontabs/")
}

/// The name of the folder that it lies in.
fn folder(path: &[u8]) -> &[u8] {
    path.rsplit(|b| *b == b'/').nth(1).unwrap_or_default()
}

pub(super) fn is_access_key(window: &[u8]) -> bool {
    (window.starts_with(b"AKIA") || window.starts_with(b"ASIA"))
        && window.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

fn has_token(text: &[u8], prefix: &[u8], length: usize) -> bool {
    behind(text, prefix).any(|rest| rest.iter().take_while(|b| is_token_byte(**b)).count() >= length)
}

pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// `scheme://user:password@`, whatever the password holds but blanks and quotes.
fn has_password_in_url(text: &[u8]) -> bool {
    // Each word is looked at once, from its first `://` on: a password may hold another one.
    text.split(|b| b.is_ascii_whitespace() || b"\"'".contains(b)).any(|word| password_in_url(word).is_some())
}

/// `user:password@host` without a scheme.
fn has_password_at_host(text: &[u8]) -> bool {
    let stops = |b: &u8| b.is_ascii_whitespace() || b"/@".contains(b);
    let mut parts = text.split_inclusive(stops);
    parts.any(|part| {
        let login = part.strip_suffix(b"@").unwrap_or_default();
        login.iter().position(|b| *b == b':').is_some_and(|colon| colon > 0 && colon + 1 < login.len())
    })
}

/// Where in `word` the password of a URL stands.
pub(super) fn password_in_url(word: &[u8]) -> Option<Range<usize>> {
    let begin = word.windows(3).position(|three| three == b"://")? + 3;
    let authority = word.get(begin..)?;
    let at = authority.iter().rposition(|b| *b == b'@')?;
    let colon = authority.get(..at)?.iter().position(|b| *b == b':')?;
    (colon + 1 < at).then(|| begin + colon + 1..begin + at)
}

/// Where in `word`, which is no URL, the password of `user:password@host` stands.
pub(super) fn password_at_host(word: &[u8]) -> Option<Range<usize>> {
    let at = word.iter().rposition(|b| *b == b'@')?;
    let login = word.get(..at)?;
    let colon = login.iter().position(|b| *b == b':').filter(|colon| *colon > 0)?;
    (colon + 1 < at && !login.iter().any(|b| b"/@".contains(b))).then_some(colon + 1..at)
}

/// What stands behind each occurrence of `part`.
fn behind<'a>(text: &'a [u8], part: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    text.windows(part.len()).zip(part.len()..).filter(move |(window, _)| *window == part).filter_map(|(_, end)| text.get(end..))
}

pub(super) fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_secrets_are_known() {
        for path in [
            "/root/.aws/credentials",
            "/home/a/.netrc",
            "/etc/security/opasswd",
            "/etc/x/Server.P12",
            "/home/a/.subversion/auth/svn.simple/0",
            "/r/.config/gcloud/access_tokens.db",
        ] {
            assert!(is_file(path.as_bytes()), "{path}");
        }
        for path in ["/root/.aws/config", "/etc/passwd", "/home/a/.ssh/id_rsa.pub", "/home/a/netrc"] {
            assert!(!is_file(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn a_name_hides_nothing_that_may_run() {
        for (path, beginning) in [
            ("/etc/cron.d/kubeconfig", &b"* * * * * root /tmp/x\n"[..]),
            ("/etc/cron.d/x.p12", b"#\0\n* * * * * root /tmp/x\n"),
            ("/l/diff/etc/cron.daily/opasswd", b"id"),
            ("/var/spool/cron/crontabs/opasswd", b"@reboot id"),
            ("/etc/sudoers.d/pap-secrets", b"ann ALL=(ALL) NOPASSWD: ALL"),
            ("/etc/profile.d/kubeconfig", b"/tmp/x &"),
            ("/etc/rc3.d/kubeconfig", b"/tmp/x &"),
            ("/etc/NetworkManager/dispatcher.d/pre-up.d/kubeconfig", b"/tmp/x &"),
            ("/etc/systemd/system/opasswd", b"[Service]"),
            ("/etc/systemd/system/a.service.d/opasswd", b"[Service]"),
            ("/tmp/.netrc", b"\x7fELF\x02"),
            ("/run/secrets/x", b"#!/bin/sh"),
        ] {
            assert!(is_file(path.as_bytes()) && may_run(path.as_bytes(), beginning), "{path}");
        }
        for (path, beginning) in [
            ("/root/.netrc", &b"machine h password p"[..]),
            ("/tmp/.mylogin.cnf", b"\0\0"),
            ("/tmp/a.ppk", b"PuTTY-User-Key-File-3: ssh-rsa"),
            ("/etc/tls.d/a.jks", b"\xfe\xed\xfe\xed\0"),
            ("/etc/nginx/conf.d/.htpasswd", b"ann:$apr1$a$b"),
            ("/srv/keys.d/.pgpass", b"*:*:*:*:hunter2"),
            ("/srv/rc.d/.vault-token", b"hvs.CAES"),
            ("/run/secrets/db", b"hunter2"),
            ("/etc/security/opasswd", b"ann:1000:1:$6$a$b"),
        ] {
            assert!(is_file(path.as_bytes()) && !may_run(path.as_bytes(), beginning), "{path}");
        }
    }

    #[test]
    fn the_key_of_a_kubeconfig_is_a_secret() {
        assert!(is_key(b"client-key-data") && !is_key(b"client-certificate-data"));
        let mut text = b"    client-key-data: LS0tLS1CRUdJTg==\n    user: ann\n".to_vec();
        assert!(super::super::mask(&mut text) > 0);
        assert!(!contains(&text, b"LS0tLS1CRUdJTg") && text.ends_with(b"\n    user: ann\n"));
    }
}
