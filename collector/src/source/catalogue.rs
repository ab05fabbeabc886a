//! Everything that can be collected, in the order in which a run collects it: what is lost first comes first (RFC 3227 2.1).

use std::sync::Arc;

use super::accounts::Accounts;
use super::audit::Audit;
use super::block_devices::BlockDevices;
use super::bpf::Bpf;
use super::containers::Containers;
use super::context::ContextSource;
use super::deleted_files::DeletedFiles;
use super::digests::Digests;
use super::ec2::Ec2;
use super::executables::Executables;
use super::files::Files;
use super::findings::{Findings, Notes, overheard};
use super::footprint::FootprintSource;
use super::freeze_frame_end::{FirstFrame, SecondFrame, Seen};
use super::hidden::HiddenProcesses;
use super::hidden_files::HiddenFiles;
use super::histories::Histories;
use super::kernel_keys::KernelKeys;
use super::kernel_log::KernelLogSource;
use super::kernel_modules::KernelModulesSource;
use super::kernel_symbols::KernelSymbols;
use super::kernel_tracing::KernelTracing;
use super::loaded_files::LoadedFiles;
use super::logs::Logs;
use super::memory::{MemorySource, Method, Offer};
use super::mounts::MountsSource;
use super::network::arp_cache::ArpCache;
use super::network::conntrack::Conntrack;
use super::network::firewall::Firewall;
use super::network::interfaces::Interfaces;
use super::network::routes::Routes;
use super::network::traffic::TrafficControl;
use super::packages::Packages;
use super::persistence::Persistence;
use super::process_detail::ProcessDetail;
use super::process_envs::ProcessEnvs;
use super::process_events::ProcessEvents;
use super::process_memory::ProcessMemory;
use super::process_memory_map::ProcessMemoryMap;
use super::sessions::SessionsSource;
use super::shm::Shm;
use super::system_controls::SystemControlsSource;
use super::tmpfs::Tmpfs;
use super::user_files::UserFiles;
use super::{Source, findings, footprint};
use crate::host::Host;
use crate::model::Artefact;

/// What a run wants of the sources.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// Keep secret-looking values of environments, and secrets in files.
    pub include_secrets: bool,
    /// Read what is slow or large to read: `smaps`, all files of packages, more of the logs.
    pub thorough: bool,
    /// Which ways to memory to take.
    pub memory: Method,
    /// The LiME module that may be loaded.
    pub module: Offer,
    /// Whose memory to take by itself.
    pub process_memory: ProcessMemory,
    /// Files that the user asked for.
    pub user_files: UserFiles,
}

/// Every source, in the order of a run. What `footprint` compares the host with is read now. Rows of all are noted for `findings`.
#[must_use]
pub fn all(host: &Host, options: &Options) -> Vec<Box<dyn Source>> {
    let notes = Arc::new(Notes::default());
    let mut sources: Vec<_> = readers(options).into_iter().map(|source| overheard(source, &notes)).collect();
    sources.push(Box::new(Findings(notes)));
    sources.push(Box::new(FootprintSource::begin(host)));
    sources
}

/// Every source that reads the host for evidence, in the order of a run.
fn readers(options: &Options) -> Vec<Box<dyn Source>> {
    let (seen, digests) = (Seen::default(), Arc::new(Digests::default()));
    vec![
        Box::new(ContextSource),
        Box::new(FirstFrame { seen: seen.clone() }),
        Box::new(HiddenProcesses),
        Box::new(KernelSymbols),
        Box::new(MemorySource { method: options.memory, module: options.module.clone() }),
        Box::new(options.process_memory.clone()),
        Box::new(ProcessEnvs { include_secrets: options.include_secrets }),
        Box::new(ProcessMemoryMap { smaps: options.thorough }),
        Box::new(ProcessDetail),
        Box::new(DeletedFiles::default()),
        Box::new(KernelModulesSource),
        Box::new(KernelTracing),
        Box::new(Bpf),
        Box::new(KernelKeys),
        Box::new(Audit),
        Box::new(KernelLogSource),
        Box::new(SystemControlsSource),
        Box::new(Interfaces),
        Box::new(Routes),
        Box::new(ArpCache),
        Box::new(Firewall),
        Box::new(Conntrack),
        Box::new(TrafficControl),
        Box::new(MountsSource),
        Box::new(BlockDevices),
        Box::new(SessionsSource),
        Box::new(Shm::default()),
        Box::new(Tmpfs::new(options.include_secrets)),
        Box::new(Executables::new(Arc::clone(&digests))),
        Box::new(LoadedFiles::new(Arc::clone(&digests))),
        Box::new(Persistence::new(options.include_secrets)),
        Box::new(Accounts { include_secrets: options.include_secrets }),
        Box::new(Histories { include_secrets: options.include_secrets }),
        Box::new(Ec2 { include_secrets: options.include_secrets }),
        Box::new(options.user_files.clone()),
        Box::new(Logs::new(options.thorough, options.include_secrets)),
        Box::new(Containers::new(options.thorough, options.include_secrets)),
        Box::new(Packages::new(options.thorough, Arc::clone(&digests))),
        Box::new(Files::new(options.thorough, digests)),
        Box::new(HiddenFiles { thorough: options.thorough, include_secrets: options.include_secrets }),
        Box::new(SecondFrame { first: seen }),
        Box::new(ProcessEvents::default()),
    ]
}

/// Every artefact, in the order of a run.
#[must_use]
pub fn artefacts() -> Vec<Artefact> {
    let last = [findings::ARTEFACT, footprint::ARTEFACT];
    readers(&Options::default()).iter().map(|source| source.artefact()).chain(last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_a_run_reads_stands_in_the_order_that_is_shown() {
        let sources = all(&Host::live().unwrap(), &Options::default());
        assert_eq!(sources.iter().map(|source| source.artefact()).collect::<Vec<_>>(), artefacts());
    }

    #[test]
    fn names_are_plain_and_bear_one_meaning() {
        let artefacts = artefacts();
        let tables: Vec<&str> = artefacts.iter().flat_map(|artefact| artefact.tables).copied().collect();
        let plain = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        assert!(artefacts.iter().all(|artefact| plain(artefact.name)) && tables.iter().all(|table| plain(table)));
        assert_eq!(tables.iter().collect::<BTreeSet<_>>().len(), tables.len());
        assert_eq!(artefacts.iter().map(|artefact| artefact.name).collect::<BTreeSet<_>>().len(), artefacts.len());
        // stream::MAX_OPEN_TABLES: as many tables may be open at once, the log among them.
        assert!(artefacts.iter().all(|artefact| artefact.tables.len() < 16));
    }

    #[test]
    fn what_is_read_beside_another_comes_right_after_it_and_has_room() {
        let sources = all(&Host::live().unwrap(), &Options::default());
        let pairs = sources.iter().zip(sources.iter().skip(1)).filter(|(_, next)| next.beside().is_some());
        let pairs: Vec<_> = pairs.map(|(one, next)| (one.artefact(), next.beside(), next.artefact())).collect();
        assert_eq!((pairs.len(), sources.iter().filter(|source| source.beside().is_some()).count()), (1, 1));
        for (one, beside, next) in pairs {
            assert_eq!(beside, Some(one.name));
            assert!(one.tables.len() + next.tables.len() < 16, "with the log no more than stream::MAX_OPEN_TABLES");
        }
    }
}
