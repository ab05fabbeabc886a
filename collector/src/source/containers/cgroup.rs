//! Which container a cgroup belongs to: engines and the kubelet write the container's id into its name.

/// What the path of a cgroup says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Belongs {
    /// Id of the container, or its name where the engine has no ids (LXC, systemd-nspawn).
    pub(super) container: Vec<u8>,
    /// The engine, where the path tells.
    pub(super) runtime: Option<&'static str>,
    /// Id of the pod (Kubernetes).
    pub(super) pod: Option<Vec<u8>>,
}

/// Prefixes of systemd scopes, and the engine that makes them. What `conmon` watches over a container with is not in it.
const SCOPES: [(&[u8], &str); 6] = [
    (b"docker-", "docker"),
    (b"cri-containerd-", "containerd"),
    (b"nerdctl-", "containerd"),
    (b"crio-", "cri-o"),
    (b"libpod-", "podman"),
    (b"podman-", "podman"),
];

/// Names of the cgroups in which engines put those of containers.
const PARENTS: [(&[u8], &str); 6] = [
    (b"docker", "docker"),
    (b"libpod_parent", "podman"),
    (b"ecs", "ecs"),
    (b"garden", "garden"),
    (b"actions_job", "docker"),
    (b"default", "containerd"),
];

/// Names in which a container has its own name.
const NAMED: [(&[u8], &[u8], &str); 4] = [
    (b"lxc.payload.", b"", "lxc"),
    (b"machine-", b".scope", "systemd-nspawn"),
    (b"systemd-nspawn@", b".service", "systemd-nspawn"),
    (b"libvirt-lxc-", b".libvirt-lxc", "lxc"),
];

/// What `path` says, if it is that of a container.
pub(super) fn of_path(path: &[u8]) -> Option<Belongs> {
    let parts: Vec<&[u8]> = path.split(|b| *b == b'/').filter(|part| !part.is_empty()).collect();
    let pod = parts.iter().find_map(|part| pod(part));
    let mut parent: Option<&[u8]> = None;
    let mut found = None;
    for part in &parts {
        if let Some(belongs) = component(part, parent) {
            found = Some(belongs);
        }
        parent = Some(part);
    }
    let found = found.filter(|found| !found.container.is_empty());
    match (found, pod) {
        (Some(found), pod) => Some(Belongs { pod, ..found }),
        // The sandbox's own cgroup, or one that names no container.
        (None, Some(pod)) => Some(Belongs { pod: Some(pod), ..Belongs::default() }),
        (None, None) => None,
    }
}

fn component(part: &[u8], parent: Option<&[u8]>) -> Option<Belongs> {
    let named = |(prefix, suffix, runtime): &(&[u8], &[u8], &'static str)| {
        let name = part.strip_prefix(*prefix)?.strip_suffix(*suffix)?;
        Some(Belongs { container: name.to_owned(), runtime: Some(*runtime), pod: None })
    };
    if let Some(found) = NAMED.iter().find_map(named) {
        return Some(found);
    }
    if parent == Some(b"lxc") {
        return Some(Belongs { container: part.to_owned(), runtime: Some("lxc"), pod: None });
    }
    let bare = part.strip_suffix(b".scope").unwrap_or(part);
    let scope = SCOPES.iter().find_map(|(prefix, runtime)| Some((bare.strip_prefix(*prefix)?, *runtime)));
    let (id, runtime) = match scope {
        Some((id, runtime)) => (id, Some(runtime)),
        None => (bare, parent.and_then(by_parent)),
    };
    is_id(id).then(|| Belongs { container: id.to_owned(), runtime, pod: None })
}

fn by_parent(parent: &[u8]) -> Option<&'static str> {
    PARENTS.iter().find(|(name, _)| *name == parent).map(|(_, runtime)| *runtime)
}

/// 64 hexadecimal digits; of Fargate 32 digits, `-` and decimal ones.
fn is_id(id: &[u8]) -> bool {
    let hex = |part: &[u8], length: usize| part.len() == length && part.iter().all(u8::is_ascii_hexdigit);
    let fargate = id.get(..32).zip(id.get(32..)).is_some_and(|(task, rest)| {
        hex(task, 32) && rest.strip_prefix(b"-").is_some_and(|number| number.len() > 4 && number.iter().all(u8::is_ascii_digit))
    });
    hex(id, 64) || fargate
}

/// `pod<uid>`, or `kubepods-burstable-pod<uid>.slice`, where systemd's rules make each `-` of the uid a `_`.
fn pod(part: &[u8]) -> Option<Vec<u8>> {
    let slice = part.strip_suffix(b".slice");
    let uid = match slice {
        Some(slice) => {
            let at = slice.windows(4).rposition(|four| four == b"-pod")?;
            slice.starts_with(b"kubepods").then(|| slice.get(at + 4..)).flatten()?
        }
        None => part.strip_prefix(b"pod")?,
    };
    let uid: Vec<u8> = uid.iter().map(|b| if *b == b'_' { b'-' } else { *b }).collect();
    let is_uid = uid.len() >= 32 && uid.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-');
    is_uid.then_some(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> String {
        "0123456789abcdef".repeat(4)
    }

    fn seen(path: &str) -> Option<(String, Option<&'static str>, Option<String>)> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        of_path(path.as_bytes()).map(|found| (text(found.container), found.runtime, found.pod.map(text)))
    }

    #[test]
    fn the_paths_of_all_engines() {
        let uid = "6b1f3a52-0c4d-4c3f-9a67-0f3b1d6a4e21";
        let cases = [
            (format!("/docker/{}", id()), Some("docker"), None),
            (format!("/system.slice/docker-{}.scope", id()), Some("docker"), None),
            (format!("/machine.slice/libpod-{}.scope/container", id()), Some("podman"), None),
            (format!("/kubepods/burstable/pod{uid}/{}", id()), None, Some(uid)),
            (
                format!(
                    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice/cri-containerd-{}.scope",
                    uid.replace('-', "_"),
                    id()
                ),
                Some("containerd"),
                Some(uid),
            ),
            (format!("/ecs/0123/{}", id()), None, None),
        ];
        for (path, runtime, pod) in cases {
            assert_eq!(seen(&path), Some((id(), runtime, pod.map(str::to_owned))), "{path}");
        }
        let fargate = format!("{}-1234567890", "0123456789abcdef".repeat(2));
        assert_eq!(seen(&format!("/ecs/{fargate}")), Some((fargate, Some("ecs"), None)));
        assert_eq!(seen("/lxc.payload.web/system.slice"), Some(("web".to_owned(), Some("lxc"), None)));
        assert_eq!(seen("/lxc/web"), Some(("web".to_owned(), Some("lxc"), None)));
    }

    #[test]
    fn other_cgroups_are_of_no_container() {
        let conmon = format!("/machine.slice/libpod-conmon-{}.scope", id());
        for path in ["/", "", "/user.slice/user-1000.slice/session-1.scope", "/system.slice/docker.service", "/podman", &conmon] {
            assert_eq!(seen(path), None, "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_path_is_survived(path: Vec<u8>) {
            let _ = of_path(&path);
        }
    }
}
