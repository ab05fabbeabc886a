//! Where a member of an archive goes below the export, and where a link in it may point.
//!
//! **Invariant:** what is returned is made of plain names: none of them is empty, `.`, `..`, or has a slash or NUL in it; and a link
//! leads to a place in its own tree, whatever its target says.

/// The folders of an export that members of archives go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tree {
    /// `[root]`: files of the host, at their paths.
    Root,
    /// `process`: core files of processes and the maps that belong to them.
    Process,
    /// `hozen`: what the collector made itself, by artefact.
    Hozen,
    /// `also`: what stands in `[root]` already from another artefact, by artefact.
    Also,
}

impl Tree {
    /// Its folder.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Root => "[root]",
            Self::Process => "process",
            Self::Hozen => "hozen",
            Self::Also => "also",
        }
    }
}

/// A place in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The tree.
    pub(super) tree: Tree,
    /// The names below it; of the tree's own folder none.
    pub(super) names: Vec<Vec<u8>>,
    /// How many of them a link must not leave.
    pub(super) base: usize,
}

impl Place {
    /// The place of the member `path` of the archive of `artefact`. An error says why there is none.
    pub(super) fn of(path: &[u8], artefact: &str) -> Result<Self, &'static str> {
        if path.contains(&0) {
            return Err("its name holds a NUL");
        }
        let mut parts = path.split(|byte| *byte == b'/');
        if parts.next() != Some(b"[root]") {
            return Err("it does not stand below [root]");
        }
        let names: Vec<Vec<u8>> = parts.filter(|part| !part.is_empty() && *part != b".").map(<[u8]>::to_vec).collect();
        if names.iter().any(|name| name == b"..") {
            return Err("its name leads out of the export");
        }
        match names.iter().map(Vec::as_slice).collect::<Vec<_>>().as_slice() {
            [b".hozen", b"process", ..] => Ok(Self { tree: Tree::Process, names: names.into_iter().skip(2).collect(), base: 0 }),
            [b".hozen", ..] => {
                let names = std::iter::once(artefact.as_bytes().to_vec()).chain(names.into_iter().skip(1)).collect();
                Ok(Self { tree: Tree::Hozen, names, base: 1 })
            }
            _ => Ok(Self { tree: Tree::Root, names, base: 0 }),
        }
    }

    /// Whether the kernel has a link here: to what a process has open, mapped or running.
    pub(super) fn is_link_of_process(&self) -> bool {
        let names: Vec<&[u8]> = self.names.iter().map(Vec::as_slice).collect();
        let (pid, is) = match names.as_slice() {
            [b"proc", pid, b"exe" | b"cwd" | b"root"] | [b"proc", pid, b"fd" | b"map_files" | b"ns", _] => (*pid, true),
            _ => (&b""[..], false),
        };
        is && self.tree == Tree::Root && !pid.is_empty() && pid.iter().all(u8::is_ascii_digit)
    }

    /// The place of a second member of this name. `None` where there is none: it is one already.
    pub(super) fn aside(&self, artefact: &str) -> Option<Self> {
        if self.tree == Tree::Also {
            return None;
        }
        let before = [artefact.as_bytes(), self.tree.folder().as_bytes()].map(<[u8]>::to_vec);
        let names = before.into_iter().chain(self.names.iter().cloned()).collect();
        Some(Self { tree: Tree::Also, names, base: self.base + 2 })
    }

    /// The folder that it stands in, and its name there.
    pub(super) fn split(&self) -> Option<(&[Vec<u8>], &[u8])> {
        self.names.split_last().map(|(name, folder)| (folder, name.as_slice()))
    }

    /// Its path below the export.
    pub(super) fn path(&self) -> Vec<u8> {
        let mut path = self.tree.folder().as_bytes().to_vec();
        for name in &self.names {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        path
    }

    /// The target of a link at this place that leads to where `target` leads on the host, within the tree: an absolute one begins
    /// at the tree's folder, and `..` does not leave it.
    pub(super) fn link(&self, target: &[u8]) -> Option<Vec<u8>> {
        let (folder, _) = self.split()?;
        let folder: Vec<&[u8]> = folder.get(self.base..).unwrap_or_default().iter().map(Vec::as_slice).collect();
        // What a link must not leave cannot be a link itself.
        if self.names.len() <= self.base || target.is_empty() || target.contains(&0) {
            return None;
        }
        let mut way = if target.starts_with(b"/") { Vec::new() } else { folder.clone() };
        for part in target.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => drop(way.pop()),
                name => way.push(name),
            }
        }
        let shared = folder.iter().zip(&way).take_while(|(a, b)| a == b).count();
        let up = std::iter::repeat_n(&b".."[..], folder.len() - shared);
        let parts: Vec<&[u8]> = up.chain(way.into_iter().skip(shared)).collect();
        Some(if parts.is_empty() { b".".to_vec() } else { parts.join(&b'/') })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(path: &[u8]) -> Place {
        Place::of(path, "freeze_frame").unwrap()
    }

    #[test]
    fn members_go_to_their_trees() {
        assert_eq!(place(b"[root]/proc//1/./stat").path(), b"[root]/proc/1/stat");
        assert_eq!(place(b"[root]/.hozen/process/7.core").path(), b"process/7.core");
        assert_eq!(place(b"[root]/.hozen/after/tcp").path(), b"hozen/freeze_frame/after/tcp");
        assert_eq!(place(b"[root]/tmp/a\nb\xff").path(), b"[root]/tmp/a\nb\xff");
        let aside = place(b"[root]/etc/x").aside("shm").unwrap();
        assert_eq!((aside.path(), aside.aside("shm")), (b"also/shm/[root]/etc/x".to_vec(), None));
        assert_eq!(place(b"[root]/").split(), None);
    }

    #[test]
    fn links_of_processes_are_known() {
        let is = |path: &str| place(path.as_bytes()).is_link_of_process();
        assert!(is("[root]/proc/17/fd/3") && is("[root]/proc/17/exe") && is("[root]/proc/1/map_files/400-500"));
        for path in
            ["[root]/proc/17/fd", "[root]/proc/17/status", "[root]/proc/x/exe", "[root]/etc/fd/3", "[root]/proc/17/task/17/fd/3"]
        {
            assert!(!is(path), "{path}");
        }
        assert!(!is("[root]/.hozen/proc/17/exe") && !place(b"[root]/proc/17/exe").aside("x").unwrap().is_link_of_process());
    }

    #[test]
    fn what_leads_out_has_no_place() {
        for path in
            [&b"[root]/../x"[..], b"[root]/a/../../x", b"[root]/..", b"/etc/passwd", b"etc", b"", b"[root]x", b"[root]/a\0b"]
        {
            assert!(Place::of(path, "x").is_err(), "{path:?}");
        }
    }

    #[test]
    fn links_stay_in_their_tree() {
        let link = |path: &[u8], target: &[u8]| place(path).link(target).unwrap();
        assert_eq!(link(b"[root]/proc/1/exe", b"/usr/bin/x"), b"../../usr/bin/x");
        assert_eq!(link(b"[root]/proc/1/exe", b"/proc/1/x"), b"x");
        assert_eq!(link(b"[root]/proc/1/fd/3", b"socket:[7]"), b"socket:[7]");
        assert_eq!(link(b"[root]/a", b"../../../etc/passwd"), b"etc/passwd");
        assert_eq!(link(b"[root]/a/b/c", b"d/../../x"), b"../x");
        assert_eq!(link(b"[root]/proc/1/root", b"/"), b"../..");
        assert_eq!(link(b"[root]/cwd", b"/"), b".");
        let aside = place(b"[root]/proc/1/exe").aside("shm").unwrap();
        assert_eq!(aside.link(b"/bin/x").unwrap(), b"../../bin/x");
        assert_eq!(place(b"[root]/").aside("shm").unwrap().link(b"x"), None);
        assert_eq!((place(b"[root]/a").link(b""), place(b"[root]/a").link(b"a\0")), (None, None));
    }

    proptest! {
        #[test]
        fn no_bytes_lead_out(path in "(\\[root\\]/)?[a./\u{0}]{0,24}", target in "[ab./]{0,24}") {
            let Ok(place) = Place::of(path.as_bytes(), "x") else { return Ok(()) };
            let plain = |name: &Vec<u8>| !name.is_empty() && name != b"." && name != b".." && !name.iter().any(|b| matches!(b, 0 | b'/'));
            prop_assert!(place.names.iter().all(plain));
            for place in [Some(place.clone()), place.aside("y")].into_iter().flatten() {
                let Some(link) = place.link(target.as_bytes()) else { continue };
                prop_assert!(!link.starts_with(b"/"));
                let mut depth = i64::try_from(place.names.len()).unwrap() - 1 - i64::try_from(place.base).unwrap();
                for part in link.split(|byte| *byte == b'/') {
                    depth += match part { b".." => -1, b"." => 0, _ => 1 };
                    prop_assert!(depth >= 0, "{:?} -> {:?}", place, link);
                }
            }
        }
    }
}
