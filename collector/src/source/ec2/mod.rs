//! What EC2 leaves on an instance: all that Systems Manager ran here with its output, cloud-init's data and scripts, and the
//! state of Amazon's other agents.
//!
//! Credentials that a run was given stand in what Systems Manager keeps of it, and whatever an owner thought safe stands in user
//! data: secrets are hidden by the rule of all files. Keys of a registration are among them.

mod adapters;
mod command;
mod patterns;

use std::time::Duration;

use super::file_set::{FileSet, Limits, Order, Text};
use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::model::{Artefact, Category, Outcome, Profile, Row, Status, escape};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "cloud",
    category: Category::System,
    profile: Profile::Triage,
    budget: Duration::from_secs(120),
    budget_bytes: Some(TOTAL),
    source: "/var/lib/amazon/ssm, /var/log/amazon, /run/cloud-init, /var/lib/cloud, /etc of Amazon's agents, /sys/class/net",
    about: "what Systems Manager ran, with its output; cloud-init's data and scripts; state of Amazon's agents; network cards",
    tables: &["cloud_files", "ssm_commands", "network_adapters"],
};

/// The most bytes that are kept of all files together.
const TOTAL: u64 = 1 << 30;

/// Keeps what EC2 leaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ec2 {
    /// Keep secrets as they are.
    pub include_secrets: bool,
}

impl Source for Ec2 {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let set = FileSet {
            table: "cloud_files",
            groups: patterns::GROUPS,
            limits: Limits::bytes(64 << 20, TOTAL),
            order: Order::NewestFirst,
            include_secrets: self.include_secrets,
            is_read: None,
        };
        let files = set.keep(host, evidence, &mut |text, evidence| ran(host, text, evidence).map(|()| Vec::new()))?;
        let adapters = adapters::rows(host, evidence)?;
        let nothing = files == 0 && adapters == 0;
        Ok(if nothing { Outcome::because(Status::Absent, "the host has no traces of EC2") } else { Outcome::ok() })
    }
}

/// A row for a document that Systems Manager ran.
fn ran(host: &Host, text: &Text<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    if text.found.group.kind != "ssm-state" {
        return Ok(());
    }
    let mut row = Row::new(host.clock.now(), escape::bytes(&text.found.path));
    row.bytes("path", &text.found.path);
    if command::fill(&mut row, &text.found.path, text.bytes) { evidence.row("ssm_commands", &row) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture;
    use crate::source::recorded::Recorded;
    use std::os::unix::fs::symlink;

    fn acquired(files: &[(&str, &str)]) -> (Outcome, Recorded) {
        let tree = tempfile::tempdir().unwrap();
        let host = fixture::host(tree.path(), files);
        let device = tree.path().join("sys/class/net/ens5/device");
        if device.is_dir() {
            symlink("../../../../bus/pci/drivers/ena", device.join("driver")).unwrap();
        }
        let mut evidence = Recorded::default();
        let outcome = Ec2::default().acquire(&host, &mut evidence).unwrap();
        (outcome, evidence)
    }

    const STATE: &str = r#"{"DocumentInformation":{"CommandID":"c-1","DocumentName":"AWS-RunShellScript","DocumentStatus":"Success",
        "AssociationID":""},"DocumentType":"SendCommand","InstancePluginsInformation":[{"Name":"aws:runShellScript","Result":{"Code":0},
        "Configuration":{"Properties":{"runCommand":["id","export DB_PASSWORD=hunter2"]}}}]}"#;

    #[test]
    fn what_systems_manager_ran_is_kept_without_secrets() {
        let state = "var/lib/amazon/ssm/i-0/document/state/completed/c-1";
        let out = "var/lib/amazon/ssm/i-0/document/orchestration/c-1/awsrunShellScript/0.awsrunShellScript/stdout";
        let vault = "var/lib/amazon/ssm/Vault/Store/RegistrationKey";
        let (outcome, evidence) = acquired(&[
            (state, STATE),
            (out, "uid=0(root)\nSSM_AWS_SECRET_ACCESS_KEY=hunter2\n"),
            (vault, r#"{"instanceID":"mi-0","privateKey":"hunter2","privateKeyType":"Rsa"}"#),
            ("var/lib/amazon/ssm/packages/_arn/1.0/install.sh", "echo"),
            ("var/lib/cloud/instances/i-0/user-data.txt", "#!/bin/sh\nTOKEN=hunter2\n"),
            ("var/lib/cloud/instances/i-0/obj.pkl", "hunter2"),
            ("run/cloud-init/instance-data-sensitive.json", "{\n \"userdata\": \"password: hunter2\",\n \"n\": 1\n}"),
        ]);
        assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0));
        let row = &evidence.rows("ssm_commands")[0];
        assert_eq!((&row["command_id"], &row["state"]), (&"c-1".into(), &"completed".into()));
        assert_eq!((&row["document_name"], row.get("association_id")), (&"AWS-RunShellScript".into(), None));
        let plugin = &row["plugins"][0];
        assert_eq!((&plugin["code"], &plugin["properties"]["runCommand"][0]), (&0.into(), &"id".into()));
        assert_eq!(evidence.member(&format!("/{out}")), Some(&b"uid=0(root)\nSSM_AWS_SECRET_ACCESS_KEY=xxxxxxx\n"[..]));
        let key = evidence.member(&format!("/{vault}")).unwrap();
        assert_eq!(key, br#"{"instanceID":"mi-0","privateKey":"xxxxxxx","privateKeyType":"Rsa"}"#);
        assert_eq!(evidence.member("/var/lib/amazon/ssm/packages/_arn/1.0/install.sh"), Some(&b"echo"[..]));
        assert!(!evidence.members.iter().any(|(_, _, content)| content.windows(7).any(|part| part == b"hunter2")));
        assert_eq!(evidence.rows("cloud_files").iter().filter(|row| row["secret"] == 1).count(), 1);
    }

    #[test]
    fn a_network_card_says_its_driver() {
        let (_, evidence) = acquired(&[
            ("sys/class/net/ens5/address", "02:00:00:00:00:01\n"),
            ("sys/class/net/ens5/device/vendor", "0x1d0f\n"),
            ("sys/class/net/lo/address", "00:00:00:00:00:00\n"),
            ("sys/module/ena/version", "2.13.0g\n"),
        ]);
        let rows = evidence.rows("network_adapters");
        assert_eq!((rows.len(), &rows[0]["interface"], &rows[0]["driver"]), (1, &"ens5".into(), &"ena".into()));
        assert_eq!((&rows[0]["vendor"], &rows[0]["driver_version"]), (&"0x1d0f".into(), &"2.13.0g".into()));
    }

    #[test]
    fn another_host_has_none_and_odd_files_make_no_rows() {
        assert_eq!(acquired(&[]).0.status, Status::Absent);
        let odd = "var/lib/amazon/ssm/i-0/document/state/pending/x";
        for text in ["", "[]", "{", "{\"DocumentInformation\"", "\u{1b}"] {
            assert!(acquired(&[(odd, text)]).1.rows("ssm_commands").is_empty(), "{text:?}");
        }
    }
}
