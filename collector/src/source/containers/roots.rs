//! Folders of engines that were told to keep their state elsewhere: their own settings say where.

use serde_json::Value;

use crate::host::{Host, read};
use crate::source::file_set::Group;

/// Folders that can be moved: where each usually is, the file of settings, and the names of the setting, the newest first (dockerd,
/// containers-storage.conf(5), crio.conf(5), containerd-config.toml(5)).
const SETTINGS: [(&str, &str, &[&str]); 10] = [
    ("/var/lib/docker", "/etc/docker/daemon.json", &["data-root", "graph"]),
    ("/run/docker", "/etc/docker/daemon.json", &["exec-root"]),
    ("/var/lib/containers/storage", "/usr/share/containers/storage.conf", &["graphroot"]),
    ("/run/containers/storage", "/usr/share/containers/storage.conf", &["runroot"]),
    ("/var/lib/containers/storage", "/etc/containers/storage.conf", &["graphroot"]),
    ("/run/containers/storage", "/etc/containers/storage.conf", &["runroot"]),
    ("/var/lib/containers/storage", "/etc/crio/crio.conf", &["root"]),
    ("/run/containers/storage", "/etc/crio/crio.conf", &["runroot"]),
    ("/var/lib/containerd", "/etc/containerd/config.toml", &["root"]),
    ("/run/containerd", "/etc/containerd/config.toml", &["state"]),
];

/// A usual folder, and where it is instead or as well.
pub(in crate::source) type Moved = (&'static str, String);

/// All folders that settings of this host move. Settings that cannot be read say nothing here; they are kept as files, with a gap.
pub(in crate::source) fn moved(host: &Host) -> Vec<Moved> {
    let mut moved = Vec::new();
    for (usual, file, names) in SETTINGS {
        let Ok(text) = host.files.file(file, read::SMALL) else { continue };
        let Some(folder) = names.iter().find_map(|name| setting(&text.bytes, name)) else { continue };
        let folder = (usual, folder.trim_end_matches('/').to_owned());
        if folder.1 != usual && is_plain(&folder.1) && !moved.contains(&folder) {
            moved.push(folder);
        }
    }
    moved
}

/// The value of a setting: of a member of JSON, or of the first `name = "value"` of TOML.
fn setting(text: &[u8], name: &str) -> Option<String> {
    if text.trim_ascii_start().starts_with(b"{") {
        let value: Value = serde_json::from_slice(text).ok()?;
        return value.get(name).and_then(Value::as_str).map(str::to_owned);
    }
    let value = |line: &str| {
        let (key, value) = line.split_once('=')?;
        let (value, _) = value.trim_start().strip_prefix(['"', '\''])?.split_once(['"', '\''])?;
        (key.trim() == name).then(|| value.to_owned())
    };
    std::str::from_utf8(text).ok()?.lines().find_map(value)
}

/// Whether a folder's path means itself in a pattern.
fn is_plain(path: &str) -> bool {
    path.starts_with('/') && !path.contains(['*', '?', '[']) && !path.split('/').any(|part| part == "..")
}

/// The patterns of each group, and those that begin with a usual folder once more for where that is.
pub(in crate::source) fn patterns(groups: &[Group<'_>], moved: &[Moved]) -> Vec<Vec<String>> {
    let elsewhere = |pattern: &str| {
        let instead = |(usual, folder): &Moved| {
            let rest = pattern.strip_prefix(*usual).filter(|rest| rest.starts_with('/'))?;
            Some(format!("{folder}{rest}"))
        };
        moved.iter().filter_map(instead).collect::<Vec<String>>()
    };
    let all = |group: &Group<'_>| {
        let usual = group.patterns.iter().map(|pattern| (*pattern).to_owned());
        usual.chain(group.patterns.iter().flat_map(|pattern| elsewhere(pattern))).collect::<Vec<String>>()
    };
    groups.iter().map(all).collect()
}

/// The groups with these lists of patterns in the place of their own.
pub(in crate::source) fn groups<'a>(groups: &[Group<'a>], lists: &'a [Vec<&'a str>]) -> Vec<Group<'a>> {
    let with = |(group, list): (&Group<'a>, &'a Vec<&'a str>)| Group { kind: group.kind, form: group.form, patterns: list };
    groups.iter().zip(lists).map(with).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture;
    use crate::source::file_set::Form;

    #[test]
    fn settings_are_read_in_json_and_toml() {
        let of = |text: &str, name: &str| setting(text.as_bytes(), name);
        assert_eq!(of(r#"{"data-root":"/mnt/d","x":1}"#, "data-root").as_deref(), Some("/mnt/d"));
        let toml = "[storage]\n# graphroot = \"/a\"\ngraphroot=\"/b\" # c\nrunroot = '/r'\ngraphroot = \"/d\"\nn = 1\n";
        assert_eq!((of(toml, "graphroot").as_deref(), of(toml, "runroot").as_deref()), (Some("/b"), Some("/r")));
        for (text, name) in
            [("{", "data-root"), (r#"{"data-root":1}"#, "data-root"), ("root = \"/a", "root"), ("n = 1", "n"), ("", "n")]
        {
            assert_eq!(of(text, name), None, "{text}");
        }
    }

    #[test]
    fn patterns_of_a_folder_that_was_moved_are_there_twice() {
        let tree = tempfile::tempdir().unwrap();
        let files = [
            ("etc/docker/daemon.json", r#"{"data-root":"/mnt/docker/","exec-root":"/run/*"}"#),
            ("etc/containers/storage.conf", "graphroot = \"/mnt/../x\"\nrunroot = \"/run/containers/storage\"\n"),
        ];
        let moved = moved(&fixture::host(tree.path(), &files));
        assert_eq!(moved, [("/var/lib/docker", "/mnt/docker".to_owned())]);
        let own = [Group { kind: "a", form: Form::Json, patterns: &["/var/lib/docker/x/*", "/var/lib/dockerd/y", "~/z"] }];
        let texts = patterns(&own, &moved);
        let lists: Vec<Vec<&str>> = texts.iter().map(|list| list.iter().map(String::as_str).collect()).collect();
        let all = ["/var/lib/docker/x/*", "/var/lib/dockerd/y", "~/z", "/mnt/docker/x/*"];
        assert_eq!(groups(&own, &lists), [Group { kind: "a", form: Form::Json, patterns: &all }]);
    }

    proptest::proptest! {
        #[test]
        fn any_settings_are_survived(text: Vec<u8>) {
            let _ = setting(&text, "root");
        }
    }
}
