//! The ladder of methods: which could read physical memory here, and every reason why the others cannot.

use serde::{Deserialize, Serialize};

use super::facts::Facts;
use crate::model::escape;

/// Which methods are considered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The whole ladder.
    #[default]
    Auto,
    /// Only the LiME module.
    Lime,
    /// Only `/proc/kcore`.
    Kcore,
}

/// Whether a method would work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing speaks against it.
    Available,
    /// The host does not have it.
    Absent,
    /// The host has it, and does not let us.
    Denied,
    /// The plan leaves it out.
    NotConsidered,
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Absent => "absent",
            Self::Denied => "denied",
            Self::NotConsidered => "not-considered",
        }
    }
}

/// One rung: a method, and all that speaks against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rung {
    pub method: &'static str,
    pub verdict: Verdict,
    pub reasons: Vec<String>,
}

/// What speaks against a method: what the host lacks, and what it forbids.
#[derive(Debug, Default)]
struct Against {
    lacks: Vec<String>,
    forbids: Vec<String>,
}

impl Against {
    fn lacks(&mut self, yes: bool, reason: &str) {
        if yes {
            self.lacks.push(reason.to_owned());
        }
    }

    fn forbids(&mut self, yes: bool, reason: impl Into<String>) {
        if yes {
            self.forbids.push(reason.into());
        }
    }

    fn rung(self, method: &'static str, considered: bool) -> Rung {
        let verdict = match (considered, self.lacks.is_empty(), self.forbids.is_empty()) {
            (false, ..) => Verdict::NotConsidered,
            (_, false, _) => Verdict::Absent,
            (_, _, false) => Verdict::Denied,
            _ => Verdict::Available,
        };
        Rung { method, verdict, reasons: self.lacks.into_iter().chain(self.forbids).collect() }
    }
}

/// All rungs in the order in which they would be tried.
pub(super) fn rungs(facts: &Facts, method: Method) -> Vec<Rung> {
    let auto = method == Method::Auto;
    vec![
        lime(facts).rung("lime", auto || method == Method::Lime),
        kcore(facts).rung("kcore", auto || method == Method::Kcore),
        crash(facts).rung("crash", auto),
        mem(facts).rung("mem", auto),
    ]
}

/// A module of our own: kernel_lockdown(7) and the module loader's own switches.
fn lime(facts: &Facts) -> Against {
    let mut against = Against::default();
    against.lacks(!facts.has_modules, "the kernel cannot load modules (no CONFIG_MODULES)");
    let kernel = escape::bytes(&facts.kernel);
    against.lacks(true, &format!("no LiME module for kernel {kernel}: this version has no module store"));
    against.forbids(facts.modules_disabled, "kernel.modules_disabled is 1: no module can be loaded until the next boot");
    against.forbids(facts.signatures_enforced, "the kernel loads only signed modules (module.sig_enforce)");
    lockdown(&mut against, facts, false, "it loads only signed modules");
    capability(&mut against, facts.may_load_modules, "CAP_SYS_MODULE");
    against
}

fn kcore(facts: &Facts) -> Against {
    let mut against = Against::default();
    against.lacks(!facts.has_kcore, "no /proc/kcore (the kernel has no CONFIG_PROC_KCORE)");
    lockdown(&mut against, facts, true, "/proc/kcore is closed");
    capability(&mut against, facts.may_do_raw_io, "CAP_SYS_RAWIO");
    against
}

fn crash(facts: &Facts) -> Against {
    let mut against = Against::default();
    against.lacks(!facts.has_crash, "no /dev/crash (the crash driver of Red Hat's kernels is not loaded)");
    lockdown(&mut against, facts, false, "/dev/crash is closed");
    capability(&mut against, facts.may_do_raw_io, "CAP_SYS_RAWIO");
    against
}

fn mem(facts: &Facts) -> Against {
    let mut against = Against::default();
    against.lacks(!facts.has_mem, "no /dev/mem (the kernel has no CONFIG_DEVMEM, or this is a container)");
    match facts.strict_devmem {
        Some(strict) => against.forbids(strict, "/dev/mem shows no memory of the kernel's (CONFIG_STRICT_DEVMEM)"),
        // Every distribution's kernel has it; without a configuration the safe guess is that this one has it too.
        None => against.forbids(facts.has_mem, "CONFIG_STRICT_DEVMEM is not known and is taken as set"),
    }
    lockdown(&mut against, facts, false, "/dev/mem is closed");
    capability(&mut against, facts.may_do_raw_io, "CAP_SYS_RAWIO");
    against
}

/// `integrity` forbids what could change the kernel, `confidentiality` also what could read it.
fn lockdown(against: &mut Against, facts: &Facts, only_confidentiality: bool, what: &str) {
    let locked = match facts.lockdown.as_slice() {
        b"confidentiality" => true,
        b"integrity" => !only_confidentiality,
        _ => false,
    };
    against.forbids(locked, format!("kernel lockdown is {}: {what}", escape::bytes(&facts.lockdown)));
}

fn capability(against: &mut Against, has: bool, name: &str) {
    against.forbids(!has, format!("we lack {name}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_host() -> Facts {
        Facts {
            kernel: b"6.1\x1b".to_vec(),
            has_modules: true,
            has_kcore: true,
            has_crash: true,
            has_mem: true,
            strict_devmem: Some(false),
            may_load_modules: true,
            may_do_raw_io: true,
            lockdown: b"none".to_vec(),
            ..Facts::default()
        }
    }

    fn verdicts(facts: &Facts, method: Method) -> Vec<&'static str> {
        rungs(facts, method).iter().map(|rung| rung.verdict.word()).collect()
    }

    #[test]
    fn an_open_host_allows_all_but_the_missing_module() {
        let rungs = rungs(&open_host(), Method::Auto);
        assert_eq!(verdicts(&open_host(), Method::Auto), ["absent", "available", "available", "available"]);
        assert_eq!(rungs[0].reasons, ["no LiME module for kernel 6.1\\x1b: this version has no module store"]);
    }

    #[test]
    fn lockdown_closes_kcore_only_for_confidentiality() {
        let integrity = Facts { lockdown: b"integrity".to_vec(), ..open_host() };
        assert_eq!(verdicts(&integrity, Method::Auto), ["absent", "available", "denied", "denied"]);
        let confidentiality = Facts { lockdown: b"confidentiality".to_vec(), ..open_host() };
        assert_eq!(verdicts(&confidentiality, Method::Kcore), ["not-considered", "denied", "not-considered", "not-considered"]);
    }

    #[test]
    fn every_refusal_is_named() {
        let facts =
            Facts { modules_disabled: true, signatures_enforced: true, lockdown: b"integrity".to_vec(), ..Facts::default() };
        let rungs = rungs(&facts, Method::Auto);
        assert_eq!(rungs[0].reasons.len(), 6, "{rungs:?}");
        assert!(rungs.iter().all(|rung| rung.verdict == Verdict::Absent));
        assert_eq!(serde_json::to_string(&Method::Kcore).unwrap(), "\"kcore\"");
    }
}
