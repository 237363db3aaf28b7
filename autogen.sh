#!/bin/sh
# Makes ./configure from configure.ac; needed once in a fresh clone and after configure.ac changed.
set -e
cd "$(dirname "$0")"
exec autoreconf --force --install --warnings=all,no-obsolete "$@"
