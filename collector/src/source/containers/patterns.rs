//! Where container engines keep what they know of containers. Their logs are in `logs`.
//!
//! | engine | state of the host's run | what outlives it |
//! |---|---|---|
//! | Docker | `/run/docker`, `/run/user/<uid>/docker` | `/var/lib/docker`, `~/.local/share/docker` |
//! | containerd | `/run/containerd`, k3s's and Bottlerocket's own (`/run/host-containerd`), `/run/user/<uid>/containerd` | `/var/lib/containerd` and the like |
//! | nerdctl | | `/var/lib/nerdctl/<hash of the socket>`, `~/.local/share/nerdctl` |
//! | Podman | `/run/containers/storage`, `/run/user/<uid>/containers` | `/var/lib/containers/storage`, `~/.local/share/containers/storage` |
//! | CRI-O | `/run/containers/storage`, `/run/crio` | `/var/lib/containers/storage`, `/var/lib/crio` |
//! | ECS | | `/var/lib/ecs`, beside what Docker has of its containers |

use super::databases::{CONTAINERD, ECS, PODMAN, PODMAN_BOLT};
use crate::source::file_set::{Form, Group};

/// Files of state, by engine. Tokens and keys that lie among them are withheld; so are databases, of which rows are made.
pub(super) const GROUPS: &[Group<'_>] = &[
    // These are JSON, in which secrets can be hidden, so they come before what is withheld of their folder.
    Group { kind: "ecs-agent", form: Form::Json, patterns: &["/var/lib/ecs/data/ecs_agent_data.json"] },
    Group { kind: "ecs-metadata", form: Form::Json, patterns: &["/var/lib/ecs/data/metadata/**/ecs-container-metadata.json"] },
    // Databases in which the environments of containers stand, before what is withheld of their folders without being read.
    Group {
        kind: CONTAINERD,
        form: Form::Database,
        patterns: &[
            "/var/lib/containerd/io.containerd.metadata.v*.bolt/meta.db",
            "/var/lib/host-containerd/io.containerd.metadata.v*.bolt/meta.db",
            "/var/lib/docker/containerd/daemon/io.containerd.metadata.v*.bolt/meta.db",
            "/var/lib/rancher/*/agent/containerd/io.containerd.metadata.v*.bolt/meta.db",
            "~/.local/share/containerd/io.containerd.metadata.v*.bolt/meta.db",
            "~/.local/share/docker/containerd/daemon/io.containerd.metadata.v*.bolt/meta.db",
        ],
    },
    Group { kind: ECS, form: Form::Database, patterns: &["/var/lib/ecs/data/agent.db"] },
    Group {
        kind: PODMAN,
        form: Form::Database,
        patterns: &["/var/lib/containers/storage/db.sql", "~/.local/share/containers/storage/db.sql"],
    },
    Group {
        kind: PODMAN_BOLT,
        form: Form::Database,
        patterns: &["/var/lib/containers/storage/libpod/bolt_state.db", "~/.local/share/containers/storage/libpod/bolt_state.db"],
    },
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
            "/var/lib/containers/storage/*-containers/*/userdata/secrets/**",
            "~/.local/share/containers/storage/secrets/**",
            "~/.local/share/containers/storage/*-containers/*/userdata/secrets/**",
            // Journals of Podman's database, and files of environments that the agent of ECS keeps.
            "/var/lib/containers/storage/db.sql*",
            "~/.local/share/containers/storage/db.sql*",
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
            "/run/host-containerd/io.containerd.runtime.v*.task/*/*/config.json",
            "/run/user/*/containerd/io.containerd.runtime.v*.task/*/*/config.json",
            "/run/user/*/docker/containerd/daemon/io.containerd.runtime.v*.task/*/*/config.json",
            "/run/containers/storage/*-containers/*/userdata/config.json",
            "/var/lib/containers/storage/*-containers/*/userdata/config.json",
            "/run/user/*/containers/*-containers/*/userdata/config.json",
            "~/.local/share/containers/storage/*-containers/*/userdata/config.json",
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
            "/run/user/*/docker/runtime-*/*/*/state.json",
            // Of CRI-O.
            "/var/lib/containers/storage/*-containers/*/userdata/state.json",
        ],
    },
    Group {
        kind: "init-pid",
        form: Form::Text,
        patterns: &[
            "/run/containerd/io.containerd.runtime.v*.task/*/*/init.pid",
            "/run/docker/containerd/daemon/io.containerd.runtime.v*.task/*/*/init.pid",
            "/run/k3s/containerd/io.containerd.runtime.v*.task/*/*/init.pid",
            "/run/host-containerd/io.containerd.runtime.v*.task/*/*/init.pid",
            "/run/user/*/containerd/io.containerd.runtime.v*.task/*/*/init.pid",
            "/run/user/*/docker/containerd/daemon/io.containerd.runtime.v*.task/*/*/init.pid",
        ],
    },
    Group {
        kind: "containerd",
        form: Form::Json,
        patterns: &[
            "/etc/containerd/**",
            "/etc/host-containerd/**",
            "/run/containerd/io.containerd.runtime.v*.task/*/*/*.json",
            "/run/containerd/io.containerd.runtime.v*.task/*/*/address",
            "/run/containerd/io.containerd.runtime.v*.task/*/*/runtime",
            "/run/host-containerd/io.containerd.runtime.v*.task/*/*/*.json",
            "/run/user/*/containerd/io.containerd.runtime.v*.task/*/*/*.json",
        ],
    },
    Group {
        kind: "containerd",
        form: Form::Bulk,
        patterns: &[
            "/var/lib/containerd/io.containerd.snapshotter.v*.*/metadata.db",
            "/var/lib/host-containerd/io.containerd.snapshotter.v*.*/metadata.db",
            "~/.local/share/containerd/io.containerd.snapshotter.v*.*/metadata.db",
        ],
    },
    Group {
        kind: "nerdctl",
        form: Form::Json,
        patterns: &[
            "/etc/nerdctl/*",
            "/var/lib/nerdctl/*/names/*/*",
            "/var/lib/nerdctl/*/containers/*/*/*.json",
            "/var/lib/nerdctl/*/containers/*/*/hostname",
            "/var/lib/nerdctl/*/containers/*/*/resolv.conf",
            "/var/lib/nerdctl/*/etchosts/*/*/*",
            "~/.config/nerdctl/*",
            "~/.local/share/nerdctl/*/names/*/*",
            "~/.local/share/nerdctl/*/containers/*/*/*.json",
            "~/.local/share/nerdctl/*/etchosts/*/*/*",
        ],
    },
    Group {
        kind: "storage-containers",
        form: Form::Json,
        patterns: &[
            "/var/lib/containers/storage/*-containers/containers.json",
            "/var/lib/containers/storage/*-containers/volatile-containers.json",
            "/run/containers/storage/*-containers/volatile-containers.json",
            "/run/user/*/containers/*-containers/volatile-containers.json",
            "~/.local/share/containers/storage/*-containers/containers.json",
            "~/.local/share/containers/storage/*-containers/volatile-containers.json",
        ],
    },
    Group { kind: "cri-o", form: Form::Json, patterns: &["/etc/crio/**", "/run/crio/*", "/run/crio/exits/*", "/var/lib/crio/*"] },
    Group {
        kind: "podman",
        form: Form::Json,
        patterns: &[
            "/etc/containers/**",
            "/var/lib/containers/storage/*-layers/*.json",
            "/var/lib/containers/storage/*-images/*.json",
            "/var/lib/containers/storage/*-containers/*/userdata/*.json",
            "/run/containers/*/auth.json",
            "/run/containers/networks/aardvark-dns/*",
            "/run/containers/storage/*-layers/*.json",
            "/run/containers/storage/*-containers/*/userdata/*",
            "/run/user/*/containers/auth.json",
            "/run/user/*/containers/networks/aardvark-dns/*",
            "/run/user/*/containers/*-layers/*.json",
            "/run/user/*/containers/*-containers/*/userdata/*",
            "~/.config/containers/**",
            "~/.local/share/containers/storage/networks/*",
            "~/.local/share/containers/storage/*-layers/*.json",
            "~/.local/share/containers/storage/*-images/*.json",
            "~/.local/share/containers/storage/*-containers/*/userdata/*.json",
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
    Group {
        kind: "ecs",
        form: Form::Json,
        patterns: &[
            "/etc/ecs/**",
            "/var/lib/ecs/*",
            "/var/lib/ecs/deps/**/*.json",
            "/var/cache/ecs/state",
            "/var/cache/ecs/desired-image",
        ],
    },
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
    // Overlays name the layers of images by these links. They come last, because there are many.
    Group {
        kind: "layer-link",
        form: Form::Listed,
        patterns: &[
            "/var/lib/docker/overlay2/l/*",
            "/var/lib/containers/storage/overlay/l/*",
            "~/.local/share/docker/overlay2/l/*",
            "~/.local/share/containers/storage/overlay/l/*",
        ],
    },
];
