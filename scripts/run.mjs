#!/usr/bin/env node
/**
 * Entry point of the project's npm scripts: prepares what a command needs, then runs it.
 *
 *   node scripts/run.mjs demo|lab|test|integration|e2e|fuzz|mutations|docs [arguments...]
 *
 * `e2e` and `test` can run in a guest of another kernel: `e2e --kernel uml [--suite SUITE]`, `test --with uml`.
 *
 * Works on a fresh clone, without node_modules: this file and `scripts/run/` use Node.js alone. Every preparation that
 * has something to do prints one line on standard error with its time; where nothing is to be done nothing is printed,
 * so the output of the command stays clean. Exit status: that of the command, 1 when a preparation failed, 2 for wrong
 * usage.
 */
import { buildNative, buildTypeScript } from './run/build.mjs';
import { GUEST_TOOLS, installDebianPackages } from './run/debian-packages.mjs';
import { fuzz, fuzzOptions } from './run/fuzz.mjs';
import { guestFlags, inGuest, testSettings } from './run/guest.mjs';
import { requireNode, requireRoot } from './run/machine.mjs';
import { installNodePackages } from './run/node-packages.mjs';
import { Failure, node, vitest } from './run/process.mjs';
import { isolated, testSuite } from './run/test-suite.mjs';

const COMMANDS = {
  demo: async (args) => {
    await prepareAll();
    return node(['dist/lab/demo-main.js', ...args]);
  },
  lab: async (args) => {
    await prepareAll(args.includes('uml') || args.includes('guest'));
    return node(['dist/lab/main.js', ...args]);
  },
  test: async (args) => {
    await installNodePackages();
    return testSuite(args, prepareAll);
  },
  integration: async (args) => {
    await prepareAll();
    return isolated(vitest(['--project', 'integration', ...args]));
  },
  e2e: async (args) => {
    const { guest, rest } = guestFlags(args);
    await prepareAll(guest !== undefined);
    const tests = vitest(['--project', 'e2e', ...rest]);
    return node(guest === undefined ? tests : inGuest(guest, tests, { environment: testSettings() }));
  },
  fuzz: async (args) => {
    const options = fuzzOptions(args);
    await prepareAll(options.suite !== undefined);
    return fuzz(options);
  },
  mutations: async (args) => {
    await prepareAll();
    return isolated(vitest(['--project', 'mutations', ...args]));
  },
  docs: async (args) => {
    await installNodePackages();
    await buildTypeScript();
    return node(['dist/src/cli/main.js', 'docs', ...args]);
  },
};

/** Everything that the lab and the tests against real programs need; with what guests are made with, where wanted. */
async function prepareAll(guests = false) {
  requireRoot();
  await installNodePackages();
  await installDebianPackages(guests ? GUEST_TOOLS : []);
  await buildNative();
  await buildTypeScript();
}

async function main([name, ...args]) {
  const command = Object.hasOwn(COMMANDS, name ?? '') ? COMMANDS[name] : undefined;
  if (command === undefined) {
    process.stderr.write(`usage: node scripts/run.mjs ${Object.keys(COMMANDS).join('|')} [arguments...]\n`);
    return 2;
  }
  requireNode();
  // npm hands on the separator only when it is given twice; both ways mean the same.
  return command(args[0] === '--' ? args.slice(1) : args);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
