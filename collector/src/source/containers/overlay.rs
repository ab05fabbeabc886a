//! Overlay mounts (Documentation/filesystems/overlayfs.rst): which folder a container writes into, whatever its engine.

use crate::host::mounts::Mount;

/// The folders of an overlay, as they are named in the mount namespace in which it was mounted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Overlay {
    /// What is written goes here; none for an overlay that can only be read.
    pub(super) upper: Option<Vec<u8>>,
    /// Its working folder.
    pub(super) work: Option<Vec<u8>>,
    /// What it lies on, the topmost first.
    pub(super) lower: Vec<Vec<u8>>,
}

/// The folders of `mount`, if it is an overlay.
pub(super) fn of(mount: &Mount) -> Option<Overlay> {
    if mount.kind != b"overlay" {
        return None;
    }
    let mut overlay = Overlay::default();
    for option in split(&mount.super_options, b',') {
        let Some(sign) = option.iter().position(|b| *b == b'=') else { continue };
        let (name, value) = (option.get(..sign).unwrap_or_default(), option.get(sign + 1..).unwrap_or_default());
        match name {
            b"upperdir" => overlay.upper = Some(plain(value)),
            b"workdir" => overlay.work = Some(plain(value)),
            b"lowerdir" => overlay.lower.extend(split(value, b':').into_iter().filter(|part| !part.is_empty()).map(plain)),
            b"lowerdir+" | b"datadir+" => overlay.lower.push(plain(value)),
            _ => {}
        }
    }
    Some(overlay)
}

/// Parts between `sign`, but where a backslash stands before it.
fn split(text: &[u8], sign: u8) -> Vec<&[u8]> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, byte) in text.iter().enumerate() {
        if *byte == sign && !escaped {
            parts.push(text.get(start..at).unwrap_or_default());
            start = at + 1;
        }
        escaped = *byte == b'\\' && !escaped;
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

/// Without the backslashes before commas, colons and backslashes.
fn plain(text: &[u8]) -> Vec<u8> {
    let (mut out, mut escaped) = (Vec::with_capacity(text.len()), false);
    for byte in text {
        escaped = *byte == b'\\' && !escaped;
        if !escaped {
            out.push(*byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::mounts;

    fn overlay(line: &str) -> Option<Overlay> {
        of(&mounts::parse(line.as_bytes()).0[0])
    }

    #[test]
    fn folders_of_an_overlay() {
        let line = "36 35 0:40 / / rw - overlay overlay rw,lowerdir=/l/A:/l/B\\134:c,upperdir=/var/lib/docker/overlay2/x/d\\134,iff\\040y,workdir=/w\n";
        let found = overlay(line).unwrap();
        assert_eq!(found.upper.unwrap(), b"/var/lib/docker/overlay2/x/d,iff y");
        assert_eq!(found.work.unwrap(), b"/w");
        assert_eq!(found.lower, [b"/l/A".to_vec(), b"/l/B:c".to_vec()]);
        assert_eq!(overlay("36 35 0:40 / / rw - ext4 overlay rw,upperdir=/x\n"), None);
        assert_eq!(overlay("36 35 0:40 / / ro - overlay overlay ro,lowerdir=/a:/b\n").unwrap().upper, None);
    }

    proptest::proptest! {
        #[test]
        fn any_options_are_survived(super_options: Vec<u8>) {
            let mut mount = mounts::parse(b"36 35 0:40 / / rw - overlay overlay rw\n").0.remove(0);
            mount.super_options = super_options;
            assert!(of(&mount).is_some());
        }
    }
}
