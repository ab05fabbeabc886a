//! Files that a hook names, and that are kept with it.

use super::hook::{Format, Hook};
use crate::host::Host;
use crate::source::file_set::{Text, Unlisted, in_folder};

/// The files that `hook` of the configuration `text` names, whether they are there or not. Folders of which that cannot be said whole are
/// noted in `unlisted`.
pub(super) fn named(host: &Host, text: &Text<'_>, format: Format, hook: &Hook, unlisted: &mut Unlisted) -> Vec<Vec<u8>> {
    match (format, hook.name.as_slice()) {
        (Format::Dkms, name) if name.starts_with(b"P") => script(text, &hook.value).into_iter().collect(),
        (Format::Git, b"core.hookspath") => {
            path(text, &hook.value).map(|folder| hooks(host, &folder, unlisted)).unwrap_or_default()
        }
        (Format::Git, b"init.templatedir") => {
            path(text, &hook.value).map(|folder| hooks(host, &[&folder, &b"/hooks"[..]].concat(), unlisted)).unwrap_or_default()
        }
        (Format::Git, name) if name.starts_with(b"include") => {
            path(text, &hook.value).or_else(|| Some(beside(text, &hook.value))).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The script that dkms runs: it lies beside the configuration.
fn script(text: &Text<'_>, command: &[u8]) -> Option<Vec<u8>> {
    let name = command.split(u8::is_ascii_whitespace).find(|word| !word.is_empty())?;
    Some(if name.starts_with(b"/") { name.to_owned() } else { beside(text, name) })
}

/// `name` in the folder of `text`.
fn beside(text: &Text<'_>, name: &[u8]) -> Vec<u8> {
    let folder = text.found.path.iter().rposition(|b| *b == b'/').and_then(|slash| text.found.path.get(..slash));
    [folder.unwrap_or_default(), b"/", name].concat()
}

/// A path of git, absolute or in the home of whose configuration it is.
fn path(text: &Text<'_>, value: &[u8]) -> Option<Vec<u8>> {
    if value.starts_with(b"/") {
        return Some(value.to_owned());
    }
    let home = text.found.home.as_deref()?;
    value.strip_prefix(b"~/").map(|rest| [home.path.as_slice(), b"/", rest].concat())
}

/// Everything in `folder` but samples, which git does not run.
fn hooks(host: &Host, folder: &[u8], unlisted: &mut Unlisted) -> Vec<Vec<u8>> {
    let (mut paths, error) = in_folder(host, folder);
    unlisted.note(error);
    paths.retain(|path| !path.ends_with(b".sample"));
    paths
}
