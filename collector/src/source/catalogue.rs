//! Everything that can be collected, in the order in which a run collects it: what is lost first comes first (RFC 3227 2.1).

use super::Source;
use super::context::ContextSource;
use super::footprint::FootprintSource;
use super::kernel_log::KernelLogSource;
use super::kernel_modules::KernelModulesSource;
use super::memory::MemorySource;
use super::mounts::MountsSource;
use super::sessions::SessionsSource;
use super::system_controls::SystemControlsSource;

/// Every source, in the order of a run.
#[must_use]
pub fn all() -> Vec<Box<dyn Source>> {
    vec![
        Box::new(ContextSource),
        Box::new(MemorySource::default()),
        Box::new(KernelModulesSource),
        Box::new(KernelLogSource),
        Box::new(SystemControlsSource),
        Box::new(SessionsSource),
        Box::new(MountsSource),
        // A run puts one in its place that it made at its beginning (`FootprintSource::begin`).
        Box::new(FootprintSource::default()),
    ]
}
