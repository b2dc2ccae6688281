#!/usr/bin/env node
/**
 * Entry point of the project's npm scripts: prepares what a command needs, then runs it.
 *
 *   node scripts/run.mjs demo|lab|test|integration|e2e|docs [arguments...]
 *
 * Works on a fresh clone, without node_modules: this file and `scripts/run/` use Node.js alone. Every preparation that
 * has something to do prints one line on standard error with its time; where nothing is to be done nothing is printed,
 * so the output of the command stays clean. Exit status: that of the command, 1 when a preparation failed, 2 for wrong
 * usage.
 */
import { buildNative, buildTypeScript } from './run/build.mjs';
import { installDebianPackages } from './run/debian-packages.mjs';
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
    await prepareAll();
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
    await prepareAll();
    return node(vitest(['--project', 'e2e', ...args]));
  },
  docs: async (args) => {
    await installNodePackages();
    await buildTypeScript();
    return node(['dist/src/cli/main.js', 'docs', ...args]);
  },
};

/** Everything that the lab and the tests against real programs need. */
async function prepareAll() {
  requireRoot();
  await installNodePackages();
  await installDebianPackages();
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
