-- Containers by what they may do on the host: all rights, folders of the host, its processes or its network.
SELECT id, name, runtime, image, pid, state, privileged, binds, cap_add, pid_mode, network_mode FROM containers
ORDER BY coalesce(privileged::VARCHAR, '') = 'true' DESC, coalesce(pid_mode, '') = 'host' DESC, coalesce(network_mode, '') = 'host' DESC, name;
