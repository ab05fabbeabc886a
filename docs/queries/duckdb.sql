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
  resident_size: 'BIGINT', total_size: 'BIGINT', disk_bytes_read: 'BIGINT', disk_bytes_written: 'BIGINT', wchan: 'VARCHAR', self: 'BIGINT'
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
  interface_index: 'BIGINT', bpf_filter_b64: 'VARCHAR', peer_inode: 'BIGINT', netns_inode: 'BIGINT', seen_by: 'VARCHAR[]'
});

CREATE OR REPLACE VIEW process_executables AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_executables.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', path: 'VARCHAR', size: 'BIGINT', dev: 'VARCHAR', inode: 'BIGINT', deleted: 'BIGINT', sha256: 'VARCHAR',
  path_sha256: 'VARCHAR', matches: 'BIGINT'
});

CREATE OR REPLACE VIEW process_envs AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_envs.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', key: 'VARCHAR', value: 'VARCHAR', ordinal: 'BIGINT', redacted: 'BIGINT', value_length: 'BIGINT',
  value_sha256: 'VARCHAR'
});

CREATE OR REPLACE VIEW process_namespaces AS SELECT * FROM read_json(getvariable('run') || '/data/process/process_namespaces.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', pid: 'BIGINT', cgroup_namespace: 'VARCHAR', ipc_namespace: 'VARCHAR', mnt_namespace: 'VARCHAR', net_namespace: 'VARCHAR',
  pid_namespace: 'VARCHAR', user_namespace: 'VARCHAR', uts_namespace: 'VARCHAR'
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
  entered: 'VARCHAR', text_only: 'BIGINT', diag_only: 'BIGINT', anomalies: 'VARCHAR[]'
});

CREATE OR REPLACE VIEW deleted_files AS SELECT * FROM read_json(getvariable('run') || '/data/process/deleted_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', target: 'VARCHAR', pids: 'JSON', size: 'BIGINT', sha256: 'VARCHAR', deleted: 'BIGINT', dev: 'VARCHAR',
  inode: 'BIGINT', mtime: 'BIGINT', member: 'VARCHAR', stored: 'BIGINT', self: 'BIGINT'
});

CREATE OR REPLACE VIEW memfd_files AS SELECT * FROM read_json(getvariable('run') || '/data/process/memfd_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', name: 'VARCHAR', path: 'VARCHAR', pids: 'JSON', size: 'BIGINT', sha256: 'VARCHAR', memory: 'VARCHAR', dev: 'VARCHAR',
  inode: 'BIGINT', member: 'VARCHAR', stored: 'BIGINT', self: 'BIGINT'
});

CREATE OR REPLACE VIEW kernel_modules AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/kernel_modules.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', name: 'VARCHAR', size: 'BIGINT', used_by: 'VARCHAR', "references": 'BIGINT', state: 'VARCHAR', address: 'VARCHAR',
  taint_letters: 'VARCHAR', srcversion: 'VARCHAR', seen_by: 'VARCHAR[]', missing_from: 'VARCHAR[]', contradiction: 'BIGINT'
});

CREATE OR REPLACE VIEW mounts AS SELECT * FROM read_json(getvariable('run') || '/data/file/mounts.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', mnt_namespace: 'VARCHAR', processes: 'BIGINT', over_process: 'BIGINT', mount_id: 'BIGINT', parent_id: 'BIGINT',
  device: 'VARCHAR', path: 'VARCHAR', root: 'VARCHAR', type: 'VARCHAR', flags: 'VARCHAR'
});

CREATE OR REPLACE VIEW persistence_files AS SELECT * FROM read_json(getvariable('run') || '/data/file/persistence_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', kind: 'VARCHAR', path: 'VARCHAR', directory: 'VARCHAR', filename: 'VARCHAR', username: 'VARCHAR', via: 'VARCHAR',
  type: 'VARCHAR', size: 'BIGINT', uid: 'BIGINT', gid: 'BIGINT', mode: 'VARCHAR', inode: 'BIGINT', dev: 'VARCHAR', atime: 'BIGINT',
  mtime: 'BIGINT', ctime: 'BIGINT', btime: 'BIGINT', mtime_ns: 'BIGINT', ctime_ns: 'BIGINT', sha256: 'VARCHAR', stored: 'BIGINT',
  truncated: 'BIGINT', attributes: 'VARCHAR[]'
});

CREATE OR REPLACE VIEW log_files AS SELECT * FROM read_json(getvariable('run') || '/data/file/log_files.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', kind: 'VARCHAR', path: 'VARCHAR', size: 'BIGINT', uid: 'BIGINT', gid: 'BIGINT', mode: 'VARCHAR', inode: 'BIGINT',
  mtime: 'BIGINT', ctime: 'BIGINT', sha256: 'VARCHAR', stored: 'BIGINT', truncated: 'BIGINT'
});

CREATE OR REPLACE VIEW crontab AS SELECT * FROM read_json(getvariable('run') || '/data/file/crontab.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', path: 'VARCHAR', line: 'BIGINT', username: 'VARCHAR', event: 'VARCHAR', minute: 'VARCHAR', hour: 'VARCHAR',
  day_of_month: 'VARCHAR', month: 'VARCHAR', day_of_week: 'VARCHAR', command: 'VARCHAR', variable: 'VARCHAR', value: 'VARCHAR'
});

CREATE OR REPLACE VIEW systemd_settings AS SELECT * FROM read_json(getvariable('run') || '/data/file/systemd_settings.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', fragment_path: 'VARCHAR', id: 'VARCHAR', section: 'VARCHAR', name: 'VARCHAR', value: 'VARCHAR'
});

CREATE OR REPLACE VIEW authorized_keys AS SELECT * FROM read_json(getvariable('run') || '/data/file/authorized_keys.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', uid: 'BIGINT', username: 'VARCHAR', algorithm: 'VARCHAR', key: 'VARCHAR', comment: 'VARCHAR', options: 'VARCHAR',
  key_file: 'VARCHAR', fingerprint: 'VARCHAR'
});

CREATE OR REPLACE VIEW preload_libraries AS SELECT * FROM read_json(getvariable('run') || '/data/file/preload_libraries.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', library: 'VARCHAR', path: 'VARCHAR', exists: 'BIGINT'
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
  errors: 'JSON', package: 'VARCHAR', path: 'VARCHAR', state: 'VARCHAR', expected_md5: 'VARCHAR', md5: 'VARCHAR', sha256: 'VARCHAR'
});

CREATE OR REPLACE VIEW users AS SELECT * FROM read_json(getvariable('run') || '/data/session/users.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', uid: 'BIGINT', gid: 'BIGINT', username: 'VARCHAR', description: 'VARCHAR', directory: 'VARCHAR', shell: 'VARCHAR',
  password: 'VARCHAR'
});

CREATE OR REPLACE VIEW logged_in_users AS SELECT * FROM read_json(getvariable('run') || '/data/session/logged_in_users.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', type: 'VARCHAR', user: 'VARCHAR', tty: 'VARCHAR', host: 'VARCHAR', time: 'BIGINT', pid: 'BIGINT', address: 'VARCHAR'
});

CREATE OR REPLACE VIEW last AS SELECT * FROM read_json(getvariable('run') || '/data/session/last.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', username: 'VARCHAR', tty: 'VARCHAR', pid: 'BIGINT', type: 'BIGINT', type_name: 'VARCHAR', time: 'BIGINT',
  time_ns: 'BIGINT', host: 'VARCHAR', address: 'VARCHAR'
});

CREATE OR REPLACE VIEW failed_logins AS SELECT * FROM read_json(getvariable('run') || '/data/session/failed_logins.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR',
  errors: 'JSON', username: 'VARCHAR', tty: 'VARCHAR', pid: 'BIGINT', type: 'BIGINT', type_name: 'VARCHAR', time: 'BIGINT',
  time_ns: 'BIGINT', host: 'VARCHAR', address: 'VARCHAR'
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
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR',
  status: 'VARCHAR', errors: 'JSON', event: 'VARCHAR', pid: 'BIGINT', tid: 'BIGINT', parent: 'BIGINT', uid: 'BIGINT', euid: 'BIGINT',
  tracer: 'BIGINT', name: 'VARCHAR', path: 'VARCHAR', cmdline: 'VARCHAR', exit_code: 'BIGINT', exit_signal: 'BIGINT',
  monotonic_ns: 'BIGINT'
});

CREATE OR REPLACE VIEW bpf_programs AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/bpf_programs.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR',
  status: 'VARCHAR', errors: 'JSON', id: 'BIGINT', type: 'VARCHAR', name: 'VARCHAR', tag: 'VARCHAR', symbol: 'VARCHAR', uid: 'BIGINT',
  load_ns: 'BIGINT', map_ids: 'BIGINT[]', helpers: 'VARCHAR[]', owners: 'JSON', pins: 'VARCHAR[]', seen_by: 'VARCHAR[]',
  contradiction: 'BIGINT'
});

CREATE OR REPLACE VIEW bpf_links AS SELECT * FROM read_json(getvariable('run') || '/data/kernel/bpf_links.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR',
  status: 'VARCHAR', errors: 'JSON', id: 'BIGINT', type: 'VARCHAR', program_id: 'BIGINT', target: 'VARCHAR', attach_type: 'BIGINT',
  cgroup_id: 'BIGINT', netns_inode: 'BIGINT', ifindex: 'BIGINT'
});

CREATE OR REPLACE VIEW containers AS SELECT * FROM read_json(getvariable('run') || '/data/file/containers.jsonl.zst',
  format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, columns = {
  artefact: 'VARCHAR', seq: 'BIGINT', collected_at: 'VARCHAR', mono_ns: 'BIGINT', host_id: 'VARCHAR', source: 'VARCHAR',
  status: 'VARCHAR', errors: 'JSON', id: 'VARCHAR', name: 'VARCHAR', runtime: 'VARCHAR', image: 'VARCHAR', pid: 'BIGINT',
  state: 'VARCHAR', privileged: 'JSON', binds: 'JSON', mounts: 'JSON', cap_add: 'JSON', pid_mode: 'VARCHAR', network_mode: 'VARCHAR'
});
