//! Where programs write down what their users did.

use crate::source::file_set::{Form, Group};

/// What `histories` keeps. Of the kinds `bash`, `zsh` and `fish` and of `lines`, each line or entry is a command.
pub(super) const GROUPS: &[Group<'_>] = &[
    Group {
        kind: "bash",
        form: Form::Text,
        patterns: &[
            "~/.bash_history",
            "~/.bash_history?*",
            "~/.bash_eternal_history",
            "~/.sh_history",
            "~/.ash_history",
            "~/.ksh_history",
            "~/.mksh_history",
            "~/.csh_history",
            "~/.history",
            "~/.histfile",
        ],
    },
    Group { kind: "zsh", form: Form::Text, patterns: &["~/.zsh_history", "~/.zhistory", "~/.zsh_history?*"] },
    Group { kind: "fish", form: Form::Text, patterns: &["~/.local/share/fish/*_history", "~/.config/fish/*_history"] },
    Group {
        kind: "lines",
        form: Form::Text,
        patterns: &[
            "~/.python_history",
            "~/.mysql_history",
            "~/.mariadb_history",
            "~/.psql_history",
            "~/.sqlite_history",
            "~/.rediscli_history",
            "~/.dbshell",
            "~/.node_repl_history",
            "~/.irb_history",
            "~/.gdb_history",
            "~/.php_history",
        ],
    },
    Group {
        kind: "other",
        form: Form::Text,
        patterns: &[
            "~/.lesshst",
            "~/.local/state/lesshst",
            "~/.viminfo",
            "~/.wget-hsts",
            "~/.nano/*_history",
            "~/.local/share/nano/*_history",
            "~/.local/share/mc/history",
            "~/.local/share/recently-used.xbel",
            "~/.local/share/lftp/*",
            "~/.lftp/*",
            "~/.gitconfig",
            "~/.config/git/config",
            "~/.subversion/auth/**",
            "~/.mongodb/*history*",
            "~/.mongorc.js",
        ],
    },
    // Databases and packed formats.
    Group {
        kind: "database",
        form: Form::Withheld,
        patterns: &[
            "~/.ipython/profile_*/history.sqlite*",
            "~/.local/share/nvim/shada/*",
            "~/.local/state/nvim/shada/*",
            "~/.local/share/atuin/history.db*",
            "~/.aws/cli/history/*",
        ],
    },
];
