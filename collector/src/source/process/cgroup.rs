//! `/proc/PID/cgroup` (cgroups(7)): one `hierarchy:controllers:path` line for each hierarchy.

use crate::source::text::parsed;

/// A process's place in one hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Number of the hierarchy; 0 is cgroup v2.
    pub hierarchy: u32,
    /// Controllers, joined by commas, or `name=…`; empty for cgroup v2.
    pub controllers: &'a [u8],
    /// The cgroup, seen from the root of our own cgroup namespace.
    pub path: &'a [u8],
}

/// Parses the file; lines that have not this form are left out.
#[must_use]
pub fn parse(text: &[u8]) -> Vec<Place<'_>> {
    text.split(|b| *b == b'\n').filter_map(parse_line).collect()
}

fn parse_line(line: &[u8]) -> Option<Place<'_>> {
    let mut fields = line.splitn(3, |b| *b == b':');
    Some(Place { hierarchy: parsed(fields.next()?)?, controllers: fields.next()?, path: fields.next()? })
}

/// The first path that is not `/`: of cgroup v2, else systemd's hierarchy, else any.
#[must_use]
pub fn main_path<'a>(places: &[Place<'a>]) -> Option<&'a [u8]> {
    let below_root = |place: &&Place<'_>| place.path != b"/";
    let unified = places.iter().filter(|place| place.hierarchy == 0);
    let systemd = places.iter().filter(|place| place.controllers == b"name=systemd");
    let best = unified.chain(systemd).chain(places.iter()).find(below_root);
    best.or(places.first()).map(|place| place.path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_unified_path_comes_first_unless_it_is_the_root() {
        let main = |text: &'static [u8]| main_path(&parse(text));
        assert_eq!(main(b"0::/user.slice/a:b\n"), Some(&b"/user.slice/a:b"[..]));
        assert_eq!(main(b"4:memory:/x\n1:name=systemd:/init.scope\n0::/\n"), Some(&b"/init.scope"[..]));
        assert_eq!(main(b"4:memory:/x\n1:name=systemd:/\n0::/\n"), Some(&b"/x"[..]));
        assert_eq!(main(b"9:name=systemd:/\n0::/\n"), Some(&b"/"[..]));
        assert_eq!(main(b"0::/\xff\x1b\n"), Some(&b"/\xff\x1b"[..]));
        assert_eq!(main(b"x::/\n0:\n\n"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let _ = main_path(&parse(&bytes));
        }
    }
}
