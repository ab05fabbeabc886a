//! `/sys/kernel/livepatch` (Documentation/ABI/testing/sysfs-kernel-livepatch): patches of the running kernel, and the functions
//! that each of them replaces.

use super::{Door, refused};
use crate::model::Row;
use crate::source::Stop;
use crate::source::keep::{self, Keeper};

/// What is read of a patch. `force` can only be written.
const FILES: [&str; 4] = ["enabled", "transition", "replace", "stack_order"];

/// Writes the rows of both tables.
pub(super) fn acquire(keeper: &mut Keeper<'_>) -> Result<Door, Stop> {
    let patches = match keeper.host.sys.names("kernel/livepatch") {
        Ok(patches) => patches,
        Err(error) => return Ok(refused(keeper.evidence, &error)),
    };
    for patch in &patches {
        let folder = [b"kernel/livepatch/", patch.as_slice()].concat();
        let mut row = Row::new(keeper.host.clock.now(), keep::shown(&keeper.host.sys.full(&folder)));
        row.bytes("name", patch);
        let host = keeper.host;
        for file in FILES {
            let kept = keeper.below(&host.sys, &below(&folder, file.as_bytes()))?;
            keep::column(&mut row, file, kept);
        }
        keeper.evidence.row("livepatches", &row)?;
        objects(keeper, patch, &folder)?;
    }
    // An empty folder only says that the kernel could be patched.
    Ok(if patches.is_empty() { Door::Absent } else { Door::Open })
}

/// The folders of a patch are what it patches, `vmlinux` or a module; the folders in these are functions, `name,occurrence`.
fn objects(keeper: &mut Keeper<'_>, patch: &[u8], folder: &[u8]) -> Result<(), Stop> {
    let host = keeper.host;
    for object in folders(keeper, folder) {
        let place = below(folder, &object);
        let patched = keeper.below(&host.sys, &below(&place, b"patched"))?;
        for function in folders(keeper, &place) {
            keeper.evidence.check()?;
            let mut row = Row::new(host.clock.now(), keep::shown(&host.sys.full(&place)));
            row.bytes("name", patch).bytes("object", &object).bytes("function", &function);
            keep::column(&mut row, "patched", patched.clone());
            keeper.evidence.row("livepatch_functions", &row)?;
        }
    }
    Ok(())
}

fn folders(keeper: &Keeper<'_>, folder: &[u8]) -> Vec<Vec<u8>> {
    let sys = &keeper.host.sys;
    let is_folder = |name: &Vec<u8>| sys.stat(below(folder, name)).is_ok_and(|stat| stat.is_directory());
    sys.names(folder).unwrap_or_default().into_iter().filter(is_folder).collect()
}

fn below(folder: &[u8], name: &[u8]) -> Vec<u8> {
    [folder, b"/", name].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use crate::source::recorded::Recorded;

    #[test]
    fn a_patch_names_its_functions() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("proc")).unwrap();
        let patch = dir.path().join("sys/kernel/livepatch/fix");
        std::fs::create_dir_all(patch.join("vmlinux/cmdline_proc_show,1")).unwrap();
        std::fs::write(patch.join("enabled"), "1\n").unwrap();
        std::fs::write(patch.join("vmlinux/patched"), "1\n").unwrap();
        let host = Host::fixture(dir.path()).unwrap();
        let mut evidence = Recorded::default();
        assert_eq!(acquire(&mut Keeper { host: &host, evidence: &mut evidence }), Ok(Door::Open));
        assert_eq!(evidence.rows("livepatches")[0]["enabled"], 1);
        let function = &evidence.rows("livepatch_functions")[0];
        assert_eq!((&function["function"], &function["patched"]), (&"cmdline_proc_show,1".into(), &1.into()));
    }
}
