#!/bin/bash
# What ovsdb-server 3.1 does with a set that needs at least one element ("min": 1, "max" above 1; in OVN
# Logical_Router_Port.networks is one) and holds just the default of its type:
#
# A transaction that sets it to "a" is recorded as a difference and read back as the value itself. A standalone server
# shows "a" and, after a restart, "" and "a"; a cluster of one shows "" and "a" at once. 3.5.0 and 4.0.0 show "a".
#
# For a program that reads database files: the record means "a", whatever a server of that release makes of it.
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
{"name": "T", "version": "1.0.0", "tables": {"A": {"isRoot": true, "columns": {
  "s": {"type": {"key": "string", "min": 1, "max": 3}}}}}}
END

start() {
  ovsdb-server db --remote="punix:$work/sock" --unixctl="$work/ctl" -vconsole:off --no-chdir &
  server=$!
  for _ in $(seq 200); do transact '{"op": "comment", "comment": "there?"}' >/dev/null 2>&1 && return; sleep 0.05; done
  echo 'ovsdb-server does not answer' >&2
  exit 2
}
stop() { kill "$server"; wait "$server" || true; server=; }
transact() { ovsdb-client transact "unix:$work/sock" "[\"T\", $1]"; }
look() { transact '{"op": "select", "table": "A", "where": [], "columns": ["s"]}'; }
trial() {
  start
  transact '{"op": "insert", "table": "A", "row": {}}' >/dev/null
  transact '{"op": "update", "table": "A", "where": [], "row": {"s": "a"}}' >/dev/null
  running=$(look)
  stop
}

ovsdb-tool create db schema
trial
start
restarted=$(look)
stop
echo "standalone, running:   $running"
echo "standalone, restarted: $restarted"
standalone="$running $restarted"
rm -f db
ovsdb-tool create-cluster db schema "unix:$work/raft" 2>/dev/null
trial
echo "cluster, running:      $running"
# Seen:
#   standalone, running:   [{"rows":[{"s":"a"}]}]
#   standalone, restarted: [{"rows":[{"s":["set",["","a"]]}]}]
#   cluster, running:      [{"rows":[{"s":["set",["","a"]]}]}]
[ "$standalone" = '[{"rows":[{"s":"a"}]}] [{"rows":[{"s":["set",["","a"]]}]}]' ]
[ "$running" = '[{"rows":[{"s":["set",["","a"]]}]}]' ]
