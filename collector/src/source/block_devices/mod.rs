//! Disks and their partitions as `/sys/block` has them, which volume of EBS each of them is, what is mounted of them, and swap.
//!
//! No device is opened. On EC2 the serial number of an NVMe disk is the id of its volume (the guide of EC2, "Map Amazon EBS
//! volumes to NVMe device names").

use std::time::Duration;

use super::keep::Keeper;
use super::text::lines;
use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::host::mounts::unescape;
use crate::model::{Artefact, Category, Outcome, Profile, Row, Status, escape};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "block_devices",
    category: Category::File,
    profile: Profile::Volatile,
    budget: Duration::from_secs(30),
    budget_bytes: None,
    source: "/sys/class/block, /sys/class/nvme, /proc/swaps, /run/lvm",
    about: "disks and partitions with their EBS volumes, device mapper, RAID, swap and LVM",
    tables: &["block_devices", "swaps"],
};

/// The most disks, and the most partitions of each, that are looked at.
const MOST: usize = 10_000;

/// Lists of the kernel's.
const LISTS: [&str; 4] = ["partitions", "mdstat", "diskstats", "devices"];

/// Files that say how disks belong together.
const FILES: [&[u8]; 5] = [b"/etc/fstab", b"/etc/crypttab", b"/etc/mdadm/mdadm.conf", b"/etc/mdadm.conf", b"/etc/lvm/lvm.conf"];

/// Attributes of a disk, and their columns.
const DISK: [(&str, &str); 16] = [
    ("vendor", "device/vendor"),
    ("model", "device/model"),
    ("serial", "device/serial"),
    ("firmware", "device/firmware_rev"),
    ("transport", "device/transport"),
    ("address", "device/address"),
    ("wwid", "wwid"),
    ("uuid", "uuid"),
    ("sequence", "diskseq"),
    ("removable", "removable"),
    ("block_size", "queue/logical_block_size"),
    ("rotational", "queue/rotational"),
    ("dm_name", "dm/name"),
    ("dm_uuid", "dm/uuid"),
    ("backing_file", "loop/backing_file"),
    ("md_level", "md/level"),
];

/// Reads disks.
#[derive(Debug, Clone, Copy, Default)]
pub struct BlockDevices;

impl Source for BlockDevices {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut keeper = Keeper { host, evidence };
        for list in LISTS {
            keeper.proc(list)?.ok();
        }
        swaps(&mut keeper)?;
        for path in FILES {
            keeper.file(path)?.ok();
        }
        for folder in ["/etc/lvm/backup", "/etc/lvm/archive"] {
            for name in host.files.names(folder).unwrap_or_default().into_iter().take(MOST) {
                keeper.file(&[folder.as_bytes(), b"/", &name].concat())?.ok();
            }
        }
        let disks = match host.sys.names("block") {
            Ok(disks) => disks,
            Err(error) => return Ok(super::failure::outcome(&error)),
        };
        for disk in disks.iter().take(MOST) {
            self::disk(&mut keeper, disk)?;
        }
        Ok(if disks.is_empty() { Outcome::because(Status::Absent, "the host has no disks") } else { Outcome::ok() })
    }
}

/// A row for a disk and one for each of its partitions.
fn disk(keeper: &mut Keeper<'_>, name: &[u8]) -> Result<(), Stop> {
    keeper.evidence.check()?;
    let top = [b"block/", name].concat();
    let mut row = device(keeper, &top, name, None)?;
    let (mut serial, mut model) = (Vec::new(), Vec::new());
    for (column, attribute) in DISK {
        let Some(value) = attribute_of(keeper, &top, attribute)? else { continue };
        match column {
            "removable" | "rotational" | "block_size" | "sequence" => number(&mut row, column, &value),
            _ => drop(row.bytes(column, &value)),
        }
        match column {
            "serial" => serial = value,
            "model" => model = value,
            _ => {}
        }
    }
    if let Some(volume) = volume(&model, &serial) {
        row.text("ebs_volume_id", &volume);
    }
    row.flag("instance_store", model.starts_with(b"Amazon EC2 NVMe Instance Storage"));
    for list in ["slaves", "holders"] {
        let names = keeper.host.sys.names([&top, b"/".as_slice(), list.as_bytes()].concat()).unwrap_or_default();
        row.bytes_list(list, names.iter().map(Vec::as_slice));
    }
    keeper.evidence.row("block_devices", &row)?;
    let names = keeper.host.sys.names(&top).unwrap_or_default();
    for part in names.iter().filter(|part| part.starts_with(name)).take(MOST) {
        let below = [top.as_slice(), b"/", part].concat();
        if let Some(partition) = attribute_of(keeper, &below, "partition")? {
            let mut row = device(keeper, &below, part, Some(name))?;
            number(&mut row, "partition", &partition);
            if let Some(start) = attribute_of(keeper, &below, "start")? {
                number(&mut row, "start", &start);
            }
            keeper.evidence.row("block_devices", &row)?;
        }
    }
    Ok(())
}

/// The columns that disks and partitions have; `size` is in units of 512 bytes, whatever the disk.
fn device(keeper: &mut Keeper<'_>, top: &[u8], name: &[u8], parent: Option<&[u8]>) -> Result<Row, Stop> {
    let mut row = Row::new(keeper.host.clock.now(), format!("/sys/{}", escape::bytes(top)));
    // `cciss!c0d0` of sysfs is `cciss/c0d0` in `/dev`.
    let node = |name: &[u8]| {
        [b"/dev/".as_slice(), &name.iter().map(|b| if *b == b'!' { b'/' } else { *b }).collect::<Vec<_>>()].concat()
    };
    row.bytes("name", &node(name)).bytes("parent", &parent.map(node).unwrap_or_default());
    for (column, attribute) in [("size", "size"), ("read_only", "ro")] {
        if let Some(value) = attribute_of(keeper, top, attribute)? {
            number(&mut row, column, &value);
        }
    }
    if let Some(dev) = attribute_of(keeper, top, "dev")? {
        row.bytes("dev", &dev);
        let here = |mount: &&crate::host::mounts::Mount| format!("{}:{}", mount.dev.0, mount.dev.1).as_bytes() == dev;
        row.bytes_list("mounted_at", keeper.host.files.mounts().iter().filter(here).map(|mount| mount.point.as_slice()));
    }
    Ok(row)
}

/// A kept attribute without blanks around it; none where it is not there or empty.
fn attribute_of(keeper: &mut Keeper<'_>, top: &[u8], attribute: &str) -> Result<Option<Vec<u8>>, Stop> {
    let path = [top, b"/", attribute.as_bytes()].concat();
    if keeper.host.sys.stat(&path).is_err() {
        return Ok(None);
    }
    let host = keeper.host;
    let read = keeper.below_within(&host.sys, &path, 64 << 10)?;
    Ok(read.ok().map(|text| text.bytes.trim_ascii().to_owned()).filter(|value| !value.is_empty()))
}

fn number(row: &mut Row, column: &str, value: &[u8]) {
    match std::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok()) {
        Some(number) => row.int(column, number),
        None => row.bytes(&format!("{column}_text"), value),
    };
}

/// The id of the EBS volume that a disk is: its serial number, without the dash.
fn volume(model: &[u8], serial: &[u8]) -> Option<String> {
    let id = serial.strip_prefix(b"vol")?;
    let id = id.strip_prefix(b"-").unwrap_or(id);
    let is_ebs = model.starts_with(b"Amazon Elastic Block Store") && id.len() >= 8 && id.iter().all(u8::is_ascii_hexdigit);
    is_ebs.then(|| format!("vol-{}", escape::bytes(id)))
}

/// `/proc/swaps` (proc_swaps(5)): a line of headings, then path, type, size, used and priority; sizes in KiB.
fn swaps(keeper: &mut Keeper<'_>) -> Result<(), Stop> {
    let Ok(text) = keeper.proc("swaps")? else { return Ok(()) };
    for line in lines(&text.bytes).skip(1) {
        let fields: Vec<&[u8]> = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()).collect();
        let mut row = Row::new(keeper.host.clock.now(), "/proc/swaps");
        let [path, kind, size, used, priority] = fields.as_slice() else {
            row.bytes("line", line).error("line", "malformed");
            keeper.evidence.row("swaps", &row)?;
            continue;
        };
        row.bytes("path", &unescape(path)).bytes("type", kind);
        number(&mut row, "size_kib", size);
        number(&mut row, "used_kib", used);
        row.bytes("priority", priority);
        keeper.evidence.row("swaps", &row)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture;
    use crate::source::recorded::Recorded;

    fn acquired(files: &[(&str, &str)]) -> (Outcome, Recorded) {
        let tree = tempfile::tempdir().unwrap();
        let host = fixture::host(tree.path(), files);
        let mut evidence = Recorded::default();
        let outcome = BlockDevices.acquire(&host, &mut evidence).unwrap();
        (outcome, evidence)
    }

    #[test]
    fn a_disk_of_nvme_is_a_volume() {
        let (outcome, evidence) = acquired(&[
            ("sys/block/nvme0n1/device/model", "Amazon Elastic Block Store              \n"),
            ("sys/block/nvme0n1/device/serial", "vol0123456789abcdef0\n"),
            ("sys/block/nvme0n1/size", "16777216\n"),
            ("sys/block/nvme0n1/nvme0n1p1/partition", "1\n"),
            ("sys/block/nvme0n1/nvme0n1p1/start", "2048\n"),
            ("sys/block/nvme1n1/device/model", "Amazon EC2 NVMe Instance Storage\n"),
            ("sys/block/nvme1n1/device/serial", "AWS0123\n"),
            ("proc/swaps", "Filename Type Size Used Priority\n/swap\\040file file 1024 0 -2\nodd\n"),
            ("etc/lvm/backup/vg0", "vg0 {}"),
        ]);
        assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0));
        let rows = evidence.rows("block_devices");
        assert_eq!((&rows[0]["name"], &rows[0]["ebs_volume_id"]), (&"/dev/nvme0n1".into(), &"vol-0123456789abcdef0".into()));
        assert_eq!(
            (&rows[1]["name"], &rows[1]["parent"], &rows[1]["start"]),
            (&"/dev/nvme0n1p1".into(), &"/dev/nvme0n1".into(), &2048.into())
        );
        assert_eq!((rows[2].get("ebs_volume_id"), &rows[2]["instance_store"]), (None, &1.into()));
        let swaps = evidence.rows("swaps");
        assert_eq!(
            (&swaps[0]["path"], &swaps[0]["size_kib"], &swaps[1]["status"]),
            (&"/swap file".into(), &1024.into(), &"partial".into())
        );
        assert_eq!(evidence.member("/etc/lvm/backup/vg0"), Some(&b"vg0 {}"[..]));
        assert_eq!(evidence.member("/sys/block/nvme0n1/device/serial"), Some(&b"vol0123456789abcdef0\n"[..]));
    }

    #[test]
    fn a_serial_number_is_a_volume_only_on_ebs() {
        let ebs: &[u8] = b"Amazon Elastic Block Store";
        assert_eq!(volume(ebs, b"vol-0123456789abcdef0").as_deref(), Some("vol-0123456789abcdef0"));
        for (model, serial) in
            [(&b"QEMU NVMe Ctrl"[..], &b"vol0123456789abcdef0"[..]), (ebs, b"vol\x1b"), (ebs, b""), (ebs, b"volxyz12345")]
        {
            assert_eq!(volume(model, serial), None);
        }
    }

    #[test]
    fn this_machine_has_disks() {
        let mut evidence = Recorded::default();
        assert_eq!(BlockDevices.acquire(&Host::live().unwrap(), &mut evidence), Ok(Outcome::ok()));
        assert!(evidence.rows("block_devices").iter().any(|row| row["size"].as_u64().is_some_and(|size| size > 0)));
        assert_eq!(evidence.gaps, []);
    }
}
