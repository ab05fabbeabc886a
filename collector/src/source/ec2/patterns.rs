//! Where Amazon's agents and cloud-init keep their state. Their logs below `/var/log` are in `logs`.

use crate::source::file_set::{Form, Group};

pub(super) const GROUPS: &[Group<'_>] = &[
    Group {
        kind: "secret",
        form: Form::Withheld,
        patterns: &[
            "/var/lib/amazon/ssm/credentials*",
            // Objects of Python, the user data among them.
            "/var/lib/cloud/instances/*/obj.pkl",
        ],
    },
    // Private keys are members of JSON, and hidden there.
    Group {
        kind: "ssm-registration",
        form: Form::Json,
        patterns: &["/var/lib/amazon/ssm/Vault/**", "/var/lib/amazon/ssm/registration", "/var/lib/amazon/ssm/runtimeconfig/*"],
    },
    Group { kind: "ssm-state", form: Form::Json, patterns: &["/var/lib/amazon/ssm/*/document/state/**"] },
    Group {
        kind: "ssm-output",
        form: Form::Text,
        patterns: &["/var/lib/amazon/ssm/*/document/**", "/var/lib/amazon/ssm/*/session/**"],
    },
    Group { kind: "ssm-package", form: Form::Bulk, patterns: &["/var/lib/amazon/ssm/packages/**"] },
    Group {
        kind: "ssm",
        form: Form::Json,
        patterns: &["/etc/amazon/**", "/var/lib/amazon/**", "/var/snap/amazon-ssm-agent/common/**"],
    },
    Group { kind: "cloud-init", form: Form::Json, patterns: &["/run/cloud-init/**", "/etc/cloud/**", "/var/lib/cloud/**"] },
    Group {
        kind: "agent",
        form: Form::Json,
        patterns: &[
            "/opt/aws/*/etc/**",
            "/opt/aws/*/var/**",
            "/etc/awslogs/*",
            "/var/awslogs/etc/*",
            "/var/awslogs/state/*",
            "/etc/guardduty/**",
        ],
    },
    Group { kind: "agent-log", form: Form::Bulk, patterns: &["/opt/aws/*/logs/**", "/opt/aws/*/log/**"] },
];
