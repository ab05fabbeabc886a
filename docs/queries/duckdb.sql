-- Tables of a run for DuckDB, with types. Where the run lies is said once, before this file is read:
--
--   SET VARIABLE run = 'evidence';                                  -- a folder
--   SET VARIABLE run = 's3://bucket/prefix/IR-1/*/*/*';              -- every run of a case (INSTALL httpfs; LOAD httpfs)
--   .read docs/queries/duckdb.sql
--
-- A table that no run has (another profile, --only) has no view; DuckDB says so and goes on with the next.
-- A value that is not of its column's type is an error, never a null. Bytes that are not UTF-8 stand in the file under COLUMN_b64.

CREATE OR REPLACE VIEW processes AS SELECT * FROM read_json(getvariable('run') || '/data/process/processes.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', name: 'VARCHAR', parent: 'BIGINT', uid: 'BIGINT', euid: 'BIGINT', gid: 'BIGINT', path: 'VARCHAR',
  cmdline: 'VARCHAR', args: 'VARCHAR[]', cwd: 'VARCHAR', root: 'VARCHAR', state: 'VARCHAR', start_time: 'BIGINT', start_ns: 'BIGINT',
  start_ticks: 'BIGINT', entity_id: 'VARCHAR', session: 'BIGINT', tty_nr: 'BIGINT', threads: 'BIGINT', on_disk: 'BIGINT',
  exe_deleted: 'BIGINT', exe_memfd: 'BIGINT', exe_dev: 'VARCHAR', exe_inode: 'BIGINT', exe_size: 'BIGINT', exe_nlink: 'BIGINT',
  is_kthread: 'BIGINT', loginuid: 'BIGINT', sessionid: 'BIGINT', tracer_pid: 'BIGINT', cap_eff: 'VARCHAR', seccomp: 'BIGINT',
  no_new_privs: 'BIGINT', lsm_label: 'VARCHAR', cgroup_path: 'VARCHAR', ns_mnt: 'BIGINT', ns_net: 'BIGINT', ns_pid: 'BIGINT',
  resident_size: 'BIGINT', total_size: 'BIGINT', disk_bytes_read: 'BIGINT', disk_bytes_written: 'BIGINT', wchan: 'VARCHAR', self: 'BIGINT',
  egid: 'BIGINT', suid: 'BIGINT', sgid: 'BIGINT', wired_size: 'BIGINT', user_time: 'BIGINT', system_time: 'BIGINT', pgroup: 'BIGINT',
  nice: 'BIGINT', seccomp_filters: 'BIGINT', cap_prm: 'VARCHAR', cap_inh: 'VARCHAR', cap_bnd: 'VARCHAR', cap_amb: 'VARCHAR',
  oom_score_adj: 'BIGINT', syscall: 'VARCHAR', ns_cgroup: 'BIGINT', ns_ipc: 'BIGINT', ns_time: 'BIGINT', ns_user: 'BIGINT', ns_uts: 'BIGINT'
});

CREATE OR REPLACE VIEW process_open_files AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_open_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', fd: 'BIGINT', path: 'VARCHAR', type: 'VARCHAR', dev: 'VARCHAR', inode: 'BIGINT', deleted: 'BIGINT',
  memfd: 'BIGINT'
});

CREATE OR REPLACE VIEW process_open_sockets AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_open_sockets.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', fd: 'BIGINT', pids: 'JSON', socket: 'BIGINT', family: 'BIGINT', protocol: 'BIGINT',
  local_address: 'VARCHAR', local_port: 'BIGINT', remote_address: 'VARCHAR', remote_port: 'BIGINT', path: 'VARCHAR', state: 'VARCHAR',
  state_after: 'VARCHAR', uid: 'BIGINT', cookie: 'VARCHAR', rqueue: 'BIGINT', wqueue: 'BIGINT', socket_type: 'BIGINT',
  interface_index: 'BIGINT', bpf_filter_b64: 'VARCHAR', peer_inode: 'BIGINT', netns_inode: 'BIGINT', seen_by: 'VARCHAR[]',
  net_namespace: 'VARCHAR', timer: 'BIGINT', retrans: 'BIGINT', mark: 'BIGINT', port_id: 'BIGINT', groups: 'VARCHAR', class_id: 'BIGINT',
  cgroup_id: 'UBIGINT', drops: 'BIGINT', fanout: 'BIGINT', instances: 'BIGINT', bpf_filter_hex: 'VARCHAR', bpf_filter_length: 'BIGINT',
  bpf_filter_sha256: 'VARCHAR', file_inode: 'BIGINT', file_device: 'BIGINT', protocol_name: 'VARCHAR'
});

CREATE OR REPLACE VIEW process_executables AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_executables.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', path: 'VARCHAR', size: 'BIGINT', dev: 'VARCHAR', inode: 'BIGINT', deleted: 'BIGINT', sha256: 'VARCHAR',
  path_sha256: 'VARCHAR', matches: 'BIGINT'
});

CREATE OR REPLACE VIEW mapped_files AS SELECT * FROM read_json(getvariable('run') || '/data/process/mapped_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', path: 'VARCHAR', dev: 'VARCHAR', inode: 'BIGINT', size: 'BIGINT', deleted: 'BIGINT', sha256: 'VARCHAR',
  elf: 'BIGINT'
});

CREATE OR REPLACE VIEW module_files AS SELECT * FROM read_json(getvariable('run') || '/data/process/module_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', name: 'VARCHAR', in_tree: 'BIGINT', path: 'VARCHAR', dev: 'VARCHAR', inode: 'BIGINT', size: 'BIGINT', deleted: 'BIGINT',
  sha256: 'VARCHAR', elf: 'BIGINT'
});

CREATE OR REPLACE VIEW process_envs AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_envs.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', key: 'VARCHAR', value: 'VARCHAR', ordinal: 'BIGINT', redacted: 'BIGINT', value_length: 'BIGINT',
  value_sha256: 'VARCHAR', bare: 'BIGINT', environ_sha256: 'VARCHAR'
});

CREATE OR REPLACE VIEW process_namespaces AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_namespaces.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', cgroup_namespace: 'BIGINT', ipc_namespace: 'BIGINT', mnt_namespace: 'BIGINT', net_namespace: 'BIGINT',
  pid_namespace: 'BIGINT', user_namespace: 'BIGINT', uts_namespace: 'BIGINT', time_namespace: 'BIGINT'
});

CREATE OR REPLACE VIEW hidden_processes AS SELECT * FROM read_json(getvariable('run') || '/data/process/hidden_processes.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', name: 'VARCHAR', path: 'VARCHAR', cmdline: 'VARCHAR', start_ticks: 'BIGINT', seen_by: 'VARCHAR[]',
  missing_from: 'VARCHAR[]', reason: 'VARCHAR', hidden: 'BIGINT', mount_point: 'VARCHAR', mount_root: 'VARCHAR', mount_type: 'VARCHAR',
  mount_source: 'VARCHAR'
});

CREATE OR REPLACE VIEW network_namespaces AS SELECT * FROM read_json(getvariable('run') || '/data/process/network_namespaces.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', netns_inode: 'BIGINT', pid: 'BIGINT', processes: 'BIGINT', mount_points: 'VARCHAR[]', is_host: 'BIGINT',
  entered: 'VARCHAR', text_only: 'BIGINT', diag_only: 'BIGINT', anomalies: 'VARCHAR[]', text_only_sockets: 'JSON',
  diag_only_sockets: 'JSON', sockets: 'JSON', not_asked: 'VARCHAR[]'
});

CREATE OR REPLACE VIEW deleted_files AS SELECT * FROM read_json(getvariable('run') || '/data/process/deleted_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', target: 'VARCHAR', pids: 'JSON', size: 'BIGINT', sha256: 'VARCHAR', deleted: 'BIGINT', dev: 'VARCHAR',
  inode: 'BIGINT', mtime: 'BIGINT', member: 'VARCHAR', stored: 'BIGINT', self: 'BIGINT', uid: 'BIGINT', gid: 'BIGINT', mode: 'VARCHAR',
  device: 'BIGINT', atime: 'BIGINT', atime_ns: 'HUGEINT', mtime_ns: 'HUGEINT', ctime: 'BIGINT', ctime_ns: 'HUGEINT', btime: 'BIGINT',
  btime_ns: 'HUGEINT', hard_links: 'BIGINT', type: 'VARCHAR', blocks: 'BIGINT', attributes: 'VARCHAR[]', content_at: 'VARCHAR',
  "references": 'JSON', truncated: 'BIGINT', changed_during_read: 'BIGINT', pieces: 'JSON'
});

CREATE OR REPLACE VIEW memfd_files AS SELECT * FROM read_json(getvariable('run') || '/data/process/memfd_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', name: 'VARCHAR', path: 'VARCHAR', pids: 'JSON', size: 'BIGINT', sha256: 'VARCHAR', memory: 'VARCHAR', dev: 'VARCHAR',
  inode: 'BIGINT', member: 'VARCHAR', stored: 'BIGINT', self: 'BIGINT', uid: 'BIGINT', gid: 'BIGINT', mode: 'VARCHAR', device: 'BIGINT',
  atime: 'BIGINT', atime_ns: 'HUGEINT', mtime: 'BIGINT', mtime_ns: 'HUGEINT', ctime: 'BIGINT', ctime_ns: 'HUGEINT', btime: 'BIGINT',
  btime_ns: 'HUGEINT', hard_links: 'BIGINT', type: 'VARCHAR', blocks: 'BIGINT', attributes: 'VARCHAR[]', content_at: 'VARCHAR',
  "references": 'JSON', truncated: 'BIGINT', changed_during_read: 'BIGINT', pieces: 'JSON', deleted: 'BIGINT', target: 'VARCHAR',
  nlink: 'BIGINT'
});

CREATE OR REPLACE VIEW kernel_modules AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/kernel_modules.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', name: 'VARCHAR', size: 'BIGINT', used_by: 'VARCHAR', "references": 'BIGINT', state: 'VARCHAR', address: 'VARCHAR',
  taint_letters: 'VARCHAR', initstate: 'VARCHAR', refcnt: 'VARCHAR', taint: 'VARCHAR', srcversion: 'VARCHAR', version: 'VARCHAR',
  coresize: 'VARCHAR', initsize: 'VARCHAR', seen_by: 'VARCHAR[]', missing_from: 'VARCHAR[]', contradiction: 'BIGINT',
  symbols: 'BIGINT', symbols_lowest: 'VARCHAR', symbols_highest: 'VARCHAR'
});

CREATE OR REPLACE VIEW mounts AS SELECT * FROM read_json(getvariable('run') || '/data/file/mounts.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', mnt_namespace: 'VARCHAR', processes: 'BIGINT', over_process: 'BIGINT', mount_id: 'BIGINT', parent_id: 'BIGINT',
  device: 'VARCHAR', path: 'VARCHAR', root: 'VARCHAR', type: 'VARCHAR', flags: 'VARCHAR', over_pid: 'BIGINT', device_major: 'BIGINT',
  device_minor: 'BIGINT', propagation: 'VARCHAR', super_options: 'VARCHAR', line: 'VARCHAR'
});

CREATE OR REPLACE VIEW persistence_files AS SELECT * FROM read_json(getvariable('run') || '/data/file/persistence_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', kind: 'VARCHAR', path: 'VARCHAR', directory: 'VARCHAR', filename: 'VARCHAR', username: 'VARCHAR', via: 'VARCHAR',
  type: 'VARCHAR', size: 'BIGINT', uid: 'BIGINT', gid: 'BIGINT', mode: 'VARCHAR', inode: 'BIGINT', dev: 'VARCHAR', atime: 'BIGINT',
  mtime: 'BIGINT', ctime: 'BIGINT', btime: 'BIGINT', mtime_ns: 'HUGEINT', ctime_ns: 'HUGEINT', sha256: 'VARCHAR', stored: 'BIGINT',
  truncated: 'BIGINT', attributes: 'VARCHAR[]', also: 'VARCHAR[]', home: 'VARCHAR', symlink_target_path: 'VARCHAR', device: 'BIGINT',
  atime_ns: 'HUGEINT', btime_ns: 'HUGEINT', hard_links: 'BIGINT', blocks: 'BIGINT', content_at: 'VARCHAR', secret: 'BIGINT',
  hidden_bytes: 'BIGINT', changed_during_read: 'BIGINT', pieces: 'JSON'
});

CREATE OR REPLACE VIEW log_files AS SELECT * FROM read_json(getvariable('run') || '/data/file/log_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', kind: 'VARCHAR', path: 'VARCHAR', size: 'BIGINT', uid: 'BIGINT', gid: 'BIGINT', mode: 'VARCHAR', inode: 'BIGINT',
  mtime: 'BIGINT', ctime: 'BIGINT', sha256: 'VARCHAR', stored: 'BIGINT', truncated: 'BIGINT', directory: 'VARCHAR', filename: 'VARCHAR',
  symlink_target_path: 'VARCHAR', home: 'VARCHAR', username: 'VARCHAR', via: 'VARCHAR', also: 'VARCHAR[]', device: 'BIGINT', dev: 'VARCHAR',
  type: 'VARCHAR', atime: 'BIGINT', atime_ns: 'HUGEINT', mtime_ns: 'HUGEINT', ctime_ns: 'HUGEINT', btime: 'BIGINT', btime_ns: 'HUGEINT',
  hard_links: 'BIGINT', blocks: 'BIGINT', attributes: 'VARCHAR[]', content_at: 'VARCHAR', secret: 'BIGINT', hidden_bytes: 'BIGINT',
  changed_during_read: 'BIGINT', pieces: 'JSON'
});

CREATE OR REPLACE VIEW crontab AS SELECT * FROM read_json(getvariable('run') || '/data/file/crontab.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', line: 'BIGINT', username: 'VARCHAR', event: 'VARCHAR', minute: 'VARCHAR', hour: 'VARCHAR',
  day_of_month: 'VARCHAR', month: 'VARCHAR', day_of_week: 'VARCHAR', command: 'VARCHAR', unlogged: 'BIGINT', variable: 'VARCHAR', value: 'VARCHAR'
});

CREATE OR REPLACE VIEW systemd_settings AS SELECT * FROM read_json(getvariable('run') || '/data/file/systemd_settings.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', fragment_path: 'VARCHAR', id: 'VARCHAR', section: 'VARCHAR', name: 'VARCHAR', value: 'VARCHAR', line: 'BIGINT'
});

CREATE OR REPLACE VIEW authorized_keys AS SELECT * FROM read_json(getvariable('run') || '/data/file/authorized_keys.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', uid: 'BIGINT', username: 'VARCHAR', algorithm: 'VARCHAR', key: 'VARCHAR', comment: 'VARCHAR', options: 'VARCHAR',
  key_file: 'VARCHAR', fingerprint: 'VARCHAR', line: 'BIGINT'
});

CREATE OR REPLACE VIEW preload_libraries AS SELECT * FROM read_json(getvariable('run') || '/data/file/preload_libraries.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', library: 'VARCHAR', path: 'VARCHAR', exists: 'BIGINT', line: 'BIGINT'
});

CREATE OR REPLACE VIEW persistence_hooks AS SELECT * FROM read_json(getvariable('run') || '/data/file/persistence_hooks.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', kind: 'VARCHAR', path: 'VARCHAR', line: 'BIGINT', name: 'VARCHAR', value: 'VARCHAR', username: 'VARCHAR'
});

CREATE OR REPLACE VIEW deb_packages AS SELECT * FROM read_json(getvariable('run') || '/data/file/deb_packages.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', name: 'VARCHAR', version: 'VARCHAR', source_: 'VARCHAR', arch: 'VARCHAR', status_: 'VARCHAR', maintainer: 'VARCHAR',
  section: 'VARCHAR', priority: 'VARCHAR', size: 'BIGINT', revision: 'VARCHAR'
});

CREATE OR REPLACE VIEW changed_package_files AS SELECT * FROM read_json(getvariable('run') || '/data/file/changed_package_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', package: 'VARCHAR', path: 'VARCHAR', manager: 'VARCHAR', state: 'VARCHAR', expected_md5: 'VARCHAR', md5: 'VARCHAR',
  expected_sha1: 'VARCHAR', sha1: 'VARCHAR', expected_sha256: 'VARCHAR', sha256: 'VARCHAR'
});

CREATE OR REPLACE VIEW users AS SELECT * FROM read_json(getvariable('run') || '/data/session/users.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', uid: 'BIGINT', gid: 'BIGINT', username: 'VARCHAR', description: 'VARCHAR', directory: 'VARCHAR', shell: 'VARCHAR',
  password: 'VARCHAR', line: 'VARCHAR', uid_signed: 'BIGINT', gid_signed: 'BIGINT', path: 'VARCHAR'
});

CREATE OR REPLACE VIEW logged_in_users AS SELECT * FROM read_json(getvariable('run') || '/data/session/logged_in_users.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', type: 'VARCHAR', "user": 'VARCHAR', tty: 'VARCHAR', host: 'VARCHAR', time: 'BIGINT', pid: 'BIGINT', address: 'VARCHAR',
  time_ns: 'HUGEINT', terminal_id: 'VARCHAR', session: 'BIGINT', exit_signal: 'BIGINT', exit_status: 'BIGINT', record: 'BIGINT',
  layout: 'VARCHAR', layout_sure: 'BIGINT', uid: 'BIGINT', session_id: 'VARCHAR', remote_user: 'VARCHAR', service: 'VARCHAR',
  session_class: 'VARCHAR', session_type: 'VARCHAR', session_state: 'VARCHAR', remote: 'BIGINT', audit_session: 'BIGINT'
});

CREATE OR REPLACE VIEW last AS SELECT * FROM read_json(getvariable('run') || '/data/session/last.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', username: 'VARCHAR', tty: 'VARCHAR', pid: 'BIGINT', type: 'BIGINT', type_name: 'VARCHAR', time: 'BIGINT',
  time_ns: 'BIGINT', host: 'VARCHAR', address: 'VARCHAR', terminal_id: 'VARCHAR', session: 'BIGINT', exit_signal: 'BIGINT',
  exit_status: 'BIGINT', record: 'BIGINT', layout: 'VARCHAR', layout_sure: 'BIGINT'
});

CREATE OR REPLACE VIEW failed_logins AS SELECT * FROM read_json(getvariable('run') || '/data/session/failed_logins.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', username: 'VARCHAR', tty: 'VARCHAR', pid: 'BIGINT', type: 'BIGINT', type_name: 'VARCHAR', time: 'BIGINT',
  time_ns: 'BIGINT', host: 'VARCHAR', address: 'VARCHAR', terminal_id: 'VARCHAR', session: 'BIGINT', exit_signal: 'BIGINT',
  exit_status: 'BIGINT', record: 'BIGINT', layout: 'VARCHAR', layout_sure: 'BIGINT'
});

CREATE OR REPLACE VIEW shell_history AS SELECT * FROM read_json(getvariable('run') || '/data/session/shell_history.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', uid: 'BIGINT', username: 'VARCHAR', time: 'BIGINT', command: 'VARCHAR', history_file: 'VARCHAR', ordinal: 'BIGINT',
  kind: 'VARCHAR'
});

CREATE OR REPLACE VIEW findings AS SELECT * FROM read_json(getvariable('run') || '/data/run/findings.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', finding: 'VARCHAR', about: 'VARCHAR', pid: 'BIGINT', name: 'VARCHAR', path: 'VARCHAR', netns_inode: 'BIGINT',
  records: 'JSON'
});

CREATE OR REPLACE VIEW finding_kinds AS SELECT * FROM read_json(getvariable('run') || '/data/run/finding_kinds.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', finding: 'VARCHAR', about: 'VARCHAR', "table": 'VARCHAR', collected: 'VARCHAR', rows_seen: 'BIGINT', found: 'BIGINT',
  beyond: 'BIGINT'
});

CREATE OR REPLACE VIEW process_events AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_events.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', event: 'VARCHAR', pid: 'BIGINT', tid: 'BIGINT', parent: 'BIGINT', uid: 'BIGINT', euid: 'BIGINT', tracer: 'BIGINT',
  name: 'VARCHAR', path: 'VARCHAR', cmdline: 'VARCHAR', exit_code: 'BIGINT', exit_signal: 'BIGINT', monotonic_ns: 'BIGINT',
  parent_tid: 'BIGINT', gid: 'BIGINT', egid: 'BIGINT', signal_to_parent: 'BIGINT', cpu: 'BIGINT', sequence: 'BIGINT'
});

CREATE OR REPLACE VIEW bpf_programs AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/bpf_programs.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', id: 'BIGINT', type: 'VARCHAR', name: 'VARCHAR', tag: 'VARCHAR', symbol: 'VARCHAR', uid: 'BIGINT', load_ns: 'BIGINT',
  map_ids: 'BIGINT[]', helpers: 'VARCHAR[]', owners: 'JSON', pins: 'VARCHAR[]', seen_by: 'VARCHAR[]', contradiction: 'BIGINT',
  btf_id: 'BIGINT', attach_btf_object: 'BIGINT', attach_btf_id: 'BIGINT', xlated_bytes: 'BIGINT', xlated_sha256: 'VARCHAR',
  jited_bytes: 'BIGINT', jited_sha256: 'VARCHAR', verified_instructions: 'BIGINT', run_time_ns: 'BIGINT', run_count: 'BIGINT',
  ifindex: 'BIGINT', netns_inode: 'BIGINT', gpl_compatible: 'BIGINT', addresses: 'VARCHAR[]', calls_unknown: 'BIGINT'
});

CREATE OR REPLACE VIEW bpf_links AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/bpf_links.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', id: 'BIGINT', type: 'VARCHAR', program_id: 'BIGINT', target: 'VARCHAR', attach_type: 'BIGINT', cgroup_id: 'BIGINT',
  netns_inode: 'BIGINT', ifindex: 'BIGINT', event: 'VARCHAR', target_offset: 'BIGINT', target_count: 'BIGINT', target_pid: 'BIGINT',
  target_object: 'BIGINT', target_btf_id: 'BIGINT', address: 'VARCHAR', addresses: 'VARCHAR[]', map_id: 'BIGINT', protocol_family: 'BIGINT',
  hook: 'BIGINT', priority: 'BIGINT', flags: 'VARCHAR', owners: 'JSON', pins: 'VARCHAR[]', seen_by: 'VARCHAR[]', contradiction: 'BIGINT'
});

CREATE OR REPLACE VIEW containers AS SELECT * FROM read_json(getvariable('run') || '/data/file/containers.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', id: 'VARCHAR', name: 'VARCHAR', runtime: 'VARCHAR', image: 'VARCHAR', pid: 'BIGINT', state: 'VARCHAR', privileged: 'JSON',
  binds: 'JSON', mounts: 'JSON', cap_add: 'JSON', pid_mode: 'VARCHAR', network_mode: 'VARCHAR', described_by: 'VARCHAR[]',
  image_id: 'VARCHAR', created: 'VARCHAR', path: 'VARCHAR', args: 'JSON', config_entrypoint: 'JSON', env_variables: 'JSON', labels: 'JSON',
  hostname: 'VARCHAR', "user": 'JSON', exit_code: 'BIGINT', started_at: 'VARCHAR', finished_at: 'VARCHAR', oom_killed: 'JSON',
  log_path: 'VARCHAR', driver: 'VARCHAR', networks: 'JSON', ipc_mode: 'VARCHAR', uts_mode: 'VARCHAR', userns_mode: 'VARCHAR',
  cap_drop: 'JSON', security_options: 'JSON', devices: 'JSON', restart_policy: 'JSON', port_bindings: 'JSON', readonly_rootfs: 'JSON',
  auto_remove: 'JSON', cwd: 'VARCHAR', capabilities: 'JSON', rootfs: 'VARCHAR', cgroup_path: 'VARCHAR', namespaces: 'JSON',
  pod_name: 'VARCHAR', pod_namespace: 'VARCHAR', pod_uid: 'VARCHAR', annotations: 'JSON', pid_start_ticks: 'JSON', bundle: 'VARCHAR',
  metadata: 'JSON', ecs_cluster: 'VARCHAR', ecs_task_arn: 'VARCHAR', ecs_task_family: 'VARCHAR', ecs_container_name: 'VARCHAR',
  ecs_task_version: 'VARCHAR', ecs_task_status: 'VARCHAR', ecs_task_desired_status: 'VARCHAR', ecs_desired_status: 'VARCHAR',
  containerd_namespace: 'VARCHAR', updated: 'VARCHAR', runtime_name: 'VARCHAR', snapshotter: 'VARCHAR', snapshot_key: 'VARCHAR'
});

CREATE OR REPLACE VIEW clocks AS SELECT * FROM read_json(getvariable('run') || '/data/system/clocks.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', realtime_ns: 'BIGINT', realtime_resolution_ns: 'BIGINT', unix_time: 'BIGINT', monotonic_ns: 'BIGINT',
  monotonic_resolution_ns: 'BIGINT', boottime_ns: 'BIGINT', boottime_resolution_ns: 'BIGINT', tai_ns: 'BIGINT', tai_resolution_ns: 'BIGINT',
  monotonic_raw_ns: 'BIGINT', monotonic_raw_resolution_ns: 'BIGINT', window_ns: 'BIGINT', rtc_time: 'BIGINT', rtc_behind_seconds: 'BIGINT',
  rtc_set_clock_at_boot: 'BIGINT', clocksource: 'VARCHAR', available_clocksources: 'VARCHAR', chrony_drift: 'VARCHAR',
  adjtimex_state: 'VARCHAR', adjtimex_offset_ns: 'BIGINT', adjtimex_frequency: 'BIGINT', adjtimex_max_error_us: 'BIGINT',
  adjtimex_estimated_error_us: 'BIGINT', adjtimex_status: 'BIGINT', unsynchronised: 'BIGINT', tai_offset: 'BIGINT',
  local_timezone: 'VARCHAR', localtime_target: 'VARCHAR', etc_timezone: 'VARCHAR'
});

CREATE OR REPLACE VIEW kernel_info AS SELECT * FROM read_json(getvariable('run') || '/data/system/kernel_info.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', version: 'VARCHAR', arguments: 'VARCHAR', path: 'VARCHAR', device: 'VARCHAR', build: 'VARCHAR', banner: 'VARCHAR',
  banner_of_distribution: 'VARCHAR', bootconfig: 'VARCHAR', machine: 'VARCHAR'
});

CREATE OR REPLACE VIEW os_version AS SELECT * FROM read_json(getvariable('run') || '/data/system/os_version.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', name: 'VARCHAR', version: 'VARCHAR', major: 'BIGINT', minor: 'BIGINT', patch: 'BIGINT', build: 'VARCHAR',
  platform: 'VARCHAR', platform_like: 'VARCHAR', codename: 'VARCHAR', pretty_name: 'VARCHAR', version_id: 'VARCHAR', cpe_name: 'VARCHAR',
  variant: 'VARCHAR', arch: 'VARCHAR'
});

CREATE OR REPLACE VIEW system_info AS SELECT * FROM read_json(getvariable('run') || '/data/system/system_info.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', hostname: 'VARCHAR', uuid: 'VARCHAR', hardware_vendor: 'VARCHAR', hardware_model: 'VARCHAR', hardware_version: 'VARCHAR',
  hardware_serial: 'VARCHAR', board_vendor: 'VARCHAR', board_model: 'VARCHAR', board_version: 'VARCHAR', board_serial: 'VARCHAR',
  board_asset_tag: 'VARCHAR', bios_vendor: 'VARCHAR', bios_version: 'VARCHAR', bios_date: 'VARCHAR', chassis_vendor: 'VARCHAR',
  chassis_asset_tag: 'VARCHAR', cpu_type: 'VARCHAR', cpu_subtype: 'VARCHAR', cpu_brand: 'VARCHAR', cpu_vendor: 'VARCHAR',
  cpu_microcode: 'VARCHAR', cpu_logical_cores: 'BIGINT', cpu_physical_cores: 'BIGINT', cpu_sockets: 'BIGINT', cpu_flag_hypervisor: 'BIGINT',
  physical_memory: 'BIGINT', hypervisor: 'VARCHAR', hypervisor_uuid: 'VARCHAR', domain_name: 'VARCHAR', etc_hostname: 'VARCHAR',
  machine_id: 'VARCHAR', boot_id: 'VARCHAR'
});

CREATE OR REPLACE VIEW uptime AS SELECT * FROM read_json(getvariable('run') || '/data/system/uptime.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', days: 'BIGINT', hours: 'BIGINT', minutes: 'BIGINT', seconds: 'BIGINT', total_seconds: 'BIGINT', boot_time: 'BIGINT',
  forks: 'BIGINT', context_switches: 'BIGINT', load_1m: 'DOUBLE', load_5m: 'DOUBLE', load_15m: 'DOUBLE', tasks_runnable: 'BIGINT',
  tasks: 'BIGINT', last_pid: 'BIGINT'
});

CREATE OR REPLACE VIEW privileges AS SELECT * FROM read_json(getvariable('run') || '/data/system/privileges.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', proc_view: 'VARCHAR', pid: 'BIGINT', uid: 'BIGINT', euid: 'BIGINT', suid: 'BIGINT', fsuid: 'BIGINT', gid: 'BIGINT',
  egid: 'BIGINT', sgid: 'BIGINT', fsgid: 'BIGINT', capabilities_effective: 'VARCHAR', capabilities_permitted: 'VARCHAR',
  capabilities_inheritable: 'VARCHAR', capabilities_bounding: 'VARCHAR', capabilities_ambient: 'VARCHAR', no_new_privs: 'BIGINT',
  seccomp: 'BIGINT', seccomp_filters: 'BIGINT', cgroup: 'VARCHAR', loginuid: 'BIGINT', uid_map: 'VARCHAR', lsm_label: 'VARCHAR',
  ns_cgroup: 'VARCHAR', ns_ipc: 'VARCHAR', ns_mnt: 'VARCHAR', ns_net: 'VARCHAR', ns_pid: 'VARCHAR', ns_time: 'VARCHAR', ns_user: 'VARCHAR',
  ns_uts: 'VARCHAR', ns_other_than_of_pid_1: 'VARCHAR[]', ns_other_than_first: 'VARCHAR[]', in_container: 'BIGINT'
});

CREATE OR REPLACE VIEW kernel_security AS SELECT * FROM read_json(getvariable('run') || '/data/system/kernel_security.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', tainted: 'UBIGINT', taint: 'VARCHAR[]', kptr_restrict: 'VARCHAR', dmesg_restrict: 'VARCHAR', modules_disabled: 'VARCHAR',
  kexec_load_disabled: 'VARCHAR', unprivileged_bpf_disabled: 'VARCHAR', bpf_jit_harden: 'VARCHAR', perf_event_paranoid: 'VARCHAR',
  yama_ptrace_scope: 'VARCHAR', randomize_va_space: 'VARCHAR', ftrace_enabled: 'VARCHAR', core_pattern: 'VARCHAR', modprobe: 'VARCHAR',
  poweroff_cmd: 'VARCHAR', sysrq: 'VARCHAR', max_user_namespaces: 'VARCHAR', fips_enabled: 'VARCHAR', module_sig_enforce: 'VARCHAR',
  apparmor_enabled: 'VARCHAR', kexec_loaded: 'VARCHAR', kexec_crash_loaded: 'VARCHAR', uevent_helper: 'VARCHAR', lockdown: 'VARCHAR',
  lsm: 'VARCHAR', apparmor_profiles: 'BIGINT', ima_runtime_measurements: 'VARCHAR', selinux_enforce: 'VARCHAR',
  selinux_policy_version: 'VARCHAR', selinux_mls: 'VARCHAR', selinux_booleans: 'JSON', efi: 'BIGINT', secure_boot: 'VARCHAR',
  setup_mode: 'VARCHAR'
});

CREATE OR REPLACE VIEW memory_info AS SELECT * FROM read_json(getvariable('run') || '/data/system/memory_info.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', memory_total: 'BIGINT', memory_free: 'BIGINT', memory_available: 'BIGINT', buffers: 'BIGINT', cached: 'BIGINT',
  swap_cached: 'BIGINT', active: 'BIGINT', inactive: 'BIGINT', swap_total: 'BIGINT', swap_free: 'BIGINT', dirty: 'BIGINT', slab: 'BIGINT',
  committed: 'BIGINT'
});

CREATE OR REPLACE VIEW process_counts AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_counts.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', view: 'VARCHAR', count: 'BIGINT', complete: 'BIGINT'
});

CREATE OR REPLACE VIEW kernel_symbols AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/kernel_symbols.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', release: 'VARCHAR', machine: 'VARCHAR', version: 'VARCHAR', build_id: 'VARCHAR', distribution: 'VARCHAR',
  debug_package: 'VARCHAR', btf: 'BIGINT', btf_modules: 'BIGINT', btf_size: 'BIGINT', kallsyms: 'BIGINT', kallsyms_symbols: 'BIGINT',
  kallsyms_data: 'BIGINT', system_map: 'BIGINT', system_map_file: 'VARCHAR', config: 'VARCHAR', kcore: 'BIGINT', banner: 'VARCHAR',
  banner_from: 'VARCHAR', kernel_offset: 'VARCHAR', kernel_offset_from: 'VARCHAR', vmcoreinfo: 'BIGINT', phys_base: 'BIGINT',
  swapper_pg_dir: 'VARCHAR', five_level_page_tables: 'BIGINT', reasons: 'VARCHAR[]'
});

CREATE OR REPLACE VIEW memory_sources AS SELECT * FROM read_json(getvariable('run') || '/data/memory/memory_sources.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', method: 'VARCHAR', rank: 'BIGINT', available: 'BIGINT', verdict: 'VARCHAR', reason: 'VARCHAR', reasons: 'VARCHAR[]',
  module_sha256: 'VARCHAR', module_store: 'VARCHAR', module_keyid: 'VARCHAR', module_index_sha256: 'VARCHAR'
});

CREATE OR REPLACE VIEW memory_ranges AS SELECT * FROM read_json(getvariable('run') || '/data/memory/memory_ranges.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', start: 'VARCHAR', "end": 'VARCHAR', length: 'BIGINT'
});

CREATE OR REPLACE VIEW memory_facts AS SELECT * FROM read_json(getvariable('run') || '/data/memory/memory_facts.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', kernel: 'VARCHAR', kernel_version: 'VARCHAR', build_id: 'VARCHAR', modules_disabled: 'VARCHAR',
  module_sig_enforce: 'VARCHAR', lockdown: 'VARCHAR', iomem_entries: 'BIGINT', ram_ranges: 'BIGINT', ram_bytes: 'BIGINT',
  vmcoreinfo: 'VARCHAR', address_bits: 'BIGINT', btf_size: 'BIGINT', memory_total: 'BIGINT', memory_in_use: 'BIGINT', config: 'VARCHAR',
  config_file: 'VARCHAR'
});

CREATE OR REPLACE VIEW memory_captures AS SELECT * FROM read_json(getvariable('run') || '/data/memory/memory_captures.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', method: 'VARCHAR', image: 'VARCHAR', quality: 'VARCHAR', reasons: 'VARCHAR[]', bytes: 'BIGINT', predicted_bytes: 'BIGINT',
  image_bytes: 'BIGINT', data_bytes: 'BIGINT', zero_pages: 'BIGINT', zero_tail: 'BIGINT', unreadable_bytes: 'BIGINT', edge_bytes: 'BIGINT',
  filled_bytes: 'BIGINT', banner: 'BIGINT', readers: 'BIGINT', in_use_bytes: 'BIGINT', module_parameters: 'VARCHAR',
  module_unloaded: 'BIGINT', module_sha256: 'VARCHAR', module_store: 'VARCHAR', module_keyid: 'VARCHAR', module_index_sha256: 'VARCHAR',
  taint_before: 'UBIGINT', taint_after: 'UBIGINT', started: 'VARCHAR', finished: 'VARCHAR'
});

CREATE OR REPLACE VIEW extents AS SELECT * FROM read_json(getvariable('run') || '/data/memory/extents.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', image: 'VARCHAR', method: 'VARCHAR', start: 'VARCHAR', "end": 'VARCHAR', length: 'BIGINT', image_offset: 'BIGINT',
  xxh3_128: 'VARCHAR', zero_pages: 'BIGINT', unreadable_bytes: 'BIGINT', unreadable: 'JSON', edge_bytes: 'BIGINT', started: 'VARCHAR',
  finished: 'VARCHAR'
});

CREATE OR REPLACE VIEW process_memory AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_memory.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', name: 'VARCHAR', start_ticks: 'BIGINT', path: 'VARCHAR', why: 'VARCHAR[]', outcome: 'VARCHAR',
  reason: 'VARCHAR', core: 'VARCHAR', core_bytes: 'BIGINT', core_sha256: 'VARCHAR', page_bytes: 'BIGINT', pages_resident: 'BIGINT',
  pages_kept: 'BIGINT', pages_swapped: 'BIGINT', pages_of_files: 'BIGINT', pages_beyond_limit: 'BIGINT', pages_unreadable: 'BIGINT',
  mappings: 'BIGINT', mappings_never_read: 'BIGINT', alive_after: 'BIGINT', executed_meanwhile: 'BIGINT'
});

CREATE OR REPLACE VIEW process_memory_pages AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_memory_pages.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', start: 'VARCHAR', "end": 'VARCHAR', permissions: 'VARCHAR', path: 'VARCHAR', state: 'VARCHAR',
  reason: 'VARCHAR', core_offset: 'BIGINT', sha256: 'VARCHAR'
});

CREATE OR REPLACE VIEW process_memory_map AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_memory_map.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', start: 'VARCHAR', "end": 'VARCHAR', permissions: 'VARCHAR', "offset": 'UBIGINT', device: 'VARCHAR',
  inode: 'BIGINT', path: 'VARCHAR', pseudo: 'BIGINT', deleted: 'BIGINT', vm_flags: 'VARCHAR', size_kb: 'BIGINT',
  kernelpagesize_kb: 'BIGINT', mmupagesize_kb: 'BIGINT', rss_kb: 'BIGINT', pss_kb: 'BIGINT', pss_dirty_kb: 'BIGINT',
  shared_clean_kb: 'BIGINT', shared_dirty_kb: 'BIGINT', private_clean_kb: 'BIGINT', private_dirty_kb: 'BIGINT', referenced_kb: 'BIGINT',
  anonymous_kb: 'BIGINT', ksm_kb: 'BIGINT', lazyfree_kb: 'BIGINT', anonhugepages_kb: 'BIGINT', shmempmdmapped_kb: 'BIGINT',
  filepmdmapped_kb: 'BIGINT', shared_hugetlb_kb: 'BIGINT', private_hugetlb_kb: 'BIGINT', swap_kb: 'BIGINT', swappss_kb: 'BIGINT',
  locked_kb: 'BIGINT'
});

CREATE OR REPLACE VIEW process_threads AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_threads.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', tid: 'BIGINT', leader: 'BIGINT', name: 'VARCHAR', name_differs: 'BIGINT', uid: 'BIGINT', euid: 'BIGINT',
  cap_eff: 'VARCHAR', cap_prm: 'VARCHAR', cap_inh: 'VARCHAR', cap_bnd: 'VARCHAR', cap_amb: 'VARCHAR', no_new_privs: 'BIGINT',
  seccomp: 'BIGINT', seccomp_filters: 'BIGINT', lsm_label: 'VARCHAR', wchan: 'VARCHAR', syscall: 'VARCHAR', stack: 'VARCHAR[]',
  timerslack_ns: 'UBIGINT'
});

CREATE OR REPLACE VIEW process_fdinfo AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_fdinfo.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', fd: 'BIGINT', target: 'VARCHAR', position: 'BIGINT', flags: 'VARCHAR', mnt_id: 'BIGINT', inode: 'BIGINT',
  details: 'VARCHAR[]'
});

CREATE OR REPLACE VIEW process_limits AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_limits.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', "limit": 'VARCHAR', soft: 'VARCHAR', hard: 'VARCHAR', units: 'VARCHAR'
});

CREATE OR REPLACE VIEW process_cgroups AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_cgroups.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', hierarchy: 'BIGINT', controllers: 'VARCHAR', path: 'VARCHAR'
});

CREATE OR REPLACE VIEW module_views AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/module_views.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', view: 'VARCHAR', available: 'BIGINT', entries: 'BIGINT', reason: 'VARCHAR', built_in: 'BIGINT', start: 'VARCHAR',
  "end": 'VARCHAR', size: 'BIGINT', caller: 'VARCHAR', unclaimed: 'BIGINT'
});

CREATE OR REPLACE VIEW trace_instances AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/trace_instances.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', instance: 'VARCHAR', current_tracer: 'VARCHAR', tracing_on: 'VARCHAR', trace_clock: 'VARCHAR', buffer_size_kb: 'VARCHAR',
  tracing_cpumask: 'VARCHAR', set_event: 'VARCHAR', set_event_pid: 'VARCHAR', set_event_notrace_pid: 'VARCHAR',
  set_ftrace_filter: 'VARCHAR', set_ftrace_notrace: 'VARCHAR', set_ftrace_pid: 'VARCHAR', set_ftrace_notrace_pid: 'VARCHAR',
  set_graph_function: 'VARCHAR', set_graph_notrace: 'VARCHAR'
});

CREATE OR REPLACE VIEW ftrace_functions AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/ftrace_functions.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', list: 'VARCHAR', function: 'VARCHAR', module: 'VARCHAR', count: 'BIGINT', flags: 'VARCHAR', details: 'VARCHAR[]'
});

CREATE OR REPLACE VIEW trace_probes AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/trace_probes.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', list: 'VARCHAR', definition: 'VARCHAR', kind: 'VARCHAR', "group": 'VARCHAR', event: 'VARCHAR', target: 'VARCHAR',
  arguments: 'VARCHAR'
});

CREATE OR REPLACE VIEW kprobes AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/kprobes.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', address: 'VARCHAR', kind: 'VARCHAR', symbol: 'VARCHAR', flags: 'VARCHAR[]', line: 'VARCHAR'
});

CREATE OR REPLACE VIEW livepatches AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/livepatches.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', name: 'VARCHAR', enabled: 'BIGINT', transition: 'BIGINT', replace: 'BIGINT', stack_order: 'BIGINT'
});

CREATE OR REPLACE VIEW livepatch_functions AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/livepatch_functions.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', name: 'VARCHAR', object: 'VARCHAR', function: 'VARCHAR', patched: 'BIGINT'
});

CREATE OR REPLACE VIEW bpf_maps AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/bpf_maps.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', id: 'BIGINT', type: 'VARCHAR', name: 'VARCHAR', key_size: 'BIGINT', value_size: 'BIGINT', max_entries: 'BIGINT',
  flags: 'VARCHAR', map_extra: 'VARCHAR', ifindex: 'BIGINT', netns_inode: 'BIGINT', btf_id: 'BIGINT', btf_key_type_id: 'BIGINT',
  btf_value_type_id: 'BIGINT', entries: 'BIGINT', entries_of_zeros: 'BIGINT', entries_bytes: 'BIGINT', entries_sha256: 'VARCHAR',
  entries_not_read: 'VARCHAR', owners: 'JSON', pins: 'VARCHAR[]', seen_by: 'VARCHAR[]', contradiction: 'BIGINT'
});

CREATE OR REPLACE VIEW bpf_map_entries AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/bpf_map_entries.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', map_id: 'BIGINT', map_name: 'VARCHAR', key: 'VARCHAR', value: 'VARCHAR', value_bytes: 'BIGINT'
});

CREATE OR REPLACE VIEW bpf_types AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/bpf_types.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', id: 'BIGINT', name: 'VARCHAR', size: 'BIGINT', of_kernel: 'BIGINT', btf_sha256: 'VARCHAR', owners: 'JSON',
  pins: 'VARCHAR[]', seen_by: 'VARCHAR[]', contradiction: 'BIGINT'
});

CREATE OR REPLACE VIEW bpf_pins AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/bpf_pins.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', uid: 'BIGINT', mode: 'VARCHAR', kind: 'VARCHAR', id: 'BIGINT', namespace: 'VARCHAR', pid: 'BIGINT'
});

CREATE OR REPLACE VIEW bpf_cgroup_programs AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/bpf_cgroup_programs.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', mount_point: 'VARCHAR', cgroup: 'VARCHAR', attach_type: 'VARCHAR', program_ids: 'JSON', flags: 'VARCHAR'
});

CREATE OR REPLACE VIEW bpf_views AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/bpf_views.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', view: 'VARCHAR', available: 'BIGINT', entries: 'BIGINT', reason: 'VARCHAR'
});

CREATE OR REPLACE VIEW kernel_keys AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/kernel_keys.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', serial_number: 'VARCHAR', flags: 'VARCHAR', usage: 'BIGINT', timeout: 'VARCHAR', permissions: 'VARCHAR', uid: 'BIGINT',
  gid: 'BIGINT', type: 'VARCHAR', description: 'VARCHAR', line: 'VARCHAR'
});

CREATE OR REPLACE VIEW key_users AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/key_users.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', uid: 'BIGINT', usage: 'BIGINT', keys: 'BIGINT', instantiated_keys: 'BIGINT', quota_keys: 'BIGINT',
  quota_keys_most: 'BIGINT', quota_bytes: 'BIGINT', quota_bytes_most: 'BIGINT', line: 'VARCHAR'
});

CREATE OR REPLACE VIEW audit_status AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/audit_status.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', enabled: 'BIGINT', failure: 'BIGINT', pid: 'BIGINT', rate_limit: 'BIGINT', backlog_limit: 'BIGINT', lost: 'BIGINT',
  backlog: 'BIGINT', features: 'BIGINT', backlog_wait_time: 'BIGINT', backlog_wait_time_actual: 'BIGINT'
});

CREATE OR REPLACE VIEW audit_rules AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/audit_rules.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', list: 'VARCHAR', action: 'VARCHAR', key: 'VARCHAR', syscalls: 'JSON', all_syscalls: 'BIGINT', fields: 'JSON',
  member: 'VARCHAR'
});

CREATE OR REPLACE VIEW dmesg AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/dmesg.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', message: 'VARCHAR', priority: 'BIGINT', level: 'VARCHAR', facility: 'BIGINT', facility_name: 'VARCHAR',
  sequence: 'BIGINT', timestamp_us: 'BIGINT', flags: 'VARCHAR', caller: 'VARCHAR', dictionary: 'VARCHAR[]'
});

CREATE OR REPLACE VIEW system_controls AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/system_controls.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', name: 'VARCHAR', subsystem: 'VARCHAR', current_value: 'VARCHAR'
});

CREATE OR REPLACE VIEW interface_addresses AS SELECT * FROM read_json(getvariable('run') || '/data/network/interface_addresses.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', interface: 'VARCHAR', address: 'VARCHAR', mask: 'VARCHAR', broadcast: 'VARCHAR', point_to_point: 'VARCHAR',
  type: 'VARCHAR', friendly_name: 'VARCHAR', family: 'BIGINT', prefix: 'BIGINT', scope: 'BIGINT', flags: 'BIGINT', label: 'VARCHAR',
  interface_index: 'BIGINT', netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW interface_details AS SELECT * FROM read_json(getvariable('run') || '/data/network/interface_details.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', interface: 'VARCHAR', mac: 'VARCHAR', type: 'BIGINT', mtu: 'BIGINT', metric: 'BIGINT', flags: 'BIGINT',
  ipackets: 'UBIGINT', opackets: 'UBIGINT', ibytes: 'UBIGINT', obytes: 'UBIGINT', ierrors: 'UBIGINT', oerrors: 'UBIGINT', idrops: 'UBIGINT',
  odrops: 'UBIGINT', collisions: 'UBIGINT', promiscuity: 'BIGINT', allmulti: 'BIGINT', xdp_prog_id: 'BIGINT', master: 'BIGINT',
  master_name: 'VARCHAR', operstate: 'VARCHAR', kind: 'VARCHAR', alias: 'VARCHAR', lower_index: 'BIGINT', qdisc: 'VARCHAR',
  interface_index: 'BIGINT', netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW routes AS SELECT * FROM read_json(getvariable('run') || '/data/network/routes.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', destination: 'VARCHAR', netmask: 'BIGINT', gateway: 'VARCHAR', flags: 'BIGINT', interface: 'VARCHAR', mtu: 'BIGINT',
  metric: 'BIGINT', type: 'VARCHAR', hopcount: 'BIGINT', source_address: 'VARCHAR', family: 'BIGINT', "table": 'BIGINT', protocol: 'BIGINT',
  scope: 'BIGINT', route_type: 'BIGINT', priority: 'BIGINT', interface_index: 'BIGINT', next_hop: 'BIGINT', weight: 'BIGINT',
  next_hop_id: 'BIGINT', text_flags: 'BIGINT', netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW routing_rules AS SELECT * FROM read_json(getvariable('run') || '/data/network/routing_rules.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', family: 'BIGINT', priority: 'BIGINT', action: 'VARCHAR', "table": 'BIGINT', goto: 'BIGINT', inverted: 'BIGINT',
  source_network: 'VARCHAR', destination_network: 'VARCHAR', tos: 'BIGINT', interface: 'VARCHAR', outgoing_interface: 'VARCHAR',
  mark: 'BIGINT', mark_mask: 'BIGINT', uid_range: 'VARCHAR', ip_protocol: 'BIGINT', source_ports: 'VARCHAR', destination_ports: 'VARCHAR',
  suppressed_prefix_length: 'BIGINT', l3mdev: 'BIGINT', protocol: 'BIGINT', netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW arp_cache AS SELECT * FROM read_json(getvariable('run') || '/data/network/arp_cache.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', address: 'VARCHAR', mac: 'VARCHAR', interface: 'VARCHAR', permanent: 'VARCHAR', family: 'BIGINT', state: 'VARCHAR',
  flags: 'BIGINT', interface_index: 'BIGINT', netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW nft_tables AS SELECT * FROM read_json(getvariable('run') || '/data/network/nft_tables.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', family: 'VARCHAR', name: 'VARCHAR', flags: 'BIGINT', use: 'BIGINT', handle: 'BIGINT', owner: 'BIGINT',
  netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW nft_chains AS SELECT * FROM read_json(getvariable('run') || '/data/network/nft_chains.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', family: 'VARCHAR', "table": 'VARCHAR', name: 'VARCHAR', handle: 'BIGINT', type: 'VARCHAR', use: 'BIGINT', flags: 'BIGINT',
  hook: 'VARCHAR', hook_number: 'BIGINT', priority: 'BIGINT', policy: 'VARCHAR', device: 'VARCHAR', netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW nft_rules AS SELECT * FROM read_json(getvariable('run') || '/data/network/nft_rules.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', family: 'VARCHAR', "table": 'VARCHAR', chain: 'VARCHAR', handle: 'BIGINT', position: 'BIGINT', expressions: 'VARCHAR[]',
  verdict: 'VARCHAR', packets: 'UBIGINT', bytes: 'UBIGINT', details: 'JSON', comment: 'VARCHAR', netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW nft_sets AS SELECT * FROM read_json(getvariable('run') || '/data/network/nft_sets.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', family: 'VARCHAR', "table": 'VARCHAR', name: 'VARCHAR', flags: 'BIGINT', key_type: 'BIGINT', key_length: 'BIGINT',
  data_type: 'BIGINT', data_length: 'BIGINT', timeout_ms: 'BIGINT', handle: 'BIGINT', netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW nft_set_elements AS SELECT * FROM read_json(getvariable('run') || '/data/network/nft_set_elements.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', family: 'VARCHAR', "table": 'VARCHAR', set: 'VARCHAR', key: 'VARCHAR', key_end: 'VARCHAR', data: 'VARCHAR',
  flags: 'BIGINT', timeout_ms: 'BIGINT', expires_ms: 'BIGINT', object: 'VARCHAR', netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW nft_objects AS SELECT * FROM read_json(getvariable('run') || '/data/network/nft_objects.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', kind: 'VARCHAR', family: 'VARCHAR', "table": 'VARCHAR', name: 'VARCHAR', type: 'BIGINT', use: 'BIGINT', handle: 'BIGINT',
  flags: 'BIGINT', data: 'VARCHAR', netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW iptables AS SELECT * FROM read_json(getvariable('run') || '/data/network/iptables.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', filter_name: 'VARCHAR', chain: 'VARCHAR', policy: 'VARCHAR', target: 'VARCHAR', protocol: 'BIGINT', src_ip: 'VARCHAR',
  src_mask: 'VARCHAR', dst_ip: 'VARCHAR', dst_mask: 'VARCHAR', iniface: 'VARCHAR', iniface_mask: 'VARCHAR', outiface: 'VARCHAR',
  outiface_mask: 'VARCHAR', src_port: 'VARCHAR', dst_port: 'VARCHAR', match: 'VARCHAR[]', comment: 'VARCHAR', packets: 'UBIGINT',
  bytes: 'UBIGINT', family: 'BIGINT', number: 'BIGINT', is_policy: 'BIGINT', inverted: 'BIGINT', arp_operation: 'BIGINT', arp_hardware_type: 'BIGINT',
  arp_protocol_type: 'BIGINT', src_mac: 'VARCHAR', src_mac_mask: 'VARCHAR', dst_mac: 'VARCHAR', dst_mac_mask: 'VARCHAR',
  netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW ip_sets AS SELECT * FROM read_json(getvariable('run') || '/data/network/ip_sets.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', name: 'VARCHAR', type: 'VARCHAR', family: 'BIGINT', timeout_s: 'BIGINT', elements: 'BIGINT', "references": 'BIGINT',
  memory_bytes: 'BIGINT', netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW ip_set_elements AS SELECT * FROM read_json(getvariable('run') || '/data/network/ip_set_elements.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', set: 'VARCHAR', address: 'VARCHAR', address_to: 'VARCHAR', prefix: 'BIGINT', port: 'BIGINT', port_to: 'BIGINT',
  protocol: 'BIGINT', mac: 'VARCHAR', interface: 'VARCHAR', second_address: 'VARCHAR', second_prefix: 'BIGINT', member_set: 'VARCHAR',
  mark: 'BIGINT', timeout_s: 'BIGINT', packets: 'UBIGINT', bytes: 'UBIGINT', comment: 'VARCHAR', netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW conntrack AS SELECT * FROM read_json(getvariable('run') || '/data/network/conntrack.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', family: 'BIGINT', protocol: 'BIGINT', source_address: 'VARCHAR', destination_address: 'VARCHAR', source_port: 'BIGINT',
  destination_port: 'BIGINT', reply_source_address: 'VARCHAR', reply_destination_address: 'VARCHAR', reply_source_port: 'BIGINT',
  reply_destination_port: 'BIGINT', state: 'VARCHAR', flags: 'VARCHAR[]', packets: 'UBIGINT', bytes: 'UBIGINT', reply_packets: 'UBIGINT',
  reply_bytes: 'UBIGINT', mark: 'BIGINT', zone: 'BIGINT', timeout_s: 'BIGINT', id: 'BIGINT', start_ns: 'BIGINT', stop_ns: 'BIGINT',
  netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW tc_qdiscs AS SELECT * FROM read_json(getvariable('run') || '/data/network/tc_qdiscs.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', interface_index: 'BIGINT', interface: 'VARCHAR', kind: 'VARCHAR', handle: 'VARCHAR', parent: 'VARCHAR', chain: 'BIGINT',
  ingress_block: 'BIGINT', egress_block: 'BIGINT', netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW tc_filters AS SELECT * FROM read_json(getvariable('run') || '/data/network/tc_filters.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', interface_index: 'BIGINT', interface: 'VARCHAR', kind: 'VARCHAR', handle: 'VARCHAR', parent: 'VARCHAR', chain: 'BIGINT',
  ingress_block: 'BIGINT', egress_block: 'BIGINT', direction: 'VARCHAR', priority: 'BIGINT', protocol: 'BIGINT', bpf_name: 'VARCHAR',
  bpf_tag: 'VARCHAR', bpf_program_id: 'BIGINT', bpf_direct_action: 'BIGINT', netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW network_bpf_programs AS SELECT * FROM read_json(getvariable('run') || '/data/network/network_bpf_programs.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', attach_type: 'VARCHAR', interface_index: 'BIGINT', interface: 'VARCHAR', program_ids: 'JSON', netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW tcp_metrics AS SELECT * FROM read_json(getvariable('run') || '/data/network/tcp_metrics.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', address: 'VARCHAR', source_address: 'VARCHAR', age_ms: 'BIGINT', rtt_us: 'BIGINT', rtt_ms: 'BIGINT',
  rtt_variance_us: 'BIGINT', rtt_variance_ms: 'BIGINT', congestion_window: 'BIGINT', slow_start_threshold: 'BIGINT', reordering: 'BIGINT',
  fast_open_mss: 'BIGINT', fast_open_drops: 'BIGINT', fast_open_cookie: 'VARCHAR', netns_inode: 'BIGINT'
});

CREATE OR REPLACE VIEW block_devices AS SELECT * FROM read_json(getvariable('run') || '/data/file/block_devices.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', name: 'VARCHAR', parent: 'VARCHAR', vendor: 'VARCHAR', model: 'VARCHAR', serial: 'VARCHAR', firmware: 'VARCHAR',
  transport: 'VARCHAR', address: 'VARCHAR', wwid: 'VARCHAR', uuid: 'VARCHAR', sequence: 'BIGINT', removable: 'BIGINT', block_size: 'BIGINT',
  rotational: 'BIGINT', size: 'BIGINT', read_only: 'BIGINT', dev: 'VARCHAR', mounted_at: 'VARCHAR[]', ebs_volume_id: 'VARCHAR',
  instance_store: 'BIGINT', dm_name: 'VARCHAR', dm_uuid: 'VARCHAR', backing_file: 'VARCHAR', md_level: 'VARCHAR', slaves: 'VARCHAR[]',
  holders: 'VARCHAR[]', partition: 'BIGINT', start: 'BIGINT'
});

CREATE OR REPLACE VIEW swaps AS SELECT * FROM read_json(getvariable('run') || '/data/file/swaps.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', type: 'VARCHAR', size_kib: 'BIGINT', used_kib: 'BIGINT', priority: 'VARCHAR', line: 'VARCHAR'
});

CREATE OR REPLACE VIEW lastlog AS SELECT * FROM read_json(getvariable('run') || '/data/session/lastlog.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', uid: 'BIGINT', time: 'BIGINT', tty: 'VARCHAR', host: 'VARCHAR', layout: 'VARCHAR'
});

CREATE OR REPLACE VIEW shared_memory_files AS SELECT * FROM read_json(getvariable('run') || '/data/file/shared_memory_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', directory: 'VARCHAR', filename: 'VARCHAR', symlink_target_path: 'VARCHAR', inode: 'BIGINT',
  uid: 'BIGINT', gid: 'BIGINT', mode: 'VARCHAR', device: 'BIGINT', size: 'BIGINT', atime: 'BIGINT', atime_ns: 'HUGEINT', mtime: 'BIGINT',
  mtime_ns: 'HUGEINT', ctime: 'BIGINT', ctime_ns: 'HUGEINT', btime: 'BIGINT', btime_ns: 'HUGEINT', hard_links: 'BIGINT', type: 'VARCHAR',
  dev: 'VARCHAR', blocks: 'BIGINT', attributes: 'VARCHAR[]', content_at: 'VARCHAR', sha256: 'VARCHAR', secret: 'BIGINT', stored: 'BIGINT',
  truncated: 'BIGINT', hidden_bytes: 'BIGINT', changed_during_read: 'BIGINT', pieces: 'JSON'
});

CREATE OR REPLACE VIEW shared_memory AS SELECT * FROM read_json(getvariable('run') || '/data/file/shared_memory.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', shmid: 'BIGINT', owner_uid: 'BIGINT', creator_uid: 'BIGINT', pid: 'BIGINT', creator_pid: 'BIGINT', atime: 'BIGINT',
  dtime: 'BIGINT', ctime: 'BIGINT', permissions: 'VARCHAR', size: 'UBIGINT', attached: 'BIGINT', segment_status: 'VARCHAR',
  locked: 'BIGINT', key: 'BIGINT', gid: 'BIGINT', cgid: 'BIGINT', rss: 'UBIGINT', swap: 'UBIGINT'
});

CREATE OR REPLACE VIEW tmpfs_mounts AS SELECT * FROM read_json(getvariable('run') || '/data/file/tmpfs_mounts.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', type: 'VARCHAR', device: 'VARCHAR', root: 'VARCHAR', dev: 'VARCHAR', super_options: 'VARCHAR',
  mnt_namespace: 'VARCHAR', pid: 'BIGINT', own_namespace: 'BIGINT', stored: 'BIGINT'
});

CREATE OR REPLACE VIEW tmpfs_files AS SELECT * FROM read_json(getvariable('run') || '/data/file/tmpfs_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', directory: 'VARCHAR', filename: 'VARCHAR', symlink_target_path: 'VARCHAR', inode: 'BIGINT',
  uid: 'BIGINT', gid: 'BIGINT', mode: 'VARCHAR', device: 'BIGINT', size: 'BIGINT', atime: 'BIGINT', atime_ns: 'HUGEINT', mtime: 'BIGINT',
  mtime_ns: 'HUGEINT', ctime: 'BIGINT', ctime_ns: 'HUGEINT', btime: 'BIGINT', btime_ns: 'HUGEINT', hard_links: 'BIGINT', type: 'VARCHAR',
  dev: 'VARCHAR', blocks: 'BIGINT', attributes: 'VARCHAR[]', content_at: 'VARCHAR', sha256: 'VARCHAR', secret: 'BIGINT', stored: 'BIGINT',
  truncated: 'BIGINT', hidden_bytes: 'BIGINT', changed_during_read: 'BIGINT', pieces: 'JSON', mnt_namespace: 'VARCHAR'
});

CREATE OR REPLACE VIEW account_files AS SELECT * FROM read_json(getvariable('run') || '/data/session/account_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', kind: 'VARCHAR', also: 'VARCHAR[]', path: 'VARCHAR', directory: 'VARCHAR', filename: 'VARCHAR',
  symlink_target_path: 'VARCHAR', home: 'VARCHAR', username: 'VARCHAR', via: 'VARCHAR', inode: 'BIGINT', uid: 'BIGINT', gid: 'BIGINT',
  mode: 'VARCHAR', device: 'BIGINT', size: 'BIGINT', atime: 'BIGINT', atime_ns: 'HUGEINT', mtime: 'BIGINT', mtime_ns: 'HUGEINT',
  ctime: 'BIGINT', ctime_ns: 'HUGEINT', btime: 'BIGINT', btime_ns: 'HUGEINT', hard_links: 'BIGINT', type: 'VARCHAR', dev: 'VARCHAR',
  blocks: 'BIGINT', attributes: 'VARCHAR[]', content_at: 'VARCHAR', sha256: 'VARCHAR', secret: 'BIGINT', stored: 'BIGINT',
  truncated: 'BIGINT', hidden_bytes: 'BIGINT', changed_during_read: 'BIGINT', pieces: 'JSON'
});

CREATE OR REPLACE VIEW groups AS SELECT * FROM read_json(getvariable('run') || '/data/session/groups.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', gid: 'BIGINT', gid_signed: 'BIGINT', groupname: 'VARCHAR', path: 'VARCHAR', line: 'VARCHAR'
});

CREATE OR REPLACE VIEW user_groups AS SELECT * FROM read_json(getvariable('run') || '/data/session/user_groups.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', gid: 'BIGINT', uid: 'BIGINT', groupname: 'VARCHAR', username: 'VARCHAR'
});

CREATE OR REPLACE VIEW shadow AS SELECT * FROM read_json(getvariable('run') || '/data/session/shadow.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', username: 'VARCHAR', password_status: 'VARCHAR', hash_alg: 'VARCHAR', last_change: 'BIGINT', min: 'BIGINT', max: 'BIGINT',
  warning: 'BIGINT', inactive: 'BIGINT', expire: 'BIGINT', flag: 'VARCHAR', path: 'VARCHAR', line: 'VARCHAR'
});

CREATE OR REPLACE VIEW sudoers AS SELECT * FROM read_json(getvariable('run') || '/data/session/sudoers.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', header: 'VARCHAR', rule_details: 'VARCHAR', path: 'VARCHAR', line: 'BIGINT'
});

CREATE OR REPLACE VIEW history_files AS SELECT * FROM read_json(getvariable('run') || '/data/session/history_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', kind: 'VARCHAR', also: 'VARCHAR[]', path: 'VARCHAR', directory: 'VARCHAR', filename: 'VARCHAR',
  symlink_target_path: 'VARCHAR', home: 'VARCHAR', username: 'VARCHAR', via: 'VARCHAR', inode: 'BIGINT', uid: 'BIGINT', gid: 'BIGINT',
  mode: 'VARCHAR', device: 'BIGINT', size: 'BIGINT', atime: 'BIGINT', atime_ns: 'HUGEINT', mtime: 'BIGINT', mtime_ns: 'HUGEINT',
  ctime: 'BIGINT', ctime_ns: 'HUGEINT', btime: 'BIGINT', btime_ns: 'HUGEINT', hard_links: 'BIGINT', type: 'VARCHAR', dev: 'VARCHAR',
  blocks: 'BIGINT', attributes: 'VARCHAR[]', content_at: 'VARCHAR', sha256: 'VARCHAR', secret: 'BIGINT', stored: 'BIGINT',
  truncated: 'BIGINT', hidden_bytes: 'BIGINT', changed_during_read: 'BIGINT', pieces: 'JSON'
});

CREATE OR REPLACE VIEW cloud_files AS SELECT * FROM read_json(getvariable('run') || '/data/system/cloud_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', kind: 'VARCHAR', also: 'VARCHAR[]', path: 'VARCHAR', directory: 'VARCHAR', filename: 'VARCHAR',
  symlink_target_path: 'VARCHAR', home: 'VARCHAR', username: 'VARCHAR', via: 'VARCHAR', inode: 'BIGINT', uid: 'BIGINT', gid: 'BIGINT',
  mode: 'VARCHAR', device: 'BIGINT', size: 'BIGINT', atime: 'BIGINT', atime_ns: 'HUGEINT', mtime: 'BIGINT', mtime_ns: 'HUGEINT',
  ctime: 'BIGINT', ctime_ns: 'HUGEINT', btime: 'BIGINT', btime_ns: 'HUGEINT', hard_links: 'BIGINT', type: 'VARCHAR', dev: 'VARCHAR',
  blocks: 'BIGINT', attributes: 'VARCHAR[]', content_at: 'VARCHAR', sha256: 'VARCHAR', secret: 'BIGINT', stored: 'BIGINT',
  truncated: 'BIGINT', hidden_bytes: 'BIGINT', changed_during_read: 'BIGINT', pieces: 'JSON'
});

CREATE OR REPLACE VIEW ssm_commands AS SELECT * FROM read_json(getvariable('run') || '/data/system/ssm_commands.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', state: 'VARCHAR', command_id: 'VARCHAR', document_id: 'VARCHAR', association_id: 'VARCHAR', document_name: 'VARCHAR',
  document_version: 'VARCHAR', document_status: 'VARCHAR', document_type: 'VARCHAR', created: 'VARCHAR', instance_id: 'VARCHAR',
  plugins: 'JSON', path: 'VARCHAR'
});

CREATE OR REPLACE VIEW network_adapters AS SELECT * FROM read_json(getvariable('run') || '/data/system/network_adapters.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', interface: 'VARCHAR', driver: 'VARCHAR', driver_version: 'VARCHAR', vendor: 'VARCHAR', device: 'VARCHAR',
  subsystem: 'VARCHAR', numa_node: 'VARCHAR', mac: 'VARCHAR', pci_slot: 'VARCHAR'
});

CREATE OR REPLACE VIEW user_files AS SELECT * FROM read_json(getvariable('run') || '/data/file/user_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', kind: 'VARCHAR', also: 'VARCHAR[]', path: 'VARCHAR', directory: 'VARCHAR', filename: 'VARCHAR',
  symlink_target_path: 'VARCHAR', home: 'VARCHAR', username: 'VARCHAR', via: 'VARCHAR', inode: 'BIGINT', uid: 'BIGINT', gid: 'BIGINT',
  mode: 'VARCHAR', device: 'BIGINT', size: 'BIGINT', atime: 'BIGINT', atime_ns: 'HUGEINT', mtime: 'BIGINT', mtime_ns: 'HUGEINT',
  ctime: 'BIGINT', ctime_ns: 'HUGEINT', btime: 'BIGINT', btime_ns: 'HUGEINT', hard_links: 'BIGINT', type: 'VARCHAR', dev: 'VARCHAR',
  blocks: 'BIGINT', attributes: 'VARCHAR[]', content_at: 'VARCHAR', sha256: 'VARCHAR', secret: 'BIGINT', stored: 'BIGINT',
  truncated: 'BIGINT', hidden_bytes: 'BIGINT', changed_during_read: 'BIGINT', pieces: 'JSON'
});

CREATE OR REPLACE VIEW user_file_definitions AS SELECT * FROM read_json(getvariable('run') || '/data/file/user_file_definitions.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', definition: 'VARCHAR', source_type: 'VARCHAR', file_sha256: 'VARCHAR', wanted: 'VARCHAR', patterns: 'VARCHAR[]',
  reason: 'VARCHAR'
});

CREATE OR REPLACE VIEW container_state_files AS SELECT * FROM read_json(getvariable('run') || '/data/file/container_state_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', kind: 'VARCHAR', also: 'VARCHAR[]', path: 'VARCHAR', directory: 'VARCHAR', filename: 'VARCHAR',
  symlink_target_path: 'VARCHAR', home: 'VARCHAR', username: 'VARCHAR', via: 'VARCHAR', inode: 'BIGINT', uid: 'BIGINT', gid: 'BIGINT',
  mode: 'VARCHAR', device: 'BIGINT', size: 'BIGINT', atime: 'BIGINT', atime_ns: 'HUGEINT', mtime: 'BIGINT', mtime_ns: 'HUGEINT',
  ctime: 'BIGINT', ctime_ns: 'HUGEINT', btime: 'BIGINT', btime_ns: 'HUGEINT', hard_links: 'BIGINT', type: 'VARCHAR', dev: 'VARCHAR',
  blocks: 'BIGINT', attributes: 'VARCHAR[]', content_at: 'VARCHAR', sha256: 'VARCHAR', secret: 'BIGINT', stored: 'BIGINT',
  truncated: 'BIGINT', hidden_bytes: 'BIGINT', changed_during_read: 'BIGINT', pieces: 'JSON'
});

CREATE OR REPLACE VIEW container_processes AS SELECT * FROM read_json(getvariable('run') || '/data/file/container_processes.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', name: 'VARCHAR', container_id: 'VARCHAR', container_name: 'VARCHAR', runtime: 'VARCHAR',
  pod_uid: 'VARCHAR', known_by: 'VARCHAR[]', cgroup_path: 'VARCHAR', pid_in_namespace: 'BIGINT', cgroup_namespace: 'BIGINT',
  ipc_namespace: 'BIGINT', mnt_namespace: 'BIGINT', net_namespace: 'BIGINT', pid_namespace: 'BIGINT', time_namespace: 'BIGINT',
  user_namespace: 'BIGINT', uts_namespace: 'BIGINT', state_container_id: 'VARCHAR', state_check: 'VARCHAR'
});

CREATE OR REPLACE VIEW overlay_mounts AS SELECT * FROM read_json(getvariable('run') || '/data/file/overlay_mounts.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', mnt_namespace: 'BIGINT', pid: 'BIGINT', mount_id: 'BIGINT', dev: 'VARCHAR', upper: 'VARCHAR',
  work: 'VARCHAR', lower: 'VARCHAR[]', container_id: 'VARCHAR'
});

CREATE OR REPLACE VIEW container_layers AS SELECT * FROM read_json(getvariable('run') || '/data/file/container_layers.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', mounted: 'BIGINT', container_id: 'VARCHAR', stored: 'BIGINT'
});

CREATE OR REPLACE VIEW container_files AS SELECT * FROM read_json(getvariable('run') || '/data/file/container_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', directory: 'VARCHAR', filename: 'VARCHAR', symlink_target_path: 'VARCHAR', inode: 'BIGINT',
  uid: 'BIGINT', gid: 'BIGINT', mode: 'VARCHAR', device: 'BIGINT', size: 'BIGINT', atime: 'BIGINT', atime_ns: 'HUGEINT', mtime: 'BIGINT',
  mtime_ns: 'HUGEINT', ctime: 'BIGINT', ctime_ns: 'HUGEINT', btime: 'BIGINT', btime_ns: 'HUGEINT', hard_links: 'BIGINT', type: 'VARCHAR',
  dev: 'VARCHAR', blocks: 'BIGINT', attributes: 'VARCHAR[]', content_at: 'VARCHAR', sha256: 'VARCHAR', secret: 'BIGINT', stored: 'BIGINT',
  truncated: 'BIGINT', hidden_bytes: 'BIGINT', changed_during_read: 'BIGINT', pieces: 'JSON', layer: 'VARCHAR',
  path_in_container: 'VARCHAR', container_id: 'VARCHAR'
});

CREATE OR REPLACE VIEW package_files AS SELECT * FROM read_json(getvariable('run') || '/data/file/package_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', kind: 'VARCHAR', also: 'VARCHAR[]', path: 'VARCHAR', directory: 'VARCHAR', filename: 'VARCHAR',
  symlink_target_path: 'VARCHAR', home: 'VARCHAR', username: 'VARCHAR', via: 'VARCHAR', inode: 'BIGINT', uid: 'BIGINT', gid: 'BIGINT',
  mode: 'VARCHAR', device: 'BIGINT', size: 'BIGINT', atime: 'BIGINT', atime_ns: 'HUGEINT', mtime: 'BIGINT', mtime_ns: 'HUGEINT',
  ctime: 'BIGINT', ctime_ns: 'HUGEINT', btime: 'BIGINT', btime_ns: 'HUGEINT', hard_links: 'BIGINT', type: 'VARCHAR', dev: 'VARCHAR',
  blocks: 'BIGINT', attributes: 'VARCHAR[]', content_at: 'VARCHAR', sha256: 'VARCHAR', secret: 'BIGINT', stored: 'BIGINT',
  truncated: 'BIGINT', hidden_bytes: 'BIGINT', changed_during_read: 'BIGINT', pieces: 'JSON'
});

CREATE OR REPLACE VIEW apk_packages AS SELECT * FROM read_json(getvariable('run') || '/data/file/apk_packages.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', name: 'VARCHAR', version: 'VARCHAR', arch: 'VARCHAR', description: 'VARCHAR', url: 'VARCHAR', license: 'VARCHAR',
  origin: 'VARCHAR', maintainer: 'VARCHAR', build_time: 'BIGINT', size: 'BIGINT'
});

CREATE OR REPLACE VIEW rpm_packages AS SELECT * FROM read_json(getvariable('run') || '/data/file/rpm_packages.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', name: 'VARCHAR', version: 'VARCHAR', release: 'VARCHAR', source_: 'VARCHAR', size: 'BIGINT', sha1: 'VARCHAR',
  arch: 'VARCHAR', epoch: 'BIGINT', install_time: 'BIGINT', vendor: 'VARCHAR', package_group: 'VARCHAR', sha256: 'VARCHAR', hnum: 'BIGINT'
});

CREATE OR REPLACE VIEW package_verification AS SELECT * FROM read_json(getvariable('run') || '/data/file/package_verification.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', manager: 'VARCHAR', verified: 'BIGINT', changed: 'BIGINT', missing: 'BIGINT', unread: 'BIGINT', malformed: 'BIGINT',
  without_sums: 'BIGINT', passed_over: 'BIGINT', thorough: 'BIGINT'
});

CREATE OR REPLACE VIEW files AS SELECT * FROM read_json(getvariable('run') || '/data/file/files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', directory: 'VARCHAR', filename: 'VARCHAR', symlink_target_path: 'VARCHAR', inode: 'BIGINT',
  uid: 'BIGINT', gid: 'BIGINT', mode: 'VARCHAR', device: 'BIGINT', size: 'BIGINT', atime: 'BIGINT', atime_ns: 'HUGEINT', mtime: 'BIGINT',
  mtime_ns: 'HUGEINT', ctime: 'BIGINT', ctime_ns: 'HUGEINT', btime: 'BIGINT', btime_ns: 'HUGEINT', hard_links: 'BIGINT', type: 'VARCHAR',
  dev: 'VARCHAR', blocks: 'BIGINT', attributes: 'VARCHAR[]', bodyfile: 'VARCHAR'
});

CREATE OR REPLACE VIEW file_systems AS SELECT * FROM read_json(getvariable('run') || '/data/file/file_systems.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', type: 'VARCHAR', device: 'VARCHAR', root: 'VARCHAR', dev: 'VARCHAR', mount_id: 'BIGINT',
  walked: 'BIGINT', reason: 'VARCHAR', files: 'BIGINT'
});

CREATE OR REPLACE VIEW suid_bin AS SELECT * FROM read_json(getvariable('run') || '/data/file/suid_bin.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', uid: 'BIGINT', gid: 'BIGINT', mode: 'VARCHAR', inode: 'BIGINT', dev: 'VARCHAR', permissions: 'VARCHAR',
  username: 'VARCHAR', groupname: 'VARCHAR', packaged: 'BIGINT', user_container: 'BIGINT'
});

CREATE OR REPLACE VIEW file_capabilities AS SELECT * FROM read_json(getvariable('run') || '/data/file/file_capabilities.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', uid: 'BIGINT', gid: 'BIGINT', mode: 'VARCHAR', inode: 'BIGINT', dev: 'VARCHAR', value: 'VARCHAR',
  permitted: 'VARCHAR[]', inheritable: 'VARCHAR[]', effective: 'BIGINT', root_uid: 'BIGINT', username: 'VARCHAR', groupname: 'VARCHAR'
});

CREATE OR REPLACE VIEW file_flags AS SELECT * FROM read_json(getvariable('run') || '/data/file/file_flags.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', uid: 'BIGINT', gid: 'BIGINT', mode: 'VARCHAR', inode: 'BIGINT', dev: 'VARCHAR', immutable: 'BIGINT',
  append: 'BIGINT', username: 'VARCHAR', groupname: 'VARCHAR'
});

CREATE OR REPLACE VIEW unowned_files AS SELECT * FROM read_json(getvariable('run') || '/data/file/unowned_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', uid: 'BIGINT', gid: 'BIGINT', mode: 'VARCHAR', inode: 'BIGINT', dev: 'VARCHAR', no_user: 'BIGINT',
  no_group: 'BIGINT'
});

CREATE OR REPLACE VIEW world_writable_executables AS SELECT * FROM read_json(getvariable('run') || '/data/file/world_writable_executables.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', uid: 'BIGINT', gid: 'BIGINT', mode: 'VARCHAR', inode: 'BIGINT', dev: 'VARCHAR', username: 'VARCHAR',
  groupname: 'VARCHAR'
});

CREATE OR REPLACE VIEW executable_hashes AS SELECT * FROM read_json(getvariable('run') || '/data/file/executable_hashes.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', size: 'BIGINT', inode: 'BIGINT', dev: 'VARCHAR', executable: 'BIGINT', elf: 'BIGINT', sha256: 'VARCHAR'
});

CREATE OR REPLACE VIEW hidden_files AS SELECT * FROM read_json(getvariable('run') || '/data/file/hidden_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', directory: 'VARCHAR', filename: 'VARCHAR', symlink_target_path: 'VARCHAR', inode: 'BIGINT',
  uid: 'BIGINT', gid: 'BIGINT', mode: 'VARCHAR', device: 'BIGINT', size: 'BIGINT', atime: 'BIGINT', atime_ns: 'HUGEINT', mtime: 'BIGINT',
  mtime_ns: 'HUGEINT', ctime: 'BIGINT', ctime_ns: 'HUGEINT', btime: 'BIGINT', btime_ns: 'HUGEINT', hard_links: 'BIGINT', type: 'VARCHAR',
  dev: 'VARCHAR', blocks: 'BIGINT', attributes: 'VARCHAR[]', generation: 'BIGINT', flags: 'VARCHAR', hidden: 'BIGINT', seen_by: 'VARCHAR[]',
  missing_from: 'VARCHAR[]', lookup: 'VARCHAR', hidden_by: 'VARCHAR', covered_by: 'VARCHAR', covered_by_type: 'VARCHAR',
  covered_by_source: 'VARCHAR', sha256: 'VARCHAR', sha256_of_stored: 'VARCHAR', stored: 'BIGINT', head: 'VARCHAR', hidden_bytes: 'BIGINT',
  secret: 'BIGINT', member: 'VARCHAR'
});

CREATE OR REPLACE VIEW raw_file_systems AS SELECT * FROM read_json(getvariable('run') || '/data/file/raw_file_systems.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', dev: 'VARCHAR', type: 'VARCHAR', device: 'VARCHAR', root: 'VARCHAR', node: 'VARCHAR', label: 'VARCHAR',
  uuid: 'VARCHAR', compared: 'BIGINT', reason: 'VARCHAR', folders: 'BIGINT', names: 'BIGINT', hidden: 'BIGINT', covered: 'BIGINT',
  kernel_only: 'BIGINT', encrypted_folders: 'BIGINT', unread_folders: 'BIGINT', read_bytes: 'BIGINT'
});

CREATE OR REPLACE VIEW processes_end AS SELECT * FROM read_json(getvariable('run') || '/data/process/processes_end.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', name: 'VARCHAR', parent: 'BIGINT', uid: 'BIGINT', euid: 'BIGINT', gid: 'BIGINT', path: 'VARCHAR',
  cmdline: 'VARCHAR', args: 'VARCHAR[]', cwd: 'VARCHAR', root: 'VARCHAR', state: 'VARCHAR', start_time: 'BIGINT', start_ns: 'BIGINT',
  start_ticks: 'BIGINT', entity_id: 'VARCHAR', session: 'BIGINT', tty_nr: 'BIGINT', threads: 'BIGINT', on_disk: 'BIGINT',
  exe_deleted: 'BIGINT', exe_memfd: 'BIGINT', exe_dev: 'VARCHAR', exe_inode: 'BIGINT', exe_size: 'BIGINT', exe_nlink: 'BIGINT',
  is_kthread: 'BIGINT', loginuid: 'BIGINT', sessionid: 'BIGINT', tracer_pid: 'BIGINT', cap_eff: 'VARCHAR', seccomp: 'BIGINT',
  no_new_privs: 'BIGINT', lsm_label: 'VARCHAR', cgroup_path: 'VARCHAR', ns_mnt: 'BIGINT', ns_net: 'BIGINT', ns_pid: 'BIGINT',
  resident_size: 'BIGINT', total_size: 'BIGINT', disk_bytes_read: 'BIGINT', disk_bytes_written: 'BIGINT', wchan: 'VARCHAR', self: 'BIGINT',
  egid: 'BIGINT', suid: 'BIGINT', sgid: 'BIGINT', wired_size: 'BIGINT', user_time: 'BIGINT', system_time: 'BIGINT', pgroup: 'BIGINT',
  nice: 'BIGINT', seccomp_filters: 'BIGINT', cap_prm: 'VARCHAR', cap_inh: 'VARCHAR', cap_bnd: 'VARCHAR', cap_amb: 'VARCHAR',
  oom_score_adj: 'BIGINT', syscall: 'VARCHAR', ns_cgroup: 'BIGINT', ns_ipc: 'BIGINT', ns_time: 'BIGINT', ns_user: 'BIGINT', ns_uts: 'BIGINT'
});

CREATE OR REPLACE VIEW sockets_end AS SELECT * FROM read_json(getvariable('run') || '/data/process/sockets_end.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', fd: 'BIGINT', pids: 'JSON', socket: 'BIGINT', family: 'BIGINT', protocol: 'BIGINT',
  local_address: 'VARCHAR', local_port: 'BIGINT', remote_address: 'VARCHAR', remote_port: 'BIGINT', path: 'VARCHAR', state: 'VARCHAR',
  state_after: 'VARCHAR', uid: 'BIGINT', cookie: 'VARCHAR', rqueue: 'BIGINT', wqueue: 'BIGINT', socket_type: 'BIGINT',
  interface_index: 'BIGINT', bpf_filter_b64: 'VARCHAR', peer_inode: 'BIGINT', netns_inode: 'BIGINT', seen_by: 'VARCHAR[]',
  net_namespace: 'VARCHAR', timer: 'BIGINT', retrans: 'BIGINT', mark: 'BIGINT', port_id: 'BIGINT', groups: 'VARCHAR', class_id: 'BIGINT',
  cgroup_id: 'UBIGINT', drops: 'BIGINT', fanout: 'BIGINT', instances: 'BIGINT', bpf_filter_hex: 'VARCHAR', bpf_filter_length: 'BIGINT',
  bpf_filter_sha256: 'VARCHAR', file_inode: 'BIGINT', file_device: 'BIGINT', protocol_name: 'VARCHAR'
});

CREATE OR REPLACE VIEW modules_end AS SELECT * FROM read_json(getvariable('run') || '/data/process/modules_end.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', name: 'VARCHAR', size: 'BIGINT', used_by: 'VARCHAR', status_: 'VARCHAR', address: 'VARCHAR', taint: 'VARCHAR',
  line: 'VARCHAR'
});

CREATE OR REPLACE VIEW frame_differences AS SELECT * FROM read_json(getvariable('run') || '/data/process/frame_differences.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', kind: 'VARCHAR', change: 'VARCHAR', pid: 'BIGINT', start_ticks: 'BIGINT', name: 'VARCHAR', columns: 'VARCHAR[]',
  before: 'JSON', after: 'JSON'
});

CREATE OR REPLACE VIEW process_event_counts AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_event_counts.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', event: 'VARCHAR', processes: 'BIGINT', threads: 'BIGINT', listening_from: 'VARCHAR', listening_until: 'VARCHAR',
  overruns: 'BIGINT', missed: 'BIGINT', beyond: 'BIGINT', odd: 'BIGINT', programs_not_looked_at: 'BIGINT'
});

CREATE OR REPLACE VIEW footprint AS SELECT * FROM read_json(getvariable('run') || '/data/run/footprint.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', what: 'VARCHAR', value: 'BIGINT', detail: 'VARCHAR', changed: 'BIGINT', before: 'JSON', after: 'JSON'
});
