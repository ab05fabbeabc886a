//! Everything that can be collected, in the order in which a run collects it: what is lost first comes first (RFC 3227 2.1).

use super::Source;
use super::deleted_files::DeletedFiles;
use super::executables::Executables;
use super::process_envs::ProcessEnvs;
use super::process_memory_map::ProcessMemoryMap;
use super::shm::Shm;

/// Every source, in the order of a run.
#[must_use]
pub fn all() -> Vec<Box<dyn Source>> {
    vec![
        Box::new(ProcessEnvs::default()),
        Box::new(ProcessMemoryMap::default()),
        Box::new(DeletedFiles::default()),
        Box::new(Shm::default()),
        Box::new(Executables),
    ]
}
