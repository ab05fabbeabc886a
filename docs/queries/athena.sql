-- Tables of a run for Athena (engine 3), with types: put the place of the run for s3://BUCKET/RUN.
-- A folder has several tables, so that each view takes the files of its own name.

CREATE EXTERNAL TABLE processes_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `name` string, `parent` bigint, `uid` bigint, `euid` bigint, `gid` bigint, `path` string,
  `cmdline` string, `args` array<string>, `cwd` string, `root` string, `state` string, `start_time` bigint, `start_ns` bigint,
  `start_ticks` bigint, `entity_id` string, `session` bigint, `tty_nr` bigint, `threads` bigint, `on_disk` bigint, `exe_deleted` bigint,
  `exe_memfd` bigint, `exe_dev` string, `exe_inode` bigint, `exe_size` bigint, `exe_nlink` bigint, `is_kthread` bigint, `loginuid` bigint,
  `sessionid` bigint, `tracer_pid` bigint, `cap_eff` string, `seccomp` bigint, `no_new_privs` bigint, `lsm_label` string,
  `cgroup_path` string, `ns_mnt` bigint, `ns_net` bigint, `ns_pid` bigint, `resident_size` bigint, `total_size` bigint,
  `disk_bytes_read` bigint, `disk_bytes_written` bigint, `wchan` string, `self` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW processes AS SELECT * FROM processes_files WHERE "$path" LIKE '%/processes.jsonl.zst';

CREATE EXTERNAL TABLE process_open_files_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `fd` bigint, `path` string, `type` string, `dev` string, `inode` bigint, `deleted` bigint, `memfd` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_open_files AS SELECT * FROM process_open_files_files WHERE "$path" LIKE '%/process_open_files.jsonl.zst';

CREATE EXTERNAL TABLE process_open_sockets_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `fd` bigint, `pids` string, `socket` bigint, `family` bigint, `protocol` bigint, `local_address` string,
  `local_port` bigint, `remote_address` string, `remote_port` bigint, `path` string, `state` string, `state_after` string, `uid` bigint,
  `cookie` string, `rqueue` bigint, `wqueue` bigint, `socket_type` bigint, `interface_index` bigint, `bpf_filter_b64` string,
  `peer_inode` bigint, `netns_inode` bigint, `seen_by` array<string>
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_open_sockets AS SELECT * FROM process_open_sockets_files WHERE "$path" LIKE '%/process_open_sockets.jsonl.zst';

CREATE EXTERNAL TABLE process_executables_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `path` string, `size` bigint, `dev` string, `inode` bigint, `deleted` bigint, `sha256` string,
  `path_sha256` string, `matches` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_executables AS SELECT * FROM process_executables_files WHERE "$path" LIKE '%/process_executables.jsonl.zst';

CREATE EXTERNAL TABLE process_envs_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `key` string, `value` string, `ordinal` bigint, `redacted` bigint, `value_length` bigint,
  `value_sha256` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_envs AS SELECT * FROM process_envs_files WHERE "$path" LIKE '%/process_envs.jsonl.zst';

CREATE EXTERNAL TABLE process_namespaces_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `cgroup_namespace` string, `ipc_namespace` string, `mnt_namespace` string, `net_namespace` string,
  `pid_namespace` string, `user_namespace` string, `uts_namespace` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_namespaces AS SELECT * FROM process_namespaces_files WHERE "$path" LIKE '%/process_namespaces.jsonl.zst';

CREATE EXTERNAL TABLE hidden_processes_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `pid` bigint, `name` string, `path` string, `cmdline` string, `start_ticks` bigint, `seen_by` array<string>,
  `missing_from` array<string>, `reason` string, `hidden` bigint, `mount_point` string, `mount_root` string, `mount_type` string,
  `mount_source` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW hidden_processes AS SELECT * FROM hidden_processes_files WHERE "$path" LIKE '%/hidden_processes.jsonl.zst';

CREATE EXTERNAL TABLE network_namespaces_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `netns_inode` bigint, `pid` bigint, `processes` bigint, `mount_points` array<string>, `is_host` bigint,
  `entered` string, `text_only` bigint, `diag_only` bigint, `anomalies` array<string>
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW network_namespaces AS SELECT * FROM network_namespaces_files WHERE "$path" LIKE '%/network_namespaces.jsonl.zst';

CREATE EXTERNAL TABLE deleted_files_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `target` string, `pids` string, `size` bigint, `sha256` string, `deleted` bigint, `dev` string,
  `inode` bigint, `mtime` bigint, `member` string, `stored` bigint, `self` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW deleted_files AS SELECT * FROM deleted_files_files WHERE "$path" LIKE '%/deleted_files.jsonl.zst';

CREATE EXTERNAL TABLE memfd_files_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `name` string, `path` string, `pids` string, `size` bigint, `sha256` string, `memory` string, `dev` string,
  `inode` bigint, `member` string, `stored` bigint, `self` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW memfd_files AS SELECT * FROM memfd_files_files WHERE "$path" LIKE '%/memfd_files.jsonl.zst';

CREATE EXTERNAL TABLE kernel_modules_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `name` string, `size` bigint, `used_by` string, `references` bigint, `state` string, `address` string,
  `taint_letters` string, `srcversion` string, `seen_by` array<string>, `missing_from` array<string>, `contradiction` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW kernel_modules AS SELECT * FROM kernel_modules_files WHERE "$path" LIKE '%/kernel_modules.jsonl.zst';

CREATE EXTERNAL TABLE mounts_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `mnt_namespace` string, `processes` bigint, `over_process` bigint, `mount_id` bigint, `parent_id` bigint,
  `device` string, `path` string, `root` string, `type` string, `flags` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW mounts AS SELECT * FROM mounts_files WHERE "$path" LIKE '%/mounts.jsonl.zst';

CREATE EXTERNAL TABLE persistence_files_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `kind` string, `path` string, `directory` string, `filename` string, `username` string, `via` string, `type` string,
  `size` bigint, `uid` bigint, `gid` bigint, `mode` string, `inode` bigint, `dev` string, `atime` bigint, `mtime` bigint, `ctime` bigint,
  `btime` bigint, `mtime_ns` bigint, `ctime_ns` bigint, `sha256` string, `stored` bigint, `truncated` bigint, `attributes` array<string>
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW persistence_files AS SELECT * FROM persistence_files_files WHERE "$path" LIKE '%/persistence_files.jsonl.zst';

CREATE EXTERNAL TABLE log_files_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `kind` string, `path` string, `size` bigint, `uid` bigint, `gid` bigint, `mode` string, `inode` bigint, `mtime` bigint,
  `ctime` bigint, `sha256` string, `stored` bigint, `truncated` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW log_files AS SELECT * FROM log_files_files WHERE "$path" LIKE '%/log_files.jsonl.zst';

CREATE EXTERNAL TABLE crontab_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `path` string, `line` bigint, `username` string, `event` string, `minute` string, `hour` string, `day_of_month` string,
  `month` string, `day_of_week` string, `command` string, `variable` string, `value` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW crontab AS SELECT * FROM crontab_files WHERE "$path" LIKE '%/crontab.jsonl.zst';

CREATE EXTERNAL TABLE systemd_settings_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `fragment_path` string, `id` string, `section` string, `name` string, `value` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW systemd_settings AS SELECT * FROM systemd_settings_files WHERE "$path" LIKE '%/systemd_settings.jsonl.zst';

CREATE EXTERNAL TABLE authorized_keys_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `uid` bigint, `username` string, `algorithm` string, `key` string, `comment` string, `options` string,
  `key_file` string, `fingerprint` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW authorized_keys AS SELECT * FROM authorized_keys_files WHERE "$path" LIKE '%/authorized_keys.jsonl.zst';

CREATE EXTERNAL TABLE preload_libraries_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `library` string, `path` string, `exists` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW preload_libraries AS SELECT * FROM preload_libraries_files WHERE "$path" LIKE '%/preload_libraries.jsonl.zst';

CREATE EXTERNAL TABLE deb_packages_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `name` string, `version` string, `source_` string, `arch` string, `status_` string, `maintainer` string,
  `section` string, `priority` string, `size` bigint, `revision` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW deb_packages AS SELECT * FROM deb_packages_files WHERE "$path" LIKE '%/deb_packages.jsonl.zst';

CREATE EXTERNAL TABLE changed_package_files_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `package` string, `path` string, `state` string, `expected_md5` string, `md5` string, `sha256` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW changed_package_files AS SELECT * FROM changed_package_files_files WHERE "$path" LIKE '%/changed_package_files.jsonl.zst';

CREATE EXTERNAL TABLE users_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `uid` bigint, `gid` bigint, `username` string, `description` string, `directory` string, `shell` string,
  `password` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/session/';
CREATE OR REPLACE VIEW users AS SELECT * FROM users_files WHERE "$path" LIKE '%/users.jsonl.zst';

CREATE EXTERNAL TABLE logged_in_users_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `type` string, `user` string, `tty` string, `host` string, `time` bigint, `pid` bigint, `address` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/session/';
CREATE OR REPLACE VIEW logged_in_users AS SELECT * FROM logged_in_users_files WHERE "$path" LIKE '%/logged_in_users.jsonl.zst';

CREATE EXTERNAL TABLE last_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `username` string, `tty` string, `pid` bigint, `type` bigint, `type_name` string, `time` bigint, `time_ns` bigint,
  `host` string, `address` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/session/';
CREATE OR REPLACE VIEW last AS SELECT * FROM last_files WHERE "$path" LIKE '%/last.jsonl.zst';

CREATE EXTERNAL TABLE failed_logins_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `username` string, `tty` string, `pid` bigint, `type` bigint, `type_name` string, `time` bigint, `time_ns` bigint,
  `host` string, `address` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/session/';
CREATE OR REPLACE VIEW failed_logins AS SELECT * FROM failed_logins_files WHERE "$path" LIKE '%/failed_logins.jsonl.zst';

CREATE EXTERNAL TABLE shell_history_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `uid` bigint, `username` string, `time` bigint, `command` string, `history_file` string, `ordinal` bigint, `kind` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/session/';
CREATE OR REPLACE VIEW shell_history AS SELECT * FROM shell_history_files WHERE "$path" LIKE '%/shell_history.jsonl.zst';

CREATE EXTERNAL TABLE findings_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `finding` string, `about` string, `pid` bigint, `name` string, `path` string, `netns_inode` bigint, `records` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/run/';
CREATE OR REPLACE VIEW findings AS SELECT * FROM findings_files WHERE "$path" LIKE '%/findings.jsonl.zst';

CREATE EXTERNAL TABLE finding_kinds_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `finding` string, `about` string, `table` string, `collected` string, `rows_seen` bigint, `found` bigint, `beyond` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/run/';
CREATE OR REPLACE VIEW finding_kinds AS SELECT * FROM finding_kinds_files WHERE "$path" LIKE '%/finding_kinds.jsonl.zst';

CREATE EXTERNAL TABLE process_events_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `event` string, `pid` bigint, `tid` bigint, `parent` bigint, `uid` bigint, `euid` bigint, `tracer` bigint,
  `name` string, `path` string, `cmdline` string, `exit_code` bigint, `exit_signal` bigint, `monotonic_ns` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/process/';
CREATE OR REPLACE VIEW process_events AS SELECT * FROM process_events_files WHERE "$path" LIKE '%/process_events.jsonl.zst';

CREATE EXTERNAL TABLE bpf_programs_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `id` bigint, `type` string, `name` string, `tag` string, `symbol` string, `uid` bigint, `load_ns` bigint,
  `map_ids` array<bigint>, `helpers` array<string>, `owners` string, `pins` array<string>, `seen_by` array<string>,
  `contradiction` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW bpf_programs AS SELECT * FROM bpf_programs_files WHERE "$path" LIKE '%/bpf_programs.jsonl.zst';

CREATE EXTERNAL TABLE bpf_links_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `id` bigint, `type` string, `program_id` bigint, `target` string, `attach_type` bigint, `cgroup_id` bigint,
  `netns_inode` bigint, `ifindex` bigint
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/kernel/';
CREATE OR REPLACE VIEW bpf_links AS SELECT * FROM bpf_links_files WHERE "$path" LIKE '%/bpf_links.jsonl.zst';

CREATE EXTERNAL TABLE containers_files (
  `artefact` string, `seq` bigint, `collected_at` string, `mono_ns` bigint, `host_id` string, `source` string, `status` string,
  `errors` string, `id` string, `name` string, `runtime` string, `image` string, `pid` bigint, `state` string, `privileged` string,
  `binds` string, `mounts` string, `cap_add` string, `pid_mode` string, `network_mode` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/RUN/data/file/';
CREATE OR REPLACE VIEW containers AS SELECT * FROM containers_files WHERE "$path" LIKE '%/containers.jsonl.zst';
