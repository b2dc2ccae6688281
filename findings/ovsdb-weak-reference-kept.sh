#!/bin/bash
# What ovsdb-server does that a reader of RFC 7047 would not guess (3.2: a weak reference goes with the row it names):
#
# A standalone server keeps a weak reference to a deleted row when the transaction that deletes the row has changed the
# referring row first, in another column. It shows that reference for as long as it runs; after a restart, from the same
# file, it is gone. With the operations in the other order it goes at once. Seen with 3.1.0, 3.5.0 and 4.0.0.
#
# For a program that reads database files: what it finds is what the restarted server has. For one that follows a
# server: a UUID in a weak column may name no row.
#
# Debian 12 (amd64); takes openvswitch-common and openvswitch-switch 3.1.0-2+deb12u1 into a temporary folder and runs
# nothing else. Exit status 0: still so; 1: no longer.
set -euo pipefail
VERSION=3.1.0-2+deb12u1
work=$(mktemp -d)
server=
cleanup() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"; }
trap cleanup EXIT
cd "$work"
apt-get download -qq "openvswitch-common=$VERSION" "openvswitch-switch=$VERSION" 2>/dev/null
for package in ./*.deb; do dpkg -x "$package" root; done
PATH=$work/root/usr/sbin:$work/root/usr/bin:$PATH
ovsdb-server --version | head -1

cat >schema <<'END'
{"name": "T", "version": "1.0.0", "tables": {
  "A": {"isRoot": true, "columns": {
    "note": {"type": "string"},
    "w": {"type": {"key": {"type": "uuid", "refTable": "B", "refType": "weak"}, "min": 0, "max": "unlimited"}}}},
  "B": {"isRoot": true, "columns": {"name": {"type": "string"}}}}}
END

start() {
  ovsdb-server db --remote="punix:$work/sock" --unixctl="$work/ctl" -vconsole:off --no-chdir &
  server=$!
  for _ in $(seq 200); do ovsdb-client list-dbs "unix:$work/sock" >/dev/null 2>&1 && return; sleep 0.05; done
  echo 'ovsdb-server does not answer' >&2
  exit 2
}
stop() { kill "$server"; wait "$server" || true; server=; }
transact() { ovsdb-client transact "unix:$work/sock" "[\"T\", $1]"; }
# How many references the row has, and how many rows there are to refer to.
look() {
  local references rows
  references=$(transact '{"op": "select", "table": "A", "where": [], "columns": ["w"]}' | grep -o '"uuid"' | wc -l)
  rows=$(transact '{"op": "select", "table": "B", "where": [], "columns": ["name"]}' | grep -o '"name"' | wc -l)
  echo "$references references, $rows row"
}
CHANGE='{"op": "update", "table": "A", "where": [], "row": {"note": "changed"}}'
DELETE='{"op": "delete", "table": "B", "where": [["name", "==", "b1"]]}'
trial() {
  rm -f db
  ovsdb-tool create db schema
  start
  transact '{"op": "insert", "table": "B", "row": {"name": "b1"}, "uuid-name": "b1"},
            {"op": "insert", "table": "B", "row": {"name": "b2"}, "uuid-name": "b2"},
            {"op": "insert", "table": "A", "row": {"w": ["set", [["named-uuid", "b1"], ["named-uuid", "b2"]]]}}' >/dev/null
  transact "$1" >/dev/null
  running=$(look)
  stop
  start
  restarted=$(look)
  stop
}

trial "$CHANGE, $DELETE"
first="running: $running; restarted: $restarted"
trial "$DELETE, $CHANGE"
second="running: $running; restarted: $restarted"
echo "change, then delete: $first"
echo "delete, then change: $second"
# Seen:
#   change, then delete: running: 2 references, 1 row; restarted: 1 references, 1 row
#   delete, then change: running: 1 references, 1 row; restarted: 1 references, 1 row
[ "$first" = 'running: 2 references, 1 row; restarted: 1 references, 1 row' ]
[ "$second" = 'running: 1 references, 1 row; restarted: 1 references, 1 row' ]
