#!/bin/sh
# In-place update: the same as an installation, which replaces each file in one step and keeps what was configured.
set -eu
exec sh "$(dirname "$0")/install.sh"
