#!/usr/bin/env node
/**
 * Compiles the native addon of the netlink library to build/native/ovn_bgp_agent_native.node.
 *
 * In: src/netlink/native/addon.c, a C compiler (`CC`, else `cc`; `CFLAGS` is appended) and the Node-API headers of the
 * dependency `node-api-headers` (else those installed beside node). Needs no network and no node-gyp.
 * Does nothing when neither source, headers nor command have changed since the last build. On failure it prints one
 * line that says what to do (after the compiler's own output, if any) and exits with 1.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const source = path.join(root, 'src/netlink/native/addon.c');
const target = path.join(root, 'build/native/ovn_bgp_agent_native.node');
const stampFile = `${target}.sha256`;

const compiler = process.env.CC || 'cc';
const headers = findHeaders();
const flags = [
  '-std=c11',
  '-O2',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-fPIC',
  '-shared',
  '-pthread',
  '-fvisibility=hidden',
  '-DNAPI_VERSION=8',
  '-DNODE_GYP_MODULE_NAME=ovn_bgp_agent_native',
  `-I${headers}`,
  ...(process.env.CFLAGS ?? '').split(/\s+/).filter((flag) => flag !== ''),
];

const stamp = createHash('sha256')
  .update(readFileSync(source))
  .update(readFileSync(path.join(headers, 'node_api.h')))
  .update(readFileSync(path.join(headers, 'js_native_api.h')))
  .update(JSON.stringify([compiler, flags, process.arch]))
  .digest('hex');

if (existsSync(target) && existsSync(stampFile) && readFileSync(stampFile, 'utf8').trim() === stamp) {
  process.exit(0);
}

mkdirSync(path.dirname(target), { recursive: true });
// A new file under a new name, then a rename: a running process keeps the file that it has mapped.
const fresh = `${target}.${process.pid}`;
const result = spawnSync(compiler, [...flags, '-o', fresh, source], { stdio: 'inherit' });
if (result.error?.code === 'ENOENT') {
  fail(`C compiler "${compiler}" not found: install one (Debian: apt-get install gcc libc6-dev), or set CC`);
}
if (result.error) fail(`cannot run C compiler "${compiler}": ${result.error.message}`);
if (result.status !== 0) {
  rmSync(fresh, { force: true });
  fail(
    `"${compiler}" failed (${result.signal ?? `exit ${result.status}`}), see above; ` +
      'missing system headers come with libc6-dev and linux-libc-dev (Debian)',
  );
}
renameSync(fresh, target);
writeFileSync(stampFile, `${stamp}\n`);
console.log(`build-native: built ${path.relative(root, target)}`);

function findHeaders() {
  const candidates = [path.join(path.dirname(path.dirname(process.execPath)), 'include/node')];
  try {
    candidates.unshift(createRequire(import.meta.url)('node-api-headers').include_dir);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
  }
  const found = candidates.find((directory) => existsSync(path.join(directory, 'node_api.h')));
  return found ?? fail('no Node-API headers found: run "npm ci" (they are a dependency)');
}

function fail(reason) {
  console.error(`build-native: ${reason}`);
  process.exit(1);
}
