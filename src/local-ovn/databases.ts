/**
 * The files of the node's own databases: made from the installed schema, and brought to a newer one before a server
 * opens them. Fails with a sentence that quotes ovsdb-tool(1).
 */
import type { LocalOvnHost } from './host.ts';
import type { DatabaseSpec } from './processes.ts';

/** Where distributions have OVN's schemas. */
export const SCHEMA_DIRECTORIES = [
  '/usr/share/ovn',
  '/usr/local/share/ovn',
  '/usr/share/openvswitch',
] as const;

export async function findSchema(host: LocalOvnHost, name: string): Promise<string | undefined> {
  for (const directory of SCHEMA_DIRECTORIES) {
    if (await host.exists(`${directory}/${name}`)) return `${directory}/${name}`;
  }
  return undefined;
}

/** Returns what was done, for people; `undefined` when the file was right already. */
export async function prepareDatabase(
  host: LocalOvnHost,
  database: DatabaseSpec,
): Promise<string | undefined> {
  const schema = await findSchema(host, database.schemaFile);
  if (schema === undefined) throw new Error(`no schema ${database.schemaFile} in ${SCHEMA_DIRECTORIES[0]}`);
  if (!(await host.exists(database.file))) {
    await tool(host, ['create', database.file, schema]);
    return `made ${database.file}`;
  }
  const needed = await tool(host, ['needs-conversion', database.file, schema]);
  if (needed.trim() !== 'yes') return undefined;
  await tool(host, ['convert', database.file, schema]);
  return `converted ${database.file} to the schema of the installed OVN`;
}

async function tool(host: LocalOvnHost, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await host.run(['ovsdb-tool', ...args]);
  if (code !== 0)
    throw new Error(`ovsdb-tool ${args.join(' ')} failed: ${stderr.trim() || `exit status ${code}`}`);
  return stdout;
}
