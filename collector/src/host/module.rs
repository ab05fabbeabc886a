//! Kernel modules, as far as one must know of them before the kernel is asked for anything.

use std::os::fd::AsFd as _;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::sys;

/// Whether sysfs shows this module: it is loaded, or built in with parameters. False where `/sys` cannot be seen.
#[must_use]
pub fn is_shown(name: &str) -> bool {
    let modules = open("/sys/module", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
    modules.is_ok_and(|dir| sys::statx(dir.as_fd(), name, false).is_ok_and(|stat| stat.is_directory()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_kernels_own_module_is_shown_and_an_invented_one_is_not() {
        assert!(super::is_shown("kernel"));
        assert!(!super::is_shown("no_such_module"));
    }
}
