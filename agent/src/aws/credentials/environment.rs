//! Credentials that Run Command put into the environment, or that were asked for there.

use aws_credential_types::Credentials;
use hozen_collector::host::sys;
use zeroize::Zeroizing;

use super::triple;

/// As Run Command names the parameters `AWS_ACCESS_KEY_ID`, … of a document with `interpolationType: ENV_VAR`.
const RUN_COMMAND: [&std::ffi::CStr; 3] = [c"SSM_AWS_ACCESS_KEY_ID", c"SSM_AWS_SECRET_ACCESS_KEY", c"SSM_AWS_SESSION_TOKEN"];
/// As everybody else names them.
const PLAIN: [&std::ffi::CStr; 3] = [c"AWS_ACCESS_KEY_ID", c"AWS_SECRET_ACCESS_KEY", c"AWS_SESSION_TOKEN"];

/// Whether there are any; `plain`: also under their usual names.
pub(super) fn is_set(plain: bool) -> bool {
    let set = |names: [&std::ffi::CStr; 3]| names.into_iter().take(1).any(|name| read(name).is_some());
    set(RUN_COMMAND) || (plain && set(PLAIN))
}

/// The credentials in the environment. They are wiped from it: what reads this process's environment, we ourselves among
/// others, does not find them there.
pub(super) fn take(plain: bool) -> Option<Credentials> {
    let found = from(RUN_COMMAND).or_else(|| plain.then(|| from(PLAIN)).flatten());
    RUN_COMMAND.into_iter().chain(PLAIN).for_each(sys::wipe_variable);
    found
}

fn from([id, secret, token]: [&std::ffi::CStr; 3]) -> Option<Credentials> {
    triple::make(&read(id)?, &read(secret)?, read(token).as_deref().map(String::as_str), None).ok()
}

fn read(name: &std::ffi::CStr) -> Option<Zeroizing<String>> {
    let value = std::env::var(name.to_str().ok()?).ok().map(Zeroizing::new)?;
    // A wiped one, and one that the document left empty.
    (!value.is_empty()).then_some(value)
}

/// What to say where there are none.
pub(super) fn missing() -> String {
    "no usable credentials in the environment: set SSM_AWS_ACCESS_KEY_ID, SSM_AWS_SECRET_ACCESS_KEY and SSM_AWS_SESSION_TOKEN \
     (or the same without SSM_)"
        .to_owned()
}
