//! The types of the kernel's global variables. BTF has types, but says of no ordinary variable which type it is of; this table does,
//! for those that Volatility's plugins, and people, look up. Each kernel has some of them.
//!
//! A type is written as in C: `struct list_head`, `char *`, `struct gate_struct [256]`, `void * []` (as many as there is room for
//! before the next symbol, which may be too many: constants without a symbol may follow). The first that this kernel has is
//! taken: names have changed over time.

use super::isf::{Descriptor, Field, Types, UserType};

/// Variables and their types.
const GLOBALS: &[(&str, &[&str])] = &[
    // Processes and what belongs to the first of them.
    ("init_task", &["struct task_struct"]),
    ("init_mm", &["struct mm_struct"]),
    ("init_files", &["struct files_struct"]),
    ("init_fs", &["struct fs_struct"]),
    ("init_cred", &["struct cred"]),
    ("init_nsproxy", &["struct nsproxy"]),
    ("init_pid_ns", &["struct pid_namespace"]),
    ("init_user_ns", &["struct user_namespace"]),
    ("init_uts_ns", &["struct uts_namespace"]),
    ("init_ipc_ns", &["struct ipc_namespace"]),
    ("init_cgroup_ns", &["struct cgroup_namespace"]),
    ("init_time_ns", &["struct time_namespace"]),
    ("init_css_set", &["struct css_set"]),
    ("pid_hash", &["struct hlist_head *"]),
    ("pidhash_shift", &["unsigned int"]),
    ("nr_threads", &["int"]),
    ("cap_last_cap", &["int"]),
    ("workqueues", &["struct list_head"]),
    // Time.
    ("tk_core", &["struct tk_data", TK_CORE]),
    ("timekeeper", &["struct timekeeper"]),
    ("jiffies", &["long unsigned int"]),
    ("jiffies_64", &["long long unsigned int"]),
    // Modules, and what may hook the kernel.
    ("modules", &["struct list_head"]),
    ("mod_tree", &["struct mod_tree_root"]),
    ("module_addr_min", &["long unsigned int"]),
    ("module_addr_max", &["long unsigned int"]),
    ("module_kset", &["struct kset *"]),
    ("taint_flags", &["struct taint_flag [TAINT_FLAGS_COUNT]"]),
    ("tainted_mask", &["long unsigned int"]),
    ("sys_call_table", &["void * []"]),
    ("ia32_sys_call_table", &["void * []"]),
    ("x32_sys_call_table", &["void * []"]),
    ("idt_table", &["struct gate_struct [256]", "struct gate_struct64 [256]"]),
    ("ftrace_ops_list", &["struct ftrace_ops *"]),
    ("ftrace_list_end", &["struct ftrace_ops"]),
    ("ftrace_mod_maps", &["struct list_head"]),
    ("ftrace_ops_trampoline_list", &["struct list_head"]),
    ("__start___tracepoints_ptrs", &["int []"]),
    ("kprobe_table", &["struct hlist_head [64]"]),
    ("keyboard_notifier_list", &["struct atomic_notifier_head"]),
    ("die_chain", &["struct atomic_notifier_head"]),
    ("reboot_notifier_list", &["struct blocking_notifier_head"]),
    ("security_hook_heads", &["struct security_hook_heads"]),
    ("selinux_state", &["struct selinux_state"]),
    ("prog_idr", &["struct idr"]),
    ("map_idr", &["struct idr"]),
    ("link_idr", &["struct idr"]),
    ("bpf_kallsyms", &["struct list_head"]),
    ("bpf_tree", &["struct latch_tree_root"]),
    ("pmus", &["struct list_head"]),
    ("tty_drivers", &["struct list_head"]),
    ("chrdevs", &["struct char_device_struct * [255]"]),
    ("num_registered_fb", &["int"]),
    ("registered_fb", &["struct fb_info * [32]"]),
    // The log.
    ("prb", &["struct printk_ringbuffer *"]),
    ("printk_rb_static", &["struct printk_ringbuffer"]),
    ("log_buf", &["char *"]),
    ("log_buf_len", &["unsigned int"]),
    ("__log_buf", &["char []"]),
    ("log_first_idx", &["unsigned int"]),
    ("log_next_idx", &["unsigned int"]),
    ("log_first_seq", &["long long unsigned int"]),
    ("log_next_seq", &["long long unsigned int"]),
    ("saved_command_line", &["char *"]),
    ("linux_banner", &["char []"]),
    // Networks.
    ("init_net", &["struct net"]),
    ("net_namespace_list", &["struct list_head"]),
    ("socket_file_ops", &["struct file_operations"]),
    ("sockfs_dentry_operations", &["struct dentry_operations"]),
    ("tcp_hashinfo", &["struct inet_hashinfo"]),
    ("udp_table", &["struct udp_table"]),
    ("tcp4_seq_afinfo", &["struct tcp_seq_afinfo"]),
    ("tcp6_seq_afinfo", &["struct tcp_seq_afinfo"]),
    ("udp4_seq_afinfo", &["struct udp_seq_afinfo"]),
    ("udp6_seq_afinfo", &["struct udp_seq_afinfo"]),
    ("udplite4_seq_afinfo", &["struct udp_seq_afinfo"]),
    ("udplite6_seq_afinfo", &["struct udp_seq_afinfo"]),
    ("raw_seq_ops", &["struct seq_operations"]),
    ("raw6_seq_ops", &["struct seq_operations"]),
    ("arp_seq_ops", &["struct seq_operations"]),
    ("unix_seq_ops", &["struct seq_operations"]),
    ("packet_seq_ops", &["struct seq_operations"]),
    ("tcp_seq_ops", &["struct seq_operations"]),
    ("tcp4_seq_ops", &["struct seq_operations"]),
    ("tcp6_seq_ops", &["struct seq_operations"]),
    ("udp_seq_ops", &["struct seq_operations"]),
    ("udp6_seq_ops", &["struct seq_operations"]),
    // Files.
    ("super_blocks", &["struct list_head"]),
    ("file_systems", &["struct file_system_type *"]),
    ("proc_root", &["struct proc_dir_entry"]),
    ("dentry_hashtable", &["struct hlist_bl_head *"]),
    ("inode_hashtable", &["struct hlist_head *"]),
    ("cgroup_roots", &["struct list_head"]),
    ("cgrp_dfl_root", &["struct cgroup_root"]),
    // Memory.
    ("iomem_resource", &["struct resource"]),
    ("ioport_resource", &["struct resource"]),
    ("vmemmap_base", &["long unsigned int"]),
    ("page_offset_base", &["long unsigned int"]),
    ("vmalloc_base", &["long unsigned int"]),
    ("phys_base", &["long unsigned int"]),
    ("mem_map", &["struct page *"]),
    ("slab_caches", &["struct list_head"]),
    ("vmap_area_list", &["struct list_head"]),
    ("vmap_area_root", &["struct rb_root"]),
    // The kernel's own symbols.
    ("kallsyms_num_syms", &["unsigned int"]),
    ("kallsyms_markers", &["unsigned int []"]),
    ("kallsyms_offsets", &["int []"]),
    ("kallsyms_relative_base", &["long unsigned int"]),
    ("kallsyms_names", &["unsigned char []"]),
    ("kallsyms_token_table", &["char []"]),
    ("kallsyms_token_index", &["short unsigned int []"]),
];

/// Before Linux 6.13 `tk_core` is a struct without a name (kernel/time/timekeeping.c): a sequence counter and the timekeeper.
const TK_CORE: &str = "struct unnamed_tk_core";
const COUNTERS: [&str; 2] = ["seqcount_raw_spinlock_t", "seqcount_t"];

/// Describes what BTF leaves out and the table refers to.
pub(super) fn complete(types: &mut Types) {
    let counter = COUNTERS.into_iter().find(|name| types.user_types.contains_key(*name));
    let (Some(counter), Some(keeper)) = (counter, types.user_types.get("timekeeper")) else { return };
    let sequence = Descriptor::Struct { name: counter.to_owned() };
    let Some(at) = u32::try_from(types.size(&sequence)).unwrap_or(0).checked_next_multiple_of(8) else { return };
    let size = at.saturating_add(keeper.size);
    let field = |of: Descriptor, offset: u32| Field { of, offset, anonymous: false };
    let timekeeper = Descriptor::Struct { name: "timekeeper".to_owned() };
    let fields = [("seq".to_owned(), field(sequence, 0)), ("timekeeper".to_owned(), field(timekeeper, at))].into();
    types.user_types.insert("unnamed_tk_core".to_owned(), UserType { kind: "struct", size, fields });
}

/// A kernel whose variables have types.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernel<'a> {
    /// What it has.
    pub(super) types: &'a Types,
    /// Its release, such as `6.1.0-56-cloud-amd64`.
    pub(super) release: &'a str,
}

impl Kernel<'_> {
    /// The type of the global variable `name`, which has `room` bytes before the next symbol: what BTF says, else what the table
    /// says. None where neither knows it, or this kernel has no such type.
    pub(super) fn type_of(self, name: &str, room: u64) -> Option<Descriptor> {
        if let Some(known) = self.types.variables.get(name) {
            return Some(known.clone());
        }
        let (_, spellings) = GLOBALS.iter().find(|(global, _)| *global == name)?;
        spellings.iter().find_map(|spelling| self.parse(spelling, room))
    }

    fn parse(self, spelling: &str, room: u64) -> Option<Descriptor> {
        if let Some((element, count)) = spelling.strip_suffix(']').and_then(|rest| rest.rsplit_once(" [")) {
            let subtype = self.parse(element, room)?;
            let count = match count {
                "" => room.checked_div(self.types.size(&subtype))?,
                "TAINT_FLAGS_COUNT" => taint_flags(self.release),
                number => number.parse().ok()?,
            };
            return Some(Descriptor::Array { count, subtype: Box::new(subtype) });
        }
        if let Some(to) = spelling.strip_suffix(" *") {
            // A pointer is one whether or not it is known what it points to.
            return Some(self.parse(to, room).unwrap_or_else(Descriptor::void).pointed_to());
        }
        match spelling.strip_prefix("struct ") {
            Some(name) => self.types.user_types.contains_key(name).then(|| Descriptor::Struct { name: name.to_owned() }),
            None => self.types.base_types.contains_key(spelling).then(|| Descriptor::base(spelling)),
        }
    }
}

/// `TAINT_FLAGS_COUNT` of linux/panic.h (before, linux/kernel.h). A distribution may have taken a flag over from a later kernel; then it is
/// not named, and nothing else is wrong.
fn taint_flags(release: &str) -> u64 {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    match (numbers.next().unwrap_or(0_u32), numbers.next().unwrap_or(0_u32)) {
        version if version >= (6, 15) => 20,
        version if version >= (6, 0) => 19,
        _ => 18,
    }
}

#[cfg(test)]
mod tests {
    use super::super::isf::BaseType;
    use super::*;

    fn types() -> Types {
        let mut types = Types::default();
        let base = |size| BaseType { size, signed: false, kind: "int", endian: "little" };
        for (name, size) in [("void", 0), ("char", 1), ("unsigned int", 4)] {
            types.base_types.insert(name.to_owned(), base(size));
        }
        for (name, size) in [("list_head", 16), ("taint_flag", 3), ("timekeeper", 280), ("seqcount_raw_spinlock_t", 4)] {
            types.user_types.insert(name.to_owned(), UserType { kind: "struct", size, fields: [].into() });
        }
        types
    }

    #[test]
    fn every_entry_is_spelt_in_a_way_that_is_understood_and_stands_once() {
        for (at, (name, spellings)) in GLOBALS.iter().enumerate() {
            assert!(!GLOBALS[at + 1..].iter().any(|(other, _)| other == name), "{name} stands twice");
            for spelling in *spellings {
                let end = spelling.split(" [").next().unwrap().trim_end_matches([' ', '*']);
                let plain =
                    end.strip_prefix("struct ").is_some_and(|tag| tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
                assert!(plain || end.bytes().all(|b| b.is_ascii_lowercase() || b == b' '), "{name}: {spelling}");
            }
        }
    }

    #[test]
    fn arrays_fill_the_room_there_is() {
        let types = types();
        let of = |name: &str, room| Kernel { types: &types, release: "6.1.0-56-cloud-amd64" }.type_of(name, room);
        assert_eq!(of("modules", 16), Some(Descriptor::Struct { name: "list_head".to_owned() }));
        assert!(matches!(of("taint_flags", 64), Some(Descriptor::Array { count: 19, .. })));
        assert!(matches!(of("sys_call_table", 4096), Some(Descriptor::Array { count: 512, .. })));
        assert_eq!(of("log_buf", 8), Some(Descriptor::base("char").pointed_to()));
        assert_eq!(of("prb", 8), Some(Descriptor::void().pointed_to()));
        assert_eq!((of("init_task", 9000), of("no_such_thing", 8)), (None, None));
    }

    #[test]
    fn taints_are_as_many_as_the_kernel_has() {
        for (release, count) in
            [("4.18.0-553.el8", 18), ("5.15.0-1051-aws", 18), ("6.0.0", 19), ("6.15.1", 20), ("7.0", 20), ("", 18)]
        {
            assert_eq!(taint_flags(release), count, "{release}");
        }
    }

    #[test]
    fn the_clocks_struct_is_made_up_where_it_has_no_name() {
        let mut types = types();
        complete(&mut types);
        let of = |types: &Types| Kernel { types, release: "6.1" }.type_of("tk_core", 512);
        assert_eq!(of(&types), Some(Descriptor::Struct { name: "unnamed_tk_core".to_owned() }));
        assert_eq!(types.user_types["unnamed_tk_core"].fields["timekeeper"].offset, 8);
        types.user_types.insert("tk_data".to_owned(), UserType { kind: "struct", size: 1, fields: [].into() });
        assert_eq!(of(&types), Some(Descriptor::Struct { name: "tk_data".to_owned() }));
        types.variables.insert("tk_core".to_owned(), Descriptor::void());
        assert_eq!(of(&types), Some(Descriptor::void()), "what BTF says counts");
    }

    #[test]
    fn a_counter_of_any_size_is_taken_or_left() {
        for size in [0, 1, 8, u32::MAX - 7, u32::MAX - 6, u32::MAX] {
            let mut types = types();
            types.user_types.insert("seqcount_raw_spinlock_t".to_owned(), UserType { kind: "struct", size, fields: [].into() });
            complete(&mut types);
            assert_eq!(types.user_types.contains_key("unnamed_tk_core"), size < u32::MAX - 6, "{size}");
        }
    }
}
