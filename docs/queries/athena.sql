-- Tables of a run for Athena (engine 3), with types: put the place of the run for s3://BUCKET/RUN.
-- A folder has several tables, so that each view takes the files of its own name.

CREATE EXTERNAL TABLE processes_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `name` string, `parent` bigint, `uid` bigint, `euid` bigint, `gid` bigint, `path` string, `cmdline` string,
  `args` array<string>, `cwd` string, `root` string, `state` string, `start_time` bigint, `start_ns` bigint, `start_ticks` bigint,
  `entity_id` string, `session` bigint, `tty_nr` bigint, `threads` bigint, `on_disk` bigint, `exe_deleted` bigint, `exe_memfd` bigint,
  `exe_dev` string, `exe_inode` bigint, `exe_size` bigint, `exe_nlink` bigint, `is_kthread` bigint, `loginuid` bigint, `sessionid` bigint,
  `tracer_pid` bigint, `cap_eff` string, `seccomp` bigint, `no_new_privs` bigint, `lsm_label` string, `cgroup_path` string, `ns_mnt` bigint,
  `ns_net` bigint, `ns_pid` bigint, `resident_size` bigint, `total_size` bigint, `disk_bytes_read` bigint, `disk_bytes_written` bigint,
  `wchan` string, `self` bigint, `egid` bigint, `suid` bigint, `sgid` bigint, `wired_size` bigint, `user_time` bigint, `system_time` bigint,
  `pgroup` bigint, `nice` bigint, `seccomp_filters` bigint, `cap_prm` string, `cap_inh` string, `cap_bnd` string, `cap_amb` string,
  `oom_score_adj` bigint, `syscall` string, `ns_cgroup` bigint, `ns_ipc` bigint, `ns_time` bigint, `ns_user` bigint, `ns_uts` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW processes AS SELECT * FROM processes_raw WHERE "$path" LIKE '%/processes.jsonl.zst';

CREATE EXTERNAL TABLE process_open_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `fd` bigint, `path` string, `type` string, `dev` string, `inode` bigint, `deleted` bigint, `memfd` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_open_files AS SELECT * FROM process_open_files_raw WHERE "$path" LIKE '%/process_open_files.jsonl.zst';

CREATE EXTERNAL TABLE process_open_sockets_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `fd` bigint, `pids` string, `socket` bigint, `family` bigint, `protocol` bigint, `local_address` string,
  `local_port` bigint, `remote_address` string, `remote_port` bigint, `path` string, `state` string, `state_after` string, `uid` bigint,
  `cookie` string, `rqueue` bigint, `wqueue` bigint, `socket_type` bigint, `interface_index` bigint, `bpf_filter_b64` string,
  `peer_inode` bigint, `netns_inode` bigint, `seen_by` array<string>, `net_namespace` string, `timer` bigint, `retrans` bigint,
  `mark` bigint, `port_id` bigint, `groups` string, `class_id` bigint, `cgroup_id` decimal(20,0), `drops` bigint, `fanout` bigint,
  `instances` bigint, `bpf_filter_hex` string, `bpf_filter_length` bigint, `bpf_filter_sha256` string, `file_inode` bigint,
  `file_device` bigint, `protocol_name` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_open_sockets AS SELECT * FROM process_open_sockets_raw WHERE "$path" LIKE '%/process_open_sockets.jsonl.zst';

CREATE EXTERNAL TABLE process_executables_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `path` string, `size` bigint, `dev` string, `inode` bigint, `deleted` bigint, `sha256` string,
  `path_sha256` string, `matches` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_executables AS SELECT * FROM process_executables_raw WHERE "$path" LIKE '%/process_executables.jsonl.zst';

CREATE EXTERNAL TABLE mapped_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `path` string, `dev` string, `inode` bigint, `size` bigint, `deleted` bigint, `sha256` string,
  `elf` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW mapped_files AS SELECT * FROM mapped_files_raw WHERE "$path" LIKE '%/mapped_files.jsonl.zst';

CREATE EXTERNAL TABLE module_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `name` string, `in_tree` bigint, `path` string, `dev` string, `inode` bigint, `size` bigint, `deleted` bigint,
  `sha256` string, `elf` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW module_files AS SELECT * FROM module_files_raw WHERE "$path" LIKE '%/module_files.jsonl.zst';

CREATE EXTERNAL TABLE process_envs_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `key` string, `value` string, `ordinal` bigint, `redacted` bigint, `value_length` bigint,
  `value_sha256` string, `bare` bigint, `environ_sha256` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_envs AS SELECT * FROM process_envs_raw WHERE "$path" LIKE '%/process_envs.jsonl.zst';

CREATE EXTERNAL TABLE process_namespaces_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `cgroup_namespace` bigint, `ipc_namespace` bigint, `mnt_namespace` bigint, `net_namespace` bigint,
  `pid_namespace` bigint, `user_namespace` bigint, `uts_namespace` bigint, `time_namespace` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_namespaces AS SELECT * FROM process_namespaces_raw WHERE "$path" LIKE '%/process_namespaces.jsonl.zst';

CREATE EXTERNAL TABLE hidden_processes_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `name` string, `path` string, `cmdline` string, `start_ticks` bigint, `seen_by` array<string>,
  `missing_from` array<string>, `reason` string, `hidden` bigint, `mount_point` string, `mount_root` string, `mount_type` string,
  `mount_source` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW hidden_processes AS SELECT * FROM hidden_processes_raw WHERE "$path" LIKE '%/hidden_processes.jsonl.zst';

CREATE EXTERNAL TABLE network_namespaces_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `netns_inode` bigint, `pid` bigint, `processes` bigint, `mount_points` array<string>, `is_host` bigint, `entered` string,
  `text_only` bigint, `diag_only` bigint, `anomalies` array<string>, `text_only_sockets` string, `diag_only_sockets` string,
  `sockets` string, `not_asked` array<string>
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW network_namespaces AS SELECT * FROM network_namespaces_raw WHERE "$path" LIKE '%/network_namespaces.jsonl.zst';

CREATE EXTERNAL TABLE deleted_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `target` string, `pids` string, `size` bigint, `sha256` string, `deleted` bigint, `dev` string,
  `inode` bigint, `mtime` bigint, `member` string, `stored` bigint, `self` bigint, `uid` bigint, `gid` bigint, `mode` string,
  `device` bigint, `atime` bigint, `atime_ns` decimal(38,0), `mtime_ns` decimal(38,0), `ctime` bigint, `ctime_ns` decimal(38,0),
  `btime` bigint, `btime_ns` decimal(38,0), `hard_links` bigint, `type` string, `blocks` bigint, `attributes` array<string>,
  `content_at` string, `references` string, `truncated` bigint, `changed_during_read` bigint, `pieces` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW deleted_files AS SELECT * FROM deleted_files_raw WHERE "$path" LIKE '%/deleted_files.jsonl.zst';

CREATE EXTERNAL TABLE memfd_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `name` string, `path` string, `pids` string, `size` bigint, `sha256` string, `memory` string, `dev` string,
  `inode` bigint, `member` string, `stored` bigint, `self` bigint, `uid` bigint, `gid` bigint, `mode` string, `device` bigint,
  `atime` bigint, `atime_ns` decimal(38,0), `mtime` bigint, `mtime_ns` decimal(38,0), `ctime` bigint, `ctime_ns` decimal(38,0),
  `btime` bigint, `btime_ns` decimal(38,0), `hard_links` bigint, `type` string, `blocks` bigint, `attributes` array<string>,
  `content_at` string, `references` string, `truncated` bigint, `changed_during_read` bigint, `pieces` string, `deleted` bigint,
  `target` string, `nlink` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW memfd_files AS SELECT * FROM memfd_files_raw WHERE "$path" LIKE '%/memfd_files.jsonl.zst';

CREATE EXTERNAL TABLE kernel_modules_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `name` string, `size` bigint, `used_by` string, `references` bigint, `state` string, `address` string,
  `taint_letters` string, `initstate` string, `refcnt` string, `taint` string, `srcversion` string, `version` string,
  `coresize` string, `initsize` string, `seen_by` array<string>, `missing_from` array<string>, `contradiction` bigint,
  `symbols` bigint, `symbols_lowest` string, `symbols_highest` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW kernel_modules AS SELECT * FROM kernel_modules_raw WHERE "$path" LIKE '%/kernel_modules.jsonl.zst';

CREATE EXTERNAL TABLE mounts_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `mnt_namespace` string, `processes` bigint, `over_process` bigint, `mount_id` bigint, `parent_id` bigint,
  `device` string, `path` string, `root` string, `type` string, `flags` string, `over_pid` bigint, `device_major` bigint,
  `device_minor` bigint, `propagation` string, `super_options` string, `line` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW mounts AS SELECT * FROM mounts_raw WHERE "$path" LIKE '%/mounts.jsonl.zst';

CREATE EXTERNAL TABLE persistence_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `kind` string, `path` string, `directory` string, `filename` string, `username` string, `via` string, `type` string,
  `size` bigint, `uid` bigint, `gid` bigint, `mode` string, `inode` bigint, `dev` string, `atime` bigint, `mtime` bigint, `ctime` bigint,
  `btime` bigint, `mtime_ns` decimal(38,0), `ctime_ns` decimal(38,0), `sha256` string, `stored` bigint, `truncated` bigint,
  `attributes` array<string>, `also` array<string>, `home` string, `symlink_target_path` string, `device` bigint, `atime_ns` decimal(38,0),
  `btime_ns` decimal(38,0), `hard_links` bigint, `blocks` bigint, `content_at` string, `secret` bigint, `hidden_bytes` bigint,
  `changed_during_read` bigint, `pieces` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW persistence_files AS SELECT * FROM persistence_files_raw WHERE "$path" LIKE '%/persistence_files.jsonl.zst';

CREATE EXTERNAL TABLE log_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `kind` string, `path` string, `size` bigint, `uid` bigint, `gid` bigint, `mode` string, `inode` bigint, `mtime` bigint,
  `ctime` bigint, `sha256` string, `stored` bigint, `truncated` bigint, `directory` string, `filename` string, `symlink_target_path` string,
  `home` string, `username` string, `via` string, `also` array<string>, `device` bigint, `dev` string, `type` string, `atime` bigint,
  `atime_ns` decimal(38,0), `mtime_ns` decimal(38,0), `ctime_ns` decimal(38,0), `btime` bigint, `btime_ns` decimal(38,0),
  `hard_links` bigint, `blocks` bigint, `attributes` array<string>, `content_at` string, `secret` bigint, `hidden_bytes` bigint,
  `changed_during_read` bigint, `pieces` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW log_files AS SELECT * FROM log_files_raw WHERE "$path" LIKE '%/log_files.jsonl.zst';

CREATE EXTERNAL TABLE crontab_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `line` bigint, `username` string, `event` string, `minute` string, `hour` string, `day_of_month` string,
  `month` string, `day_of_week` string, `command` string, `unlogged` bigint, `variable` string, `value` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW crontab AS SELECT * FROM crontab_raw WHERE "$path" LIKE '%/crontab.jsonl.zst';

CREATE EXTERNAL TABLE systemd_settings_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `fragment_path` string, `id` string, `section` string, `name` string, `value` string, `line` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW systemd_settings AS SELECT * FROM systemd_settings_raw WHERE "$path" LIKE '%/systemd_settings.jsonl.zst';

CREATE EXTERNAL TABLE authorized_keys_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `uid` bigint, `username` string, `algorithm` string, `key` string, `comment` string, `options` string, `key_file` string,
  `fingerprint` string, `line` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW authorized_keys AS SELECT * FROM authorized_keys_raw WHERE "$path" LIKE '%/authorized_keys.jsonl.zst';

CREATE EXTERNAL TABLE preload_libraries_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `library` string, `path` string, `exists` bigint, `line` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW preload_libraries AS SELECT * FROM preload_libraries_raw WHERE "$path" LIKE '%/preload_libraries.jsonl.zst';

CREATE EXTERNAL TABLE persistence_hooks_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `kind` string, `path` string, `line` bigint, `name` string, `value` string, `username` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW persistence_hooks AS SELECT * FROM persistence_hooks_raw WHERE "$path" LIKE '%/persistence_hooks.jsonl.zst';

CREATE EXTERNAL TABLE deb_packages_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `name` string, `version` string, `source_` string, `arch` string, `status_` string, `maintainer` string,
  `section` string, `priority` string, `size` bigint, `revision` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW deb_packages AS SELECT * FROM deb_packages_raw WHERE "$path" LIKE '%/deb_packages.jsonl.zst';

CREATE EXTERNAL TABLE changed_package_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `package` string, `path` string, `manager` string, `state` string, `expected_md5` string, `md5` string,
  `expected_sha1` string, `sha1` string, `expected_sha256` string, `sha256` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW changed_package_files AS SELECT * FROM changed_package_files_raw WHERE "$path" LIKE '%/changed_package_files.jsonl.zst';

CREATE EXTERNAL TABLE users_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `uid` bigint, `gid` bigint, `username` string, `description` string, `directory` string, `shell` string,
  `password` string, `line` string, `uid_signed` bigint, `gid_signed` bigint, `path` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/session/';
CREATE OR REPLACE VIEW users AS SELECT * FROM users_raw WHERE "$path" LIKE '%/users.jsonl.zst';

CREATE EXTERNAL TABLE logged_in_users_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `type` string, `user` string, `tty` string, `host` string, `time` bigint, `pid` bigint, `address` string,
  `time_ns` decimal(38,0), `terminal_id` string, `session` bigint, `exit_signal` bigint, `exit_status` bigint, `record` bigint,
  `layout` string, `layout_sure` bigint, `uid` bigint, `session_id` string, `remote_user` string, `service` string, `session_class` string,
  `session_type` string, `session_state` string, `remote` bigint, `audit_session` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/session/';
CREATE OR REPLACE VIEW logged_in_users AS SELECT * FROM logged_in_users_raw WHERE "$path" LIKE '%/logged_in_users.jsonl.zst';

CREATE EXTERNAL TABLE last_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `username` string, `tty` string, `pid` bigint, `type` bigint, `type_name` string, `time` bigint, `time_ns` bigint,
  `host` string, `address` string, `terminal_id` string, `session` bigint, `exit_signal` bigint, `exit_status` bigint, `record` bigint,
  `layout` string, `layout_sure` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/session/';
CREATE OR REPLACE VIEW last AS SELECT * FROM last_raw WHERE "$path" LIKE '%/last.jsonl.zst';

CREATE EXTERNAL TABLE failed_logins_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `username` string, `tty` string, `pid` bigint, `type` bigint, `type_name` string, `time` bigint, `time_ns` bigint,
  `host` string, `address` string, `terminal_id` string, `session` bigint, `exit_signal` bigint, `exit_status` bigint, `record` bigint,
  `layout` string, `layout_sure` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/session/';
CREATE OR REPLACE VIEW failed_logins AS SELECT * FROM failed_logins_raw WHERE "$path" LIKE '%/failed_logins.jsonl.zst';

CREATE EXTERNAL TABLE shell_history_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `uid` bigint, `username` string, `time` bigint, `command` string, `history_file` string, `ordinal` bigint, `kind` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/session/';
CREATE OR REPLACE VIEW shell_history AS SELECT * FROM shell_history_raw WHERE "$path" LIKE '%/shell_history.jsonl.zst';

CREATE EXTERNAL TABLE findings_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `finding` string, `about` string, `pid` bigint, `name` string, `path` string, `netns_inode` bigint, `records` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/run/';
CREATE OR REPLACE VIEW findings AS SELECT * FROM findings_raw WHERE "$path" LIKE '%/findings.jsonl.zst';

CREATE EXTERNAL TABLE finding_kinds_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `finding` string, `about` string, `table` string, `collected` string, `rows_seen` bigint, `found` bigint, `beyond` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/run/';
CREATE OR REPLACE VIEW finding_kinds AS SELECT * FROM finding_kinds_raw WHERE "$path" LIKE '%/finding_kinds.jsonl.zst';

CREATE EXTERNAL TABLE process_events_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `event` string, `pid` bigint, `tid` bigint, `parent` bigint, `uid` bigint, `euid` bigint, `tracer` bigint, `name` string,
  `path` string, `cmdline` string, `exit_code` bigint, `exit_signal` bigint, `monotonic_ns` bigint, `parent_tid` bigint, `gid` bigint,
  `egid` bigint, `signal_to_parent` bigint, `cpu` bigint, `sequence` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_events AS SELECT * FROM process_events_raw WHERE "$path" LIKE '%/process_events.jsonl.zst';

CREATE EXTERNAL TABLE bpf_programs_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `id` bigint, `type` string, `name` string, `tag` string, `symbol` string, `uid` bigint, `load_ns` bigint,
  `map_ids` array<bigint>, `helpers` array<string>, `owners` string, `pins` array<string>, `seen_by` array<string>, `contradiction` bigint,
  `btf_id` bigint, `attach_btf_object` bigint, `attach_btf_id` bigint, `xlated_bytes` bigint, `xlated_sha256` string, `jited_bytes` bigint,
  `jited_sha256` string, `verified_instructions` bigint, `run_time_ns` bigint, `run_count` bigint, `ifindex` bigint, `netns_inode` bigint,
  `gpl_compatible` bigint, `addresses` array<string>, `calls_unknown` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW bpf_programs AS SELECT * FROM bpf_programs_raw WHERE "$path" LIKE '%/bpf_programs.jsonl.zst';

CREATE EXTERNAL TABLE bpf_links_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `id` bigint, `type` string, `program_id` bigint, `target` string, `attach_type` bigint, `cgroup_id` bigint,
  `netns_inode` bigint, `ifindex` bigint, `event` string, `target_offset` bigint, `target_count` bigint, `target_pid` bigint,
  `target_object` bigint, `target_btf_id` bigint, `address` string, `addresses` array<string>, `map_id` bigint, `protocol_family` bigint,
  `hook` bigint, `priority` bigint, `flags` string, `owners` string, `pins` array<string>, `seen_by` array<string>, `contradiction` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW bpf_links AS SELECT * FROM bpf_links_raw WHERE "$path" LIKE '%/bpf_links.jsonl.zst';

CREATE EXTERNAL TABLE containers_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `id` string, `name` string, `runtime` string, `image` string, `pid` bigint, `state` string, `privileged` string,
  `binds` string, `mounts` string, `cap_add` string, `pid_mode` string, `network_mode` string, `described_by` array<string>,
  `image_id` string, `created` string, `path` string, `args` string, `config_entrypoint` string, `env_variables` string, `labels` string,
  `hostname` string, `user` string, `exit_code` bigint, `started_at` string, `finished_at` string, `oom_killed` string, `log_path` string,
  `driver` string, `networks` string, `ipc_mode` string, `uts_mode` string, `userns_mode` string, `cap_drop` string,
  `security_options` string, `devices` string, `restart_policy` string, `port_bindings` string, `readonly_rootfs` string,
  `auto_remove` string, `cwd` string, `capabilities` string, `rootfs` string, `cgroup_path` string, `namespaces` string, `pod_name` string,
  `pod_namespace` string, `pod_uid` string, `annotations` string, `pid_start_ticks` string, `bundle` string, `metadata` string,
  `ecs_cluster` string, `ecs_task_arn` string, `ecs_task_family` string, `ecs_container_name` string, `ecs_task_version` string,
  `ecs_task_status` string, `ecs_task_desired_status` string, `ecs_desired_status` string, `containerd_namespace` string,
  `updated` string, `runtime_name` string, `snapshotter` string, `snapshot_key` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW containers AS SELECT * FROM containers_raw WHERE "$path" LIKE '%/containers.jsonl.zst';

CREATE EXTERNAL TABLE clocks_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `realtime_ns` bigint, `realtime_resolution_ns` bigint, `unix_time` bigint, `monotonic_ns` bigint,
  `monotonic_resolution_ns` bigint, `boottime_ns` bigint, `boottime_resolution_ns` bigint, `tai_ns` bigint, `tai_resolution_ns` bigint,
  `monotonic_raw_ns` bigint, `monotonic_raw_resolution_ns` bigint, `window_ns` bigint, `rtc_time` bigint, `rtc_behind_seconds` bigint,
  `rtc_set_clock_at_boot` bigint, `clocksource` string, `available_clocksources` string, `chrony_drift` string, `adjtimex_state` string,
  `adjtimex_offset_ns` bigint, `adjtimex_frequency` bigint, `adjtimex_max_error_us` bigint, `adjtimex_estimated_error_us` bigint,
  `adjtimex_status` bigint, `unsynchronised` bigint, `tai_offset` bigint, `local_timezone` string, `localtime_target` string,
  `etc_timezone` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/system/';
CREATE OR REPLACE VIEW clocks AS SELECT * FROM clocks_raw WHERE "$path" LIKE '%/clocks.jsonl.zst';

CREATE EXTERNAL TABLE kernel_info_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `version` string, `arguments` string, `path` string, `device` string, `build` string, `banner` string,
  `banner_of_distribution` string, `bootconfig` string, `machine` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/system/';
CREATE OR REPLACE VIEW kernel_info AS SELECT * FROM kernel_info_raw WHERE "$path" LIKE '%/kernel_info.jsonl.zst';

CREATE EXTERNAL TABLE os_version_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `name` string, `version` string, `major` bigint, `minor` bigint, `patch` bigint, `build` string, `platform` string,
  `platform_like` string, `codename` string, `pretty_name` string, `version_id` string, `cpe_name` string, `variant` string, `arch` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/system/';
CREATE OR REPLACE VIEW os_version AS SELECT * FROM os_version_raw WHERE "$path" LIKE '%/os_version.jsonl.zst';

CREATE EXTERNAL TABLE system_info_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `hostname` string, `uuid` string, `hardware_vendor` string, `hardware_model` string, `hardware_version` string,
  `hardware_serial` string, `board_vendor` string, `board_model` string, `board_version` string, `board_serial` string,
  `board_asset_tag` string, `bios_vendor` string, `bios_version` string, `bios_date` string, `chassis_vendor` string,
  `chassis_asset_tag` string, `cpu_type` string, `cpu_subtype` string, `cpu_brand` string, `cpu_vendor` string, `cpu_microcode` string,
  `cpu_logical_cores` bigint, `cpu_physical_cores` bigint, `cpu_sockets` bigint, `cpu_flag_hypervisor` bigint, `physical_memory` bigint,
  `hypervisor` string, `hypervisor_uuid` string, `domain_name` string, `etc_hostname` string, `machine_id` string, `boot_id` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/system/';
CREATE OR REPLACE VIEW system_info AS SELECT * FROM system_info_raw WHERE "$path" LIKE '%/system_info.jsonl.zst';

CREATE EXTERNAL TABLE uptime_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `days` bigint, `hours` bigint, `minutes` bigint, `seconds` bigint, `total_seconds` bigint, `boot_time` bigint,
  `forks` bigint, `context_switches` bigint, `load_1m` double, `load_5m` double, `load_15m` double, `tasks_runnable` bigint, `tasks` bigint,
  `last_pid` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/system/';
CREATE OR REPLACE VIEW uptime AS SELECT * FROM uptime_raw WHERE "$path" LIKE '%/uptime.jsonl.zst';

CREATE EXTERNAL TABLE privileges_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `proc_view` string, `pid` bigint, `uid` bigint, `euid` bigint, `suid` bigint, `fsuid` bigint, `gid` bigint,
  `egid` bigint, `sgid` bigint, `fsgid` bigint, `capabilities_effective` string, `capabilities_permitted` string,
  `capabilities_inheritable` string, `capabilities_bounding` string, `capabilities_ambient` string, `no_new_privs` bigint, `seccomp` bigint,
  `seccomp_filters` bigint, `cgroup` string, `loginuid` bigint, `uid_map` string, `lsm_label` string, `ns_cgroup` string, `ns_ipc` string,
  `ns_mnt` string, `ns_net` string, `ns_pid` string, `ns_time` string, `ns_user` string, `ns_uts` string,
  `ns_other_than_of_pid_1` array<string>, `ns_other_than_first` array<string>, `in_container` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/system/';
CREATE OR REPLACE VIEW privileges AS SELECT * FROM privileges_raw WHERE "$path" LIKE '%/privileges.jsonl.zst';

CREATE EXTERNAL TABLE kernel_security_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `tainted` decimal(20,0), `taint` array<string>, `kptr_restrict` string, `dmesg_restrict` string,
  `modules_disabled` string, `kexec_load_disabled` string, `unprivileged_bpf_disabled` string, `bpf_jit_harden` string,
  `perf_event_paranoid` string, `yama_ptrace_scope` string, `randomize_va_space` string, `ftrace_enabled` string, `core_pattern` string,
  `modprobe` string, `poweroff_cmd` string, `sysrq` string, `max_user_namespaces` string, `fips_enabled` string,
  `module_sig_enforce` string, `apparmor_enabled` string, `kexec_loaded` string, `kexec_crash_loaded` string, `uevent_helper` string,
  `lockdown` string, `lsm` string, `apparmor_profiles` bigint, `ima_runtime_measurements` string, `selinux_enforce` string,
  `selinux_policy_version` string, `selinux_mls` string, `selinux_booleans` string, `efi` bigint, `secure_boot` string,
  `setup_mode` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/system/';
CREATE OR REPLACE VIEW kernel_security AS SELECT * FROM kernel_security_raw WHERE "$path" LIKE '%/kernel_security.jsonl.zst';

CREATE EXTERNAL TABLE memory_info_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `memory_total` bigint, `memory_free` bigint, `memory_available` bigint, `buffers` bigint, `cached` bigint,
  `swap_cached` bigint, `active` bigint, `inactive` bigint, `swap_total` bigint, `swap_free` bigint, `dirty` bigint, `slab` bigint,
  `committed` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/system/';
CREATE OR REPLACE VIEW memory_info AS SELECT * FROM memory_info_raw WHERE "$path" LIKE '%/memory_info.jsonl.zst';

CREATE EXTERNAL TABLE process_counts_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `view` string, `count` bigint, `complete` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_counts AS SELECT * FROM process_counts_raw WHERE "$path" LIKE '%/process_counts.jsonl.zst';

CREATE EXTERNAL TABLE kernel_symbols_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `release` string, `machine` string, `version` string, `build_id` string, `distribution` string, `debug_package` string,
  `btf` bigint, `btf_modules` bigint, `btf_size` bigint, `kallsyms` bigint, `kallsyms_symbols` bigint, `kallsyms_data` bigint,
  `system_map` bigint, `system_map_file` string, `config` string, `kcore` bigint, `banner` string, `banner_from` string,
  `kernel_offset` string, `kernel_offset_from` string, `vmcoreinfo` bigint, `phys_base` bigint, `swapper_pg_dir` string,
  `five_level_page_tables` bigint, `reasons` array<string>
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW kernel_symbols AS SELECT * FROM kernel_symbols_raw WHERE "$path" LIKE '%/kernel_symbols.jsonl.zst';

CREATE EXTERNAL TABLE memory_sources_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `method` string, `rank` bigint, `available` bigint, `verdict` string, `reason` string, `reasons` array<string>,
  `module_sha256` string, `module_store` string, `module_keyid` string, `module_index_sha256` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/memory/';
CREATE OR REPLACE VIEW memory_sources AS SELECT * FROM memory_sources_raw WHERE "$path" LIKE '%/memory_sources.jsonl.zst';

CREATE EXTERNAL TABLE memory_ranges_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `start` string, `end` string, `length` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/memory/';
CREATE OR REPLACE VIEW memory_ranges AS SELECT * FROM memory_ranges_raw WHERE "$path" LIKE '%/memory_ranges.jsonl.zst';

CREATE EXTERNAL TABLE memory_facts_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `kernel` string, `kernel_version` string, `build_id` string, `modules_disabled` string, `module_sig_enforce` string,
  `lockdown` string, `iomem_entries` bigint, `ram_ranges` bigint, `ram_bytes` bigint, `vmcoreinfo` string, `address_bits` bigint,
  `btf_size` bigint, `memory_total` bigint, `memory_in_use` bigint, `config` string, `config_file` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/memory/';
CREATE OR REPLACE VIEW memory_facts AS SELECT * FROM memory_facts_raw WHERE "$path" LIKE '%/memory_facts.jsonl.zst';

CREATE EXTERNAL TABLE memory_captures_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `method` string, `image` string, `quality` string, `reasons` array<string>, `bytes` bigint, `predicted_bytes` bigint,
  `image_bytes` bigint, `data_bytes` bigint, `zero_pages` bigint, `zero_tail` bigint, `unreadable_bytes` bigint, `edge_bytes` bigint,
  `filled_bytes` bigint, `banner` bigint, `readers` bigint, `in_use_bytes` bigint, `module_parameters` string, `module_unloaded` bigint,
  `module_sha256` string, `module_store` string, `module_keyid` string, `module_index_sha256` string, `taint_before` decimal(20,0),
  `taint_after` decimal(20,0), `started` string, `finished` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/memory/';
CREATE OR REPLACE VIEW memory_captures AS SELECT * FROM memory_captures_raw WHERE "$path" LIKE '%/memory_captures.jsonl.zst';

CREATE EXTERNAL TABLE extents_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `image` string, `method` string, `start` string, `end` string, `length` bigint, `image_offset` bigint, `xxh3_128` string,
  `zero_pages` bigint, `unreadable_bytes` bigint, `unreadable` string, `edge_bytes` bigint, `started` string, `finished` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/memory/';
CREATE OR REPLACE VIEW extents AS SELECT * FROM extents_raw WHERE "$path" LIKE '%/extents.jsonl.zst';

CREATE EXTERNAL TABLE process_memory_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `name` string, `start_ticks` bigint, `path` string, `why` array<string>, `outcome` string, `reason` string,
  `core` string, `core_bytes` bigint, `core_sha256` string, `page_bytes` bigint, `pages_resident` bigint, `pages_kept` bigint,
  `pages_swapped` bigint, `pages_of_files` bigint, `pages_beyond_limit` bigint, `pages_unreadable` bigint, `mappings` bigint,
  `mappings_never_read` bigint, `alive_after` bigint, `executed_meanwhile` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_memory AS SELECT * FROM process_memory_raw WHERE "$path" LIKE '%/process_memory.jsonl.zst';

CREATE EXTERNAL TABLE process_memory_pages_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `start` string, `end` string, `permissions` string, `path` string, `state` string, `reason` string,
  `core_offset` bigint, `sha256` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_memory_pages AS SELECT * FROM process_memory_pages_raw WHERE "$path" LIKE '%/process_memory_pages.jsonl.zst';

CREATE EXTERNAL TABLE process_memory_map_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `start` string, `end` string, `permissions` string, `offset` decimal(20,0), `device` string,
  `inode` bigint, `path` string, `pseudo` bigint, `deleted` bigint, `vm_flags` string, `size_kb` bigint, `kernelpagesize_kb` bigint,
  `mmupagesize_kb` bigint, `rss_kb` bigint, `pss_kb` bigint, `pss_dirty_kb` bigint, `shared_clean_kb` bigint, `shared_dirty_kb` bigint,
  `private_clean_kb` bigint, `private_dirty_kb` bigint, `referenced_kb` bigint, `anonymous_kb` bigint, `ksm_kb` bigint,
  `lazyfree_kb` bigint, `anonhugepages_kb` bigint, `shmempmdmapped_kb` bigint, `filepmdmapped_kb` bigint, `shared_hugetlb_kb` bigint,
  `private_hugetlb_kb` bigint, `swap_kb` bigint, `swappss_kb` bigint, `locked_kb` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_memory_map AS SELECT * FROM process_memory_map_raw WHERE "$path" LIKE '%/process_memory_map.jsonl.zst';

CREATE EXTERNAL TABLE process_threads_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `tid` bigint, `leader` bigint, `name` string, `name_differs` bigint, `uid` bigint, `euid` bigint,
  `cap_eff` string, `cap_prm` string, `cap_inh` string, `cap_bnd` string, `cap_amb` string, `no_new_privs` bigint, `seccomp` bigint,
  `seccomp_filters` bigint, `lsm_label` string, `wchan` string, `syscall` string, `stack` array<string>, `timerslack_ns` decimal(20,0)
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_threads AS SELECT * FROM process_threads_raw WHERE "$path" LIKE '%/process_threads.jsonl.zst';

CREATE EXTERNAL TABLE process_fdinfo_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `fd` bigint, `target` string, `position` bigint, `flags` string, `mnt_id` bigint, `inode` bigint,
  `details` array<string>
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_fdinfo AS SELECT * FROM process_fdinfo_raw WHERE "$path" LIKE '%/process_fdinfo.jsonl.zst';

CREATE EXTERNAL TABLE process_limits_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `limit` string, `soft` string, `hard` string, `units` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_limits AS SELECT * FROM process_limits_raw WHERE "$path" LIKE '%/process_limits.jsonl.zst';

CREATE EXTERNAL TABLE process_cgroups_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `hierarchy` bigint, `controllers` string, `path` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_cgroups AS SELECT * FROM process_cgroups_raw WHERE "$path" LIKE '%/process_cgroups.jsonl.zst';

CREATE EXTERNAL TABLE module_views_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `view` string, `available` bigint, `entries` bigint, `reason` string, `built_in` bigint, `start` string, `end` string,
  `size` bigint, `caller` string, `unclaimed` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW module_views AS SELECT * FROM module_views_raw WHERE "$path" LIKE '%/module_views.jsonl.zst';

CREATE EXTERNAL TABLE trace_instances_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `instance` string, `current_tracer` string, `tracing_on` string, `trace_clock` string, `buffer_size_kb` string,
  `tracing_cpumask` string, `set_event` string, `set_event_pid` string, `set_event_notrace_pid` string, `set_ftrace_filter` string,
  `set_ftrace_notrace` string, `set_ftrace_pid` string, `set_ftrace_notrace_pid` string, `set_graph_function` string,
  `set_graph_notrace` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW trace_instances AS SELECT * FROM trace_instances_raw WHERE "$path" LIKE '%/trace_instances.jsonl.zst';

CREATE EXTERNAL TABLE ftrace_functions_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `list` string, `function` string, `module` string, `count` bigint, `flags` string, `details` array<string>
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW ftrace_functions AS SELECT * FROM ftrace_functions_raw WHERE "$path" LIKE '%/ftrace_functions.jsonl.zst';

CREATE EXTERNAL TABLE trace_probes_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `list` string, `definition` string, `kind` string, `group` string, `event` string, `target` string, `arguments` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW trace_probes AS SELECT * FROM trace_probes_raw WHERE "$path" LIKE '%/trace_probes.jsonl.zst';

CREATE EXTERNAL TABLE kprobes_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `address` string, `kind` string, `symbol` string, `flags` array<string>, `line` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW kprobes AS SELECT * FROM kprobes_raw WHERE "$path" LIKE '%/kprobes.jsonl.zst';

CREATE EXTERNAL TABLE livepatches_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `name` string, `enabled` bigint, `transition` bigint, `replace` bigint, `stack_order` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW livepatches AS SELECT * FROM livepatches_raw WHERE "$path" LIKE '%/livepatches.jsonl.zst';

CREATE EXTERNAL TABLE livepatch_functions_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `name` string, `object` string, `function` string, `patched` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW livepatch_functions AS SELECT * FROM livepatch_functions_raw WHERE "$path" LIKE '%/livepatch_functions.jsonl.zst';

CREATE EXTERNAL TABLE bpf_maps_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `id` bigint, `type` string, `name` string, `key_size` bigint, `value_size` bigint, `max_entries` bigint, `flags` string,
  `map_extra` string, `ifindex` bigint, `netns_inode` bigint, `btf_id` bigint, `btf_key_type_id` bigint, `btf_value_type_id` bigint,
  `entries` bigint, `entries_of_zeros` bigint, `entries_bytes` bigint, `entries_sha256` string, `entries_not_read` string, `owners` string,
  `pins` array<string>, `seen_by` array<string>, `contradiction` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW bpf_maps AS SELECT * FROM bpf_maps_raw WHERE "$path" LIKE '%/bpf_maps.jsonl.zst';

CREATE EXTERNAL TABLE bpf_map_entries_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `map_id` bigint, `map_name` string, `key` string, `value` string, `value_bytes` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW bpf_map_entries AS SELECT * FROM bpf_map_entries_raw WHERE "$path" LIKE '%/bpf_map_entries.jsonl.zst';

CREATE EXTERNAL TABLE bpf_types_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `id` bigint, `name` string, `size` bigint, `of_kernel` bigint, `btf_sha256` string, `owners` string,
  `pins` array<string>, `seen_by` array<string>, `contradiction` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW bpf_types AS SELECT * FROM bpf_types_raw WHERE "$path" LIKE '%/bpf_types.jsonl.zst';

CREATE EXTERNAL TABLE bpf_pins_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `uid` bigint, `mode` string, `kind` string, `id` bigint, `namespace` string, `pid` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW bpf_pins AS SELECT * FROM bpf_pins_raw WHERE "$path" LIKE '%/bpf_pins.jsonl.zst';

CREATE EXTERNAL TABLE bpf_cgroup_programs_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `mount_point` string, `cgroup` string, `attach_type` string, `program_ids` string, `flags` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW bpf_cgroup_programs AS SELECT * FROM bpf_cgroup_programs_raw WHERE "$path" LIKE '%/bpf_cgroup_programs.jsonl.zst';

CREATE EXTERNAL TABLE bpf_views_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `view` string, `available` bigint, `entries` bigint, `reason` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW bpf_views AS SELECT * FROM bpf_views_raw WHERE "$path" LIKE '%/bpf_views.jsonl.zst';

CREATE EXTERNAL TABLE kernel_keys_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `serial_number` string, `flags` string, `usage` bigint, `timeout` string, `permissions` string, `uid` bigint,
  `gid` bigint, `type` string, `description` string, `line` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW kernel_keys AS SELECT * FROM kernel_keys_raw WHERE "$path" LIKE '%/kernel_keys.jsonl.zst';

CREATE EXTERNAL TABLE key_users_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `uid` bigint, `usage` bigint, `keys` bigint, `instantiated_keys` bigint, `quota_keys` bigint, `quota_keys_most` bigint,
  `quota_bytes` bigint, `quota_bytes_most` bigint, `line` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW key_users AS SELECT * FROM key_users_raw WHERE "$path" LIKE '%/key_users.jsonl.zst';

CREATE EXTERNAL TABLE audit_status_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `enabled` bigint, `failure` bigint, `pid` bigint, `rate_limit` bigint, `backlog_limit` bigint, `lost` bigint,
  `backlog` bigint, `features` bigint, `backlog_wait_time` bigint, `backlog_wait_time_actual` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW audit_status AS SELECT * FROM audit_status_raw WHERE "$path" LIKE '%/audit_status.jsonl.zst';

CREATE EXTERNAL TABLE audit_rules_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `list` string, `action` string, `key` string, `syscalls` string, `all_syscalls` bigint, `fields` string,
  `member` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW audit_rules AS SELECT * FROM audit_rules_raw WHERE "$path" LIKE '%/audit_rules.jsonl.zst';

CREATE EXTERNAL TABLE dmesg_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `message` string, `priority` bigint, `level` string, `facility` bigint, `facility_name` string, `sequence` bigint,
  `timestamp_us` bigint, `flags` string, `caller` string, `dictionary` array<string>
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW dmesg AS SELECT * FROM dmesg_raw WHERE "$path" LIKE '%/dmesg.jsonl.zst';

CREATE EXTERNAL TABLE system_controls_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `name` string, `subsystem` string, `current_value` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW system_controls AS SELECT * FROM system_controls_raw WHERE "$path" LIKE '%/system_controls.jsonl.zst';

CREATE EXTERNAL TABLE interface_addresses_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `interface` string, `address` string, `mask` string, `broadcast` string, `point_to_point` string, `type` string,
  `friendly_name` string, `family` bigint, `prefix` bigint, `scope` bigint, `flags` bigint, `label` string, `interface_index` bigint,
  `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW interface_addresses AS SELECT * FROM interface_addresses_raw WHERE "$path" LIKE '%/interface_addresses.jsonl.zst';

CREATE EXTERNAL TABLE interface_details_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `interface` string, `mac` string, `type` bigint, `mtu` bigint, `metric` bigint, `flags` bigint, `ipackets` decimal(20,0),
  `opackets` decimal(20,0), `ibytes` decimal(20,0), `obytes` decimal(20,0), `ierrors` decimal(20,0), `oerrors` decimal(20,0),
  `idrops` decimal(20,0), `odrops` decimal(20,0), `collisions` decimal(20,0), `promiscuity` bigint, `allmulti` bigint, `xdp_prog_id` bigint,
  `master` bigint, `master_name` string, `operstate` string, `kind` string, `alias` string, `lower_index` bigint, `qdisc` string,
  `interface_index` bigint, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW interface_details AS SELECT * FROM interface_details_raw WHERE "$path" LIKE '%/interface_details.jsonl.zst';

CREATE EXTERNAL TABLE routes_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `destination` string, `netmask` bigint, `gateway` string, `flags` bigint, `interface` string, `mtu` bigint,
  `metric` bigint, `type` string, `hopcount` bigint, `source_address` string, `family` bigint, `table` bigint, `protocol` bigint,
  `scope` bigint, `route_type` bigint, `priority` bigint, `interface_index` bigint, `next_hop` bigint, `weight` bigint,
  `next_hop_id` bigint, `text_flags` bigint, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW routes AS SELECT * FROM routes_raw WHERE "$path" LIKE '%/routes.jsonl.zst';

CREATE EXTERNAL TABLE routing_rules_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `family` bigint, `priority` bigint, `action` string, `table` bigint, `goto` bigint, `inverted` bigint,
  `source_network` string, `destination_network` string, `tos` bigint, `interface` string, `outgoing_interface` string, `mark` bigint,
  `mark_mask` bigint, `uid_range` string, `ip_protocol` bigint, `source_ports` string, `destination_ports` string,
  `suppressed_prefix_length` bigint, `l3mdev` bigint, `protocol` bigint, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW routing_rules AS SELECT * FROM routing_rules_raw WHERE "$path" LIKE '%/routing_rules.jsonl.zst';

CREATE EXTERNAL TABLE arp_cache_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `address` string, `mac` string, `interface` string, `permanent` string, `family` bigint, `state` string, `flags` bigint,
  `interface_index` bigint, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW arp_cache AS SELECT * FROM arp_cache_raw WHERE "$path" LIKE '%/arp_cache.jsonl.zst';

CREATE EXTERNAL TABLE nft_tables_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `family` string, `name` string, `flags` bigint, `use` bigint, `handle` bigint, `owner` bigint, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW nft_tables AS SELECT * FROM nft_tables_raw WHERE "$path" LIKE '%/nft_tables.jsonl.zst';

CREATE EXTERNAL TABLE nft_chains_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `family` string, `table` string, `name` string, `handle` bigint, `type` string, `use` bigint, `flags` bigint,
  `hook` string, `hook_number` bigint, `priority` bigint, `policy` string, `device` string, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW nft_chains AS SELECT * FROM nft_chains_raw WHERE "$path" LIKE '%/nft_chains.jsonl.zst';

CREATE EXTERNAL TABLE nft_rules_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `family` string, `table` string, `chain` string, `handle` bigint, `position` bigint, `expressions` array<string>,
  `verdict` string, `packets` decimal(20,0), `bytes` decimal(20,0), `details` string, `comment` string, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW nft_rules AS SELECT * FROM nft_rules_raw WHERE "$path" LIKE '%/nft_rules.jsonl.zst';

CREATE EXTERNAL TABLE nft_sets_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `family` string, `table` string, `name` string, `flags` bigint, `key_type` bigint, `key_length` bigint,
  `data_type` bigint, `data_length` bigint, `timeout_ms` bigint, `handle` bigint, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW nft_sets AS SELECT * FROM nft_sets_raw WHERE "$path" LIKE '%/nft_sets.jsonl.zst';

CREATE EXTERNAL TABLE nft_set_elements_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `family` string, `table` string, `set` string, `key` string, `key_end` string, `data` string, `flags` bigint,
  `timeout_ms` bigint, `expires_ms` bigint, `object` string, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW nft_set_elements AS SELECT * FROM nft_set_elements_raw WHERE "$path" LIKE '%/nft_set_elements.jsonl.zst';

CREATE EXTERNAL TABLE nft_objects_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `kind` string, `family` string, `table` string, `name` string, `type` bigint, `use` bigint, `handle` bigint,
  `flags` bigint, `data` string, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW nft_objects AS SELECT * FROM nft_objects_raw WHERE "$path" LIKE '%/nft_objects.jsonl.zst';

CREATE EXTERNAL TABLE iptables_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `filter_name` string, `chain` string, `policy` string, `target` string, `protocol` bigint, `src_ip` string,
  `src_mask` string, `dst_ip` string, `dst_mask` string, `iniface` string, `iniface_mask` string, `outiface` string, `outiface_mask` string,
  `src_port` string, `dst_port` string, `match` array<string>, `comment` string, `packets` decimal(20,0), `bytes` decimal(20,0),
  `family` bigint, `number` bigint, `is_policy` bigint, `inverted` bigint, `arp_operation` bigint, `arp_hardware_type` bigint, `arp_protocol_type` bigint,
  `src_mac` string, `src_mac_mask` string, `dst_mac` string, `dst_mac_mask` string, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW iptables AS SELECT * FROM iptables_raw WHERE "$path" LIKE '%/iptables.jsonl.zst';

CREATE EXTERNAL TABLE ip_sets_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `name` string, `type` string, `family` bigint, `timeout_s` bigint, `elements` bigint, `references` bigint,
  `memory_bytes` bigint, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW ip_sets AS SELECT * FROM ip_sets_raw WHERE "$path" LIKE '%/ip_sets.jsonl.zst';

CREATE EXTERNAL TABLE ip_set_elements_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `set` string, `address` string, `address_to` string, `prefix` bigint, `port` bigint, `port_to` bigint, `protocol` bigint,
  `mac` string, `interface` string, `second_address` string, `second_prefix` bigint, `member_set` string, `mark` bigint, `timeout_s` bigint,
  `packets` decimal(20,0), `bytes` decimal(20,0), `comment` string, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW ip_set_elements AS SELECT * FROM ip_set_elements_raw WHERE "$path" LIKE '%/ip_set_elements.jsonl.zst';

CREATE EXTERNAL TABLE conntrack_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `family` bigint, `protocol` bigint, `source_address` string, `destination_address` string, `source_port` bigint,
  `destination_port` bigint, `reply_source_address` string, `reply_destination_address` string, `reply_source_port` bigint,
  `reply_destination_port` bigint, `state` string, `flags` array<string>, `packets` decimal(20,0), `bytes` decimal(20,0),
  `reply_packets` decimal(20,0), `reply_bytes` decimal(20,0), `mark` bigint, `zone` bigint, `timeout_s` bigint, `id` bigint,
  `start_ns` bigint, `stop_ns` bigint, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW conntrack AS SELECT * FROM conntrack_raw WHERE "$path" LIKE '%/conntrack.jsonl.zst';

CREATE EXTERNAL TABLE tc_qdiscs_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `interface_index` bigint, `interface` string, `kind` string, `handle` string, `parent` string, `chain` bigint,
  `ingress_block` bigint, `egress_block` bigint, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW tc_qdiscs AS SELECT * FROM tc_qdiscs_raw WHERE "$path" LIKE '%/tc_qdiscs.jsonl.zst';

CREATE EXTERNAL TABLE tc_filters_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `interface_index` bigint, `interface` string, `kind` string, `handle` string, `parent` string, `chain` bigint,
  `ingress_block` bigint, `egress_block` bigint, `direction` string, `priority` bigint, `protocol` bigint, `bpf_name` string,
  `bpf_tag` string, `bpf_program_id` bigint, `bpf_direct_action` bigint, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW tc_filters AS SELECT * FROM tc_filters_raw WHERE "$path" LIKE '%/tc_filters.jsonl.zst';

CREATE EXTERNAL TABLE network_bpf_programs_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `attach_type` string, `interface_index` bigint, `interface` string, `program_ids` string, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW network_bpf_programs AS SELECT * FROM network_bpf_programs_raw WHERE "$path" LIKE '%/network_bpf_programs.jsonl.zst';

CREATE EXTERNAL TABLE tcp_metrics_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `address` string, `source_address` string, `age_ms` bigint, `rtt_us` bigint, `rtt_ms` bigint, `rtt_variance_us` bigint,
  `rtt_variance_ms` bigint, `congestion_window` bigint, `slow_start_threshold` bigint, `reordering` bigint, `fast_open_mss` bigint,
  `fast_open_drops` bigint, `fast_open_cookie` string, `netns_inode` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/network/';
CREATE OR REPLACE VIEW tcp_metrics AS SELECT * FROM tcp_metrics_raw WHERE "$path" LIKE '%/tcp_metrics.jsonl.zst';

CREATE EXTERNAL TABLE block_devices_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `name` string, `parent` string, `vendor` string, `model` string, `serial` string, `firmware` string, `transport` string,
  `address` string, `wwid` string, `uuid` string, `sequence` bigint, `removable` bigint, `block_size` bigint, `rotational` bigint,
  `size` bigint, `read_only` bigint, `dev` string, `mounted_at` array<string>, `ebs_volume_id` string, `instance_store` bigint,
  `dm_name` string, `dm_uuid` string, `backing_file` string, `md_level` string, `slaves` array<string>, `holders` array<string>,
  `partition` bigint, `start` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW block_devices AS SELECT * FROM block_devices_raw WHERE "$path" LIKE '%/block_devices.jsonl.zst';

CREATE EXTERNAL TABLE swaps_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `type` string, `size_kib` bigint, `used_kib` bigint, `priority` string, `line` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW swaps AS SELECT * FROM swaps_raw WHERE "$path" LIKE '%/swaps.jsonl.zst';

CREATE EXTERNAL TABLE lastlog_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `uid` bigint, `time` bigint, `tty` string, `host` string, `layout` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/session/';
CREATE OR REPLACE VIEW lastlog AS SELECT * FROM lastlog_raw WHERE "$path" LIKE '%/lastlog.jsonl.zst';

CREATE EXTERNAL TABLE shared_memory_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `directory` string, `filename` string, `symlink_target_path` string, `inode` bigint, `uid` bigint,
  `gid` bigint, `mode` string, `device` bigint, `size` bigint, `atime` bigint, `atime_ns` decimal(38,0), `mtime` bigint,
  `mtime_ns` decimal(38,0), `ctime` bigint, `ctime_ns` decimal(38,0), `btime` bigint, `btime_ns` decimal(38,0), `hard_links` bigint,
  `type` string, `dev` string, `blocks` bigint, `attributes` array<string>, `content_at` string, `sha256` string, `secret` bigint,
  `stored` bigint, `truncated` bigint, `hidden_bytes` bigint, `changed_during_read` bigint, `pieces` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW shared_memory_files AS SELECT * FROM shared_memory_files_raw WHERE "$path" LIKE '%/shared_memory_files.jsonl.zst';

CREATE EXTERNAL TABLE shared_memory_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `shmid` bigint, `owner_uid` bigint, `creator_uid` bigint, `pid` bigint, `creator_pid` bigint, `atime` bigint,
  `dtime` bigint, `ctime` bigint, `permissions` string, `size` decimal(20,0), `attached` bigint, `segment_status` string, `locked` bigint,
  `key` bigint, `gid` bigint, `cgid` bigint, `rss` decimal(20,0), `swap` decimal(20,0)
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW shared_memory AS SELECT * FROM shared_memory_raw WHERE "$path" LIKE '%/shared_memory.jsonl.zst';

CREATE EXTERNAL TABLE tmpfs_mounts_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `type` string, `device` string, `root` string, `dev` string, `super_options` string,
  `mnt_namespace` string, `pid` bigint, `own_namespace` bigint, `stored` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW tmpfs_mounts AS SELECT * FROM tmpfs_mounts_raw WHERE "$path" LIKE '%/tmpfs_mounts.jsonl.zst';

CREATE EXTERNAL TABLE tmpfs_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `directory` string, `filename` string, `symlink_target_path` string, `inode` bigint, `uid` bigint,
  `gid` bigint, `mode` string, `device` bigint, `size` bigint, `atime` bigint, `atime_ns` decimal(38,0), `mtime` bigint,
  `mtime_ns` decimal(38,0), `ctime` bigint, `ctime_ns` decimal(38,0), `btime` bigint, `btime_ns` decimal(38,0), `hard_links` bigint,
  `type` string, `dev` string, `blocks` bigint, `attributes` array<string>, `content_at` string, `sha256` string, `secret` bigint,
  `stored` bigint, `truncated` bigint, `hidden_bytes` bigint, `changed_during_read` bigint, `pieces` string, `mnt_namespace` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW tmpfs_files AS SELECT * FROM tmpfs_files_raw WHERE "$path" LIKE '%/tmpfs_files.jsonl.zst';

CREATE EXTERNAL TABLE account_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `kind` string, `also` array<string>, `path` string, `directory` string, `filename` string, `symlink_target_path` string,
  `home` string, `username` string, `via` string, `inode` bigint, `uid` bigint, `gid` bigint, `mode` string, `device` bigint, `size` bigint,
  `atime` bigint, `atime_ns` decimal(38,0), `mtime` bigint, `mtime_ns` decimal(38,0), `ctime` bigint, `ctime_ns` decimal(38,0),
  `btime` bigint, `btime_ns` decimal(38,0), `hard_links` bigint, `type` string, `dev` string, `blocks` bigint, `attributes` array<string>,
  `content_at` string, `sha256` string, `secret` bigint, `stored` bigint, `truncated` bigint, `hidden_bytes` bigint,
  `changed_during_read` bigint, `pieces` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/session/';
CREATE OR REPLACE VIEW account_files AS SELECT * FROM account_files_raw WHERE "$path" LIKE '%/account_files.jsonl.zst';

CREATE EXTERNAL TABLE groups_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `gid` bigint, `gid_signed` bigint, `groupname` string, `path` string, `line` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/session/';
CREATE OR REPLACE VIEW groups AS SELECT * FROM groups_raw WHERE "$path" LIKE '%/groups.jsonl.zst';

CREATE EXTERNAL TABLE user_groups_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `gid` bigint, `uid` bigint, `groupname` string, `username` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/session/';
CREATE OR REPLACE VIEW user_groups AS SELECT * FROM user_groups_raw WHERE "$path" LIKE '%/user_groups.jsonl.zst';

CREATE EXTERNAL TABLE shadow_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `username` string, `password_status` string, `hash_alg` string, `last_change` bigint, `min` bigint, `max` bigint,
  `warning` bigint, `inactive` bigint, `expire` bigint, `flag` string, `path` string, `line` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/session/';
CREATE OR REPLACE VIEW shadow AS SELECT * FROM shadow_raw WHERE "$path" LIKE '%/shadow.jsonl.zst';

CREATE EXTERNAL TABLE sudoers_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `header` string, `rule_details` string, `path` string, `line` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/session/';
CREATE OR REPLACE VIEW sudoers AS SELECT * FROM sudoers_raw WHERE "$path" LIKE '%/sudoers.jsonl.zst';

CREATE EXTERNAL TABLE history_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `kind` string, `also` array<string>, `path` string, `directory` string, `filename` string, `symlink_target_path` string,
  `home` string, `username` string, `via` string, `inode` bigint, `uid` bigint, `gid` bigint, `mode` string, `device` bigint, `size` bigint,
  `atime` bigint, `atime_ns` decimal(38,0), `mtime` bigint, `mtime_ns` decimal(38,0), `ctime` bigint, `ctime_ns` decimal(38,0),
  `btime` bigint, `btime_ns` decimal(38,0), `hard_links` bigint, `type` string, `dev` string, `blocks` bigint, `attributes` array<string>,
  `content_at` string, `sha256` string, `secret` bigint, `stored` bigint, `truncated` bigint, `hidden_bytes` bigint,
  `changed_during_read` bigint, `pieces` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/session/';
CREATE OR REPLACE VIEW history_files AS SELECT * FROM history_files_raw WHERE "$path" LIKE '%/history_files.jsonl.zst';

CREATE EXTERNAL TABLE cloud_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `kind` string, `also` array<string>, `path` string, `directory` string, `filename` string, `symlink_target_path` string,
  `home` string, `username` string, `via` string, `inode` bigint, `uid` bigint, `gid` bigint, `mode` string, `device` bigint, `size` bigint,
  `atime` bigint, `atime_ns` decimal(38,0), `mtime` bigint, `mtime_ns` decimal(38,0), `ctime` bigint, `ctime_ns` decimal(38,0),
  `btime` bigint, `btime_ns` decimal(38,0), `hard_links` bigint, `type` string, `dev` string, `blocks` bigint, `attributes` array<string>,
  `content_at` string, `sha256` string, `secret` bigint, `stored` bigint, `truncated` bigint, `hidden_bytes` bigint,
  `changed_during_read` bigint, `pieces` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/system/';
CREATE OR REPLACE VIEW cloud_files AS SELECT * FROM cloud_files_raw WHERE "$path" LIKE '%/cloud_files.jsonl.zst';

CREATE EXTERNAL TABLE ssm_commands_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `state` string, `command_id` string, `document_id` string, `association_id` string, `document_name` string,
  `document_version` string, `document_status` string, `document_type` string, `created` string, `instance_id` string, `plugins` string,
  `path` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/system/';
CREATE OR REPLACE VIEW ssm_commands AS SELECT * FROM ssm_commands_raw WHERE "$path" LIKE '%/ssm_commands.jsonl.zst';

CREATE EXTERNAL TABLE network_adapters_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `interface` string, `driver` string, `driver_version` string, `vendor` string, `device` string, `subsystem` string,
  `numa_node` string, `mac` string, `pci_slot` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/system/';
CREATE OR REPLACE VIEW network_adapters AS SELECT * FROM network_adapters_raw WHERE "$path" LIKE '%/network_adapters.jsonl.zst';

CREATE EXTERNAL TABLE user_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `kind` string, `also` array<string>, `path` string, `directory` string, `filename` string, `symlink_target_path` string,
  `home` string, `username` string, `via` string, `inode` bigint, `uid` bigint, `gid` bigint, `mode` string, `device` bigint, `size` bigint,
  `atime` bigint, `atime_ns` decimal(38,0), `mtime` bigint, `mtime_ns` decimal(38,0), `ctime` bigint, `ctime_ns` decimal(38,0),
  `btime` bigint, `btime_ns` decimal(38,0), `hard_links` bigint, `type` string, `dev` string, `blocks` bigint, `attributes` array<string>,
  `content_at` string, `sha256` string, `secret` bigint, `stored` bigint, `truncated` bigint, `hidden_bytes` bigint,
  `changed_during_read` bigint, `pieces` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW user_files AS SELECT * FROM user_files_raw WHERE "$path" LIKE '%/user_files.jsonl.zst';

CREATE EXTERNAL TABLE user_file_definitions_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `definition` string, `source_type` string, `file_sha256` string, `wanted` string, `patterns` array<string>,
  `reason` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW user_file_definitions AS SELECT * FROM user_file_definitions_raw WHERE "$path" LIKE '%/user_file_definitions.jsonl.zst';

CREATE EXTERNAL TABLE container_state_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `kind` string, `also` array<string>, `path` string, `directory` string, `filename` string, `symlink_target_path` string,
  `home` string, `username` string, `via` string, `inode` bigint, `uid` bigint, `gid` bigint, `mode` string, `device` bigint, `size` bigint,
  `atime` bigint, `atime_ns` decimal(38,0), `mtime` bigint, `mtime_ns` decimal(38,0), `ctime` bigint, `ctime_ns` decimal(38,0),
  `btime` bigint, `btime_ns` decimal(38,0), `hard_links` bigint, `type` string, `dev` string, `blocks` bigint, `attributes` array<string>,
  `content_at` string, `sha256` string, `secret` bigint, `stored` bigint, `truncated` bigint, `hidden_bytes` bigint,
  `changed_during_read` bigint, `pieces` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW container_state_files AS SELECT * FROM container_state_files_raw WHERE "$path" LIKE '%/container_state_files.jsonl.zst';

CREATE EXTERNAL TABLE container_processes_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `name` string, `container_id` string, `container_name` string, `runtime` string, `pod_uid` string,
  `known_by` array<string>, `cgroup_path` string, `pid_in_namespace` bigint, `cgroup_namespace` bigint, `ipc_namespace` bigint,
  `mnt_namespace` bigint, `net_namespace` bigint, `pid_namespace` bigint, `time_namespace` bigint, `user_namespace` bigint,
  `uts_namespace` bigint, `state_container_id` string, `state_check` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW container_processes AS SELECT * FROM container_processes_raw WHERE "$path" LIKE '%/container_processes.jsonl.zst';

CREATE EXTERNAL TABLE overlay_mounts_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `mnt_namespace` bigint, `pid` bigint, `mount_id` bigint, `dev` string, `upper` string, `work` string,
  `lower` array<string>, `container_id` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW overlay_mounts AS SELECT * FROM overlay_mounts_raw WHERE "$path" LIKE '%/overlay_mounts.jsonl.zst';

CREATE EXTERNAL TABLE container_layers_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `mounted` bigint, `container_id` string, `stored` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW container_layers AS SELECT * FROM container_layers_raw WHERE "$path" LIKE '%/container_layers.jsonl.zst';

CREATE EXTERNAL TABLE container_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `directory` string, `filename` string, `symlink_target_path` string, `inode` bigint, `uid` bigint,
  `gid` bigint, `mode` string, `device` bigint, `size` bigint, `atime` bigint, `atime_ns` decimal(38,0), `mtime` bigint,
  `mtime_ns` decimal(38,0), `ctime` bigint, `ctime_ns` decimal(38,0), `btime` bigint, `btime_ns` decimal(38,0), `hard_links` bigint,
  `type` string, `dev` string, `blocks` bigint, `attributes` array<string>, `content_at` string, `sha256` string, `secret` bigint,
  `stored` bigint, `truncated` bigint, `hidden_bytes` bigint, `changed_during_read` bigint, `pieces` string, `layer` string,
  `path_in_container` string, `container_id` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW container_files AS SELECT * FROM container_files_raw WHERE "$path" LIKE '%/container_files.jsonl.zst';

CREATE EXTERNAL TABLE package_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `kind` string, `also` array<string>, `path` string, `directory` string, `filename` string, `symlink_target_path` string,
  `home` string, `username` string, `via` string, `inode` bigint, `uid` bigint, `gid` bigint, `mode` string, `device` bigint, `size` bigint,
  `atime` bigint, `atime_ns` decimal(38,0), `mtime` bigint, `mtime_ns` decimal(38,0), `ctime` bigint, `ctime_ns` decimal(38,0),
  `btime` bigint, `btime_ns` decimal(38,0), `hard_links` bigint, `type` string, `dev` string, `blocks` bigint, `attributes` array<string>,
  `content_at` string, `sha256` string, `secret` bigint, `stored` bigint, `truncated` bigint, `hidden_bytes` bigint,
  `changed_during_read` bigint, `pieces` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW package_files AS SELECT * FROM package_files_raw WHERE "$path" LIKE '%/package_files.jsonl.zst';

CREATE EXTERNAL TABLE apk_packages_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `name` string, `version` string, `arch` string, `description` string, `url` string, `license` string, `origin` string,
  `maintainer` string, `build_time` bigint, `size` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW apk_packages AS SELECT * FROM apk_packages_raw WHERE "$path" LIKE '%/apk_packages.jsonl.zst';

CREATE EXTERNAL TABLE rpm_packages_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `name` string, `version` string, `release` string, `source_` string, `size` bigint, `sha1` string, `arch` string,
  `epoch` bigint, `install_time` bigint, `vendor` string, `package_group` string, `sha256` string, `hnum` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW rpm_packages AS SELECT * FROM rpm_packages_raw WHERE "$path" LIKE '%/rpm_packages.jsonl.zst';

CREATE EXTERNAL TABLE package_verification_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `manager` string, `verified` bigint, `changed` bigint, `missing` bigint, `unread` bigint, `malformed` bigint,
  `without_sums` bigint, `passed_over` bigint, `thorough` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW package_verification AS SELECT * FROM package_verification_raw WHERE "$path" LIKE '%/package_verification.jsonl.zst';

CREATE EXTERNAL TABLE files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `directory` string, `filename` string, `symlink_target_path` string, `inode` bigint, `uid` bigint,
  `gid` bigint, `mode` string, `device` bigint, `size` bigint, `atime` bigint, `atime_ns` decimal(38,0), `mtime` bigint,
  `mtime_ns` decimal(38,0), `ctime` bigint, `ctime_ns` decimal(38,0), `btime` bigint, `btime_ns` decimal(38,0), `hard_links` bigint,
  `type` string, `dev` string, `blocks` bigint, `attributes` array<string>, `bodyfile` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW files AS SELECT * FROM files_raw WHERE "$path" LIKE '%/files.jsonl.zst';

CREATE EXTERNAL TABLE file_systems_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `type` string, `device` string, `root` string, `dev` string, `mount_id` bigint, `walked` bigint,
  `reason` string, `files` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW file_systems AS SELECT * FROM file_systems_raw WHERE "$path" LIKE '%/file_systems.jsonl.zst';

CREATE EXTERNAL TABLE suid_bin_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `uid` bigint, `gid` bigint, `mode` string, `inode` bigint, `dev` string, `permissions` string,
  `username` string, `groupname` string, `packaged` bigint, `user_container` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW suid_bin AS SELECT * FROM suid_bin_raw WHERE "$path" LIKE '%/suid_bin.jsonl.zst';

CREATE EXTERNAL TABLE file_capabilities_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `uid` bigint, `gid` bigint, `mode` string, `inode` bigint, `dev` string, `value` string,
  `permitted` array<string>, `inheritable` array<string>, `effective` bigint, `root_uid` bigint, `username` string, `groupname` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW file_capabilities AS SELECT * FROM file_capabilities_raw WHERE "$path" LIKE '%/file_capabilities.jsonl.zst';

CREATE EXTERNAL TABLE file_flags_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `uid` bigint, `gid` bigint, `mode` string, `inode` bigint, `dev` string, `immutable` bigint,
  `append` bigint, `username` string, `groupname` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW file_flags AS SELECT * FROM file_flags_raw WHERE "$path" LIKE '%/file_flags.jsonl.zst';

CREATE EXTERNAL TABLE unowned_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `uid` bigint, `gid` bigint, `mode` string, `inode` bigint, `dev` string, `no_user` bigint,
  `no_group` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW unowned_files AS SELECT * FROM unowned_files_raw WHERE "$path" LIKE '%/unowned_files.jsonl.zst';

CREATE EXTERNAL TABLE world_writable_executables_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `uid` bigint, `gid` bigint, `mode` string, `inode` bigint, `dev` string, `username` string,
  `groupname` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW world_writable_executables AS SELECT * FROM world_writable_executables_raw WHERE "$path" LIKE '%/world_writable_executables.jsonl.zst';

CREATE EXTERNAL TABLE executable_hashes_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `size` bigint, `inode` bigint, `dev` string, `executable` bigint, `elf` bigint, `sha256` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW executable_hashes AS SELECT * FROM executable_hashes_raw WHERE "$path" LIKE '%/executable_hashes.jsonl.zst';

CREATE EXTERNAL TABLE hidden_files_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `directory` string, `filename` string, `symlink_target_path` string, `inode` bigint, `uid` bigint,
  `gid` bigint, `mode` string, `device` bigint, `size` bigint, `atime` bigint, `atime_ns` decimal(38,0), `mtime` bigint,
  `mtime_ns` decimal(38,0), `ctime` bigint, `ctime_ns` decimal(38,0), `btime` bigint, `btime_ns` decimal(38,0), `hard_links` bigint,
  `type` string, `dev` string, `blocks` bigint, `attributes` array<string>, `generation` bigint, `flags` string, `hidden` bigint,
  `seen_by` array<string>, `missing_from` array<string>, `lookup` string, `hidden_by` string, `covered_by` string, `covered_by_type` string,
  `covered_by_source` string, `sha256` string, `sha256_of_stored` string, `stored` bigint, `head` string, `hidden_bytes` bigint,
  `secret` bigint, `member` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW hidden_files AS SELECT * FROM hidden_files_raw WHERE "$path" LIKE '%/hidden_files.jsonl.zst';

CREATE EXTERNAL TABLE raw_file_systems_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `dev` string, `type` string, `device` string, `root` string, `node` string, `label` string, `uuid` string,
  `compared` bigint, `reason` string, `folders` bigint, `names` bigint, `hidden` bigint, `covered` bigint, `kernel_only` bigint,
  `encrypted_folders` bigint, `unread_folders` bigint, `read_bytes` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW raw_file_systems AS SELECT * FROM raw_file_systems_raw WHERE "$path" LIKE '%/raw_file_systems.jsonl.zst';

CREATE EXTERNAL TABLE processes_end_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `name` string, `parent` bigint, `uid` bigint, `euid` bigint, `gid` bigint, `path` string, `cmdline` string,
  `args` array<string>, `cwd` string, `root` string, `state` string, `start_time` bigint, `start_ns` bigint, `start_ticks` bigint,
  `entity_id` string, `session` bigint, `tty_nr` bigint, `threads` bigint, `on_disk` bigint, `exe_deleted` bigint, `exe_memfd` bigint,
  `exe_dev` string, `exe_inode` bigint, `exe_size` bigint, `exe_nlink` bigint, `is_kthread` bigint, `loginuid` bigint, `sessionid` bigint,
  `tracer_pid` bigint, `cap_eff` string, `seccomp` bigint, `no_new_privs` bigint, `lsm_label` string, `cgroup_path` string, `ns_mnt` bigint,
  `ns_net` bigint, `ns_pid` bigint, `resident_size` bigint, `total_size` bigint, `disk_bytes_read` bigint, `disk_bytes_written` bigint,
  `wchan` string, `self` bigint, `egid` bigint, `suid` bigint, `sgid` bigint, `wired_size` bigint, `user_time` bigint, `system_time` bigint,
  `pgroup` bigint, `nice` bigint, `seccomp_filters` bigint, `cap_prm` string, `cap_inh` string, `cap_bnd` string, `cap_amb` string,
  `oom_score_adj` bigint, `syscall` string, `ns_cgroup` bigint, `ns_ipc` bigint, `ns_time` bigint, `ns_user` bigint, `ns_uts` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW processes_end AS SELECT * FROM processes_end_raw WHERE "$path" LIKE '%/processes_end.jsonl.zst';

CREATE EXTERNAL TABLE sockets_end_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `fd` bigint, `pids` string, `socket` bigint, `family` bigint, `protocol` bigint, `local_address` string,
  `local_port` bigint, `remote_address` string, `remote_port` bigint, `path` string, `state` string, `state_after` string, `uid` bigint,
  `cookie` string, `rqueue` bigint, `wqueue` bigint, `socket_type` bigint, `interface_index` bigint, `bpf_filter_b64` string,
  `peer_inode` bigint, `netns_inode` bigint, `seen_by` array<string>, `net_namespace` string, `timer` bigint, `retrans` bigint,
  `mark` bigint, `port_id` bigint, `groups` string, `class_id` bigint, `cgroup_id` decimal(20,0), `drops` bigint, `fanout` bigint,
  `instances` bigint, `bpf_filter_hex` string, `bpf_filter_length` bigint, `bpf_filter_sha256` string, `file_inode` bigint,
  `file_device` bigint, `protocol_name` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW sockets_end AS SELECT * FROM sockets_end_raw WHERE "$path" LIKE '%/sockets_end.jsonl.zst';

CREATE EXTERNAL TABLE modules_end_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `name` string, `size` bigint, `used_by` string, `status_` string, `address` string, `taint` string, `line` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW modules_end AS SELECT * FROM modules_end_raw WHERE "$path" LIKE '%/modules_end.jsonl.zst';

CREATE EXTERNAL TABLE frame_differences_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `kind` string, `change` string, `pid` bigint, `start_ticks` bigint, `name` string, `columns` array<string>,
  `before` string, `after` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW frame_differences AS SELECT * FROM frame_differences_raw WHERE "$path" LIKE '%/frame_differences.jsonl.zst';

CREATE EXTERNAL TABLE process_event_counts_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `event` string, `processes` bigint, `threads` bigint, `listening_from` string, `listening_until` string,
  `overruns` bigint, `missed` bigint, `beyond` bigint, `odd` bigint, `programs_not_looked_at` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_event_counts AS SELECT * FROM process_event_counts_raw WHERE "$path" LIKE '%/process_event_counts.jsonl.zst';

CREATE EXTERNAL TABLE footprint_raw (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `what` string, `value` bigint, `detail` string, `changed` bigint, `before` string, `after` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/run/';
CREATE OR REPLACE VIEW footprint AS SELECT * FROM footprint_raw WHERE "$path" LIKE '%/footprint.jsonl.zst';
