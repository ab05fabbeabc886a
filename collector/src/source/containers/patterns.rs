//! Where container engines keep what they know of containers. Their logs are in `logs`.

use crate::source::file_set::{Form, Group};

/// Files of state, by engine. Tokens and keys that lie among them are withheld.
pub(super) const GROUPS: &[Group<'_>] = &[
    Group {
        kind: "secret",
        form: Form::Withheld,
        patterns: &[
            "/var/lib/kubelet/pods/*/volumes/kubernetes.io~secret/**",
            "/var/lib/kubelet/pods/*/volumes/kubernetes.io~projected/**",
            "/var/lib/kubelet/kubeconfig",
            "/etc/kubernetes/*.conf",
            "/etc/rancher/*/*.yaml",
            "/var/lib/rancher/*/server/token",
            "/var/lib/rancher/*/server/node-token",
            "/var/lib/rancher/*/agent/*.kubeconfig",
            "/etc/docker/key.json",
            "/var/lib/docker/swarm/**",
            "/var/lib/containers/storage/secrets/**",
            // Databases of Podman and of the ECS agent have the environments of containers.
            "/var/lib/containers/storage/db.sql*",
            "/var/lib/containers/storage/libpod/bolt_state.db",
            "/var/lib/ecs/data/**",
            // LXD and Incus have there what instances are set to, and who may ask for what.
            "/var/lib/lxd/database/**",
            "/var/snap/lxd/common/lxd/database/**",
            "/var/lib/incus/database/**",
        ],
    },
    Group {
        kind: "docker-container",
        form: Form::Json,
        patterns: &["/var/lib/docker/containers/*/config.v2.json", "~/.local/share/docker/containers/*/config.v2.json"],
    },
    Group {
        kind: "docker-host-config",
        form: Form::Json,
        patterns: &["/var/lib/docker/containers/*/hostconfig.json", "~/.local/share/docker/containers/*/hostconfig.json"],
    },
    Group {
        kind: "docker-layer",
        form: Form::Text,
        patterns: &["/var/lib/docker/image/*/layerdb/mounts/*/*", "~/.local/share/docker/image/*/layerdb/mounts/*/*"],
    },
    Group {
        kind: "docker",
        form: Form::Json,
        patterns: &[
            "/etc/docker/*",
            "/var/lib/docker/image/*/repositories.json",
            "/var/lib/docker/image/*/imagedb/content/sha256/*",
            "/var/lib/docker/containers/*/hostname",
            "/var/lib/docker/containers/*/hosts",
            "/var/lib/docker/containers/*/resolv.conf",
            "/var/lib/docker/volumes/*/opts.json",
            "/var/lib/docker/plugins/*/config.json",
            "/var/lib/docker/engine-id",
        ],
    },
    Group {
        kind: "docker",
        form: Form::Bulk,
        patterns: &["/var/lib/docker/network/files/*", "/var/lib/docker/volumes/metadata.db"],
    },
    Group {
        kind: "oci-config",
        form: Form::Json,
        patterns: &[
            "/run/containerd/io.containerd.runtime.v*.task/*/*/config.json",
            "/run/docker/containerd/daemon/io.containerd.runtime.v*.task/*/*/config.json",
            "/run/k3s/containerd/io.containerd.runtime.v*.task/*/*/config.json",
            "/run/containers/storage/overlay-containers/*/userdata/config.json",
            "/var/lib/containers/storage/overlay-containers/*/userdata/config.json",
            "/run/user/*/containers/overlay-containers/*/userdata/config.json",
        ],
    },
    Group {
        kind: "oci-state",
        form: Form::Json,
        patterns: &[
            "/run/containerd/runc/*/*/state.json",
            "/run/docker/runtime-runc/*/*/state.json",
            "/run/docker/runtime-*/*/*/state.json",
            "/run/runc/*/state.json",
            "/run/crun/*/status",
            "/run/user/*/runc/*/state.json",
            "/run/user/*/crun/*/status",
        ],
    },
    Group { kind: "init-pid", form: Form::Text, patterns: &["/run/containerd/io.containerd.runtime.v*.task/*/*/init.pid"] },
    Group {
        kind: "containerd",
        form: Form::Json,
        patterns: &[
            "/etc/containerd/**",
            "/run/containerd/io.containerd.runtime.v*.task/*/*/*.json",
            "/run/containerd/io.containerd.runtime.v*.task/*/*/address",
            "/run/containerd/io.containerd.runtime.v*.task/*/*/runtime",
        ],
    },
    Group {
        kind: "containerd",
        form: Form::Bulk,
        patterns: &[
            "/var/lib/containerd/io.containerd.metadata.v*.bolt/meta.db",
            "/var/lib/containerd/io.containerd.snapshotter.v*.*/metadata.db",
            "/var/lib/rancher/*/agent/containerd/io.containerd.metadata.v*.bolt/meta.db",
        ],
    },
    Group {
        kind: "storage-containers",
        form: Form::Json,
        patterns: &[
            "/var/lib/containers/storage/overlay-containers/containers.json",
            "/var/lib/containers/storage/overlay-containers/volatile-containers.json",
            "~/.local/share/containers/storage/overlay-containers/containers.json",
            "~/.local/share/containers/storage/overlay-containers/volatile-containers.json",
        ],
    },
    Group {
        kind: "podman",
        form: Form::Json,
        patterns: &[
            "/etc/containers/**",
            "/etc/crio/**",
            "/var/lib/containers/storage/overlay-layers/*.json",
            "/var/lib/containers/storage/overlay-images/*.json",
            "/var/lib/containers/storage/overlay-containers/*/userdata/*.json",
            "/run/containers/storage/overlay-containers/*/userdata/*",
            "~/.config/containers/**",
            "~/.local/share/containers/storage/overlay-layers/*.json",
            "~/.local/share/containers/storage/overlay-images/*.json",
        ],
    },
    Group {
        kind: "kubernetes",
        form: Form::Json,
        patterns: &[
            "/etc/kubernetes/**",
            "/etc/eks/**",
            "/etc/cni/net.d/**",
            "/var/lib/cni/**",
            "/var/lib/kubelet/*",
            "/var/lib/kubelet/pki/*",
            "/var/lib/kubelet/checkpoints/*",
            "/var/lib/kubelet/device-plugins/*",
            "/var/lib/kubelet/pods/*/etc-hosts",
            "/var/lib/kubelet/pods/*/volumes/kubernetes.io~configmap/**",
            "/var/lib/kubelet/pods/*/containers/*/*",
            "/var/lib/rancher/*/server/manifests/**",
            "/var/lib/rancher/*/agent/pod-manifests/**",
        ],
    },
    Group { kind: "ecs", form: Form::Json, patterns: &["/etc/ecs/**", "/var/lib/ecs/*", "/var/lib/ecs/deps/**/*.json"] },
    // Each instance's configuration as LXD last wrote it, where its pool is mounted on the host; and as LXC was given it.
    Group {
        kind: "lxc",
        form: Form::Text,
        patterns: &[
            "/etc/lxc/**",
            "/var/lib/lxc/*/config",
            "~/.config/lxc/*.conf",
            "~/.local/share/lxc/*/config",
            "/var/lib/lxd/storage-pools/*/*/*/backup.yaml",
            "/var/snap/lxd/common/lxd/storage-pools/*/*/*/backup.yaml",
            "/var/lib/incus/storage-pools/*/*/*/backup.yaml",
            "/var/log/lxd/*/lxc.conf",
            "/var/snap/lxd/common/lxd/logs/*/lxc.conf",
            "/var/log/incus/*/lxc.conf",
        ],
    },
];
