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
    /// Only `/dev/crash`.
    Crash,
    /// Only `/dev/mem`.
    Mem,
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
        crash(facts).rung("crash", auto || method == Method::Crash),
        mem(facts, method == Method::Mem).rung("mem", auto || method == Method::Mem),
    ]
}

/// A module of our own: kernel_lockdown(7) and the module loader's own switches.
fn lime(facts: &Facts) -> Against {
    let mut against = Against::default();
    against.lacks(!facts.has_modules, "the kernel cannot load modules (no CONFIG_MODULES)");
    if let Some(fault) = &facts.module_fault {
        against.lacks(true, fault);
    }
    ranges(&mut against, facts);
    against.forbids(facts.has_lime, "a module of the name lime is loaded already");
    against.forbids(facts.modules_disabled, "kernel.modules_disabled is 1: no module can be loaded until the next boot");
    // Whether it knows the key of a signed one, only the kernel can say.
    if !facts.module_signed {
        against.forbids(facts.signatures_enforced, "the kernel loads only signed modules (module.sig_enforce)");
        lockdown(&mut against, facts, false, "it loads only signed modules");
    }
    capability(&mut against, facts.may_load_modules, "CAP_SYS_MODULE");
    against
}

fn kcore(facts: &Facts) -> Against {
    let mut against = Against::default();
    against.lacks(!facts.has_kcore, "no /proc/kcore (the kernel has no CONFIG_PROC_KCORE)");
    ranges(&mut against, facts);
    lockdown(&mut against, facts, true, "/proc/kcore is closed");
    capability(&mut against, facts.may_do_raw_io, "CAP_SYS_RAWIO");
    against
}

fn crash(facts: &Facts) -> Against {
    let mut against = Against::default();
    against.lacks(!facts.has_crash, "no /dev/crash (the crash driver of Red Hat's kernels is not loaded)");
    ranges(&mut against, facts);
    lockdown(&mut against, facts, false, "/dev/crash is closed");
    capability(&mut against, facts.may_do_raw_io, "CAP_SYS_RAWIO");
    against
}

/// `/dev/mem`; `by_name` is whether it was asked for and nothing else.
fn mem(facts: &Facts, by_name: bool) -> Against {
    let mut against = Against::default();
    against.lacks(!facts.has_mem, "no /dev/mem (the kernel has no CONFIG_DEVMEM, or this is a container)");
    ranges(&mut against, facts);
    match facts.strict_devmem {
        Some(strict) => against.forbids(strict, "/dev/mem shows no memory of the kernel's (CONFIG_STRICT_DEVMEM)"),
        // Unknown is taken as set, because distributions set it. If only /dev/mem was asked for, it is tried all the same: the
        // zeros and refusals of such a kernel can be told from real memory.
        None => against.forbids(facts.has_mem && !by_name, "CONFIG_STRICT_DEVMEM is not known and is taken as set"),
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

/// Without the map nothing says which addresses are memory.
fn ranges(against: &mut Against, facts: &Facts) {
    against.forbids(facts.iomem.hidden, "/proc/iomem hides its addresses (CAP_SYS_ADMIN)");
    against.lacks(!facts.iomem.hidden && facts.iomem.ram.is_empty(), "/proc/iomem lists no System RAM");
}

fn capability(against: &mut Against, has: bool, name: &str) {
    against.forbids(!has, format!("we lack {name}"));
}

#[cfg(test)]
mod tests {
    use super::super::iomem::Iomem;
    use super::*;
    use crate::model::PhysRange;

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
            iomem: Iomem { ram: PhysRange::new(0, 4096).into_iter().collect(), ..Iomem::default() },
            module_fault: Some("no module".to_owned()),
            ..Facts::default()
        }
    }

    fn verdicts(facts: &Facts, method: Method) -> Vec<&'static str> {
        rungs(facts, method).iter().map(|rung| rung.verdict.word()).collect()
    }

    #[test]
    fn an_open_host_allows_all_but_the_missing_module() {
        let rungs = rungs(&open_host(), Method::Auto);
        assert_eq!(rungs.iter().map(|rung| rung.method).collect::<Vec<_>>(), super::super::IMAGES);
        assert_eq!(verdicts(&open_host(), Method::Auto), ["absent", "available", "available", "available"]);
        assert_eq!(rungs[0].reasons, ["no module"]);
        let given = Facts { module_fault: None, ..open_host() };
        assert_eq!(verdicts(&given, Method::Lime)[..2], ["available", "not-considered"]);
        assert_eq!(verdicts(&Facts { has_lime: true, ..given }, Method::Lime)[0], "denied");
    }

    #[test]
    fn what_wants_a_signature_keeps_out_only_what_has_none() {
        let given = Facts { module_fault: None, ..open_host() };
        for closed in [
            Facts { signatures_enforced: true, ..given.clone() },
            Facts { lockdown: b"integrity".to_vec(), ..given.clone() },
            Facts { lockdown: b"confidentiality".to_vec(), ..given },
        ] {
            assert_eq!(verdicts(&closed, Method::Lime)[0], "denied");
            assert_eq!(verdicts(&Facts { module_signed: true, ..closed.clone() }, Method::Lime)[0], "available");
            let disabled = Facts { module_signed: true, modules_disabled: true, ..closed };
            assert_eq!(verdicts(&disabled, Method::Lime)[0], "denied");
        }
    }

    #[test]
    fn lockdown_closes_kcore_only_for_confidentiality() {
        let integrity = Facts { lockdown: b"integrity".to_vec(), ..open_host() };
        assert_eq!(verdicts(&integrity, Method::Auto), ["absent", "available", "denied", "denied"]);
        let confidentiality = Facts { lockdown: b"confidentiality".to_vec(), ..open_host() };
        assert_eq!(verdicts(&confidentiality, Method::Kcore), ["not-considered", "denied", "not-considered", "not-considered"]);
    }

    #[test]
    fn a_device_that_is_asked_for_is_the_only_one_and_what_is_not_known_does_not_speak_against_it() {
        let unknown = Facts { strict_devmem: None, ..open_host() };
        let only = |method: usize, verdict| {
            let mut all = ["not-considered"; 4];
            all[method] = verdict;
            all.to_vec()
        };
        assert_eq!(verdicts(&unknown, Method::Crash), only(2, "available"));
        assert_eq!(verdicts(&unknown, Method::Mem), only(3, "available"));
        assert_eq!(verdicts(&unknown, Method::Auto)[3], "denied");
        let strict = Facts { strict_devmem: Some(true), ..open_host() };
        assert_eq!(verdicts(&strict, Method::Mem), only(3, "denied"));
    }

    #[test]
    fn every_refusal_is_named() {
        let facts =
            Facts { modules_disabled: true, signatures_enforced: true, lockdown: b"integrity".to_vec(), ..Facts::default() };
        let facts = Facts { module_fault: Some("no module".to_owned()), ..facts };
        let rungs = rungs(&facts, Method::Auto);
        assert_eq!(rungs[0].reasons.len(), 7, "{rungs:?}");
        for word in ["no module", "modules_disabled", "sig_enforce", "integrity", "CAP_SYS_MODULE"] {
            assert!(rungs[0].reasons.iter().any(|reason| reason.contains(word)), "{word}: {rungs:?}");
        }
        assert!(rungs[1].reasons.iter().any(|reason| reason.contains("CAP_SYS_RAWIO")), "{rungs:?}");
        assert!(rungs.iter().all(|rung| rung.verdict == Verdict::Absent));
        assert_eq!(serde_json::to_string(&Method::Kcore).unwrap(), "\"kcore\"");
    }
}
