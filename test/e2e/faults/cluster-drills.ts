/**
 * Drills on a clustered Northbound database: the leader dies, the majority is lost, all come back.
 *
 * The lab's own database is a single server; here the node's agent reads a cluster of three that started as its copy. No
 * northd serves it, so ports are written as bound.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FLAT_NETWORK } from '../../../lab/content.ts';
import { CENTRAL_ADDRESS } from '../../../lab/layout.ts';
import {
  deletePortOperations,
  type OvsdbOperation,
  type PortSpec,
  portOperations,
} from '../../../lab/neutron-rows.ts';
import { type Seen, until } from '../../../lab/until.ts';
import { portSpec } from '../fixture.ts';
import { expectRecovery, type Stage, SUBJECT } from './stage.ts';

const GROUP = 'A clustered Northbound database';
const MEMBERS = [1, 2, 3] as const;
type Member = (typeof MEMBERS)[number];
const DIRECTORY = '/var/lib/ovn/cluster';
const MAJORITY_LOST_MS = 10_000;

export function clusterDrills(stage: () => Stage): void {
  let guest: PortSpec;

  beforeAll(async () => {
    guest = portSpec('guest', FLAT_NETWORK, SUBJECT, 90);
    const raft = (member: Member): string => `tcp:${CENTRAL_ADDRESS}:665${member}`;
    await stage().central.script(`mkdir -p ${DIRECTORY}
cp /var/lib/ovn/ovnnb_db.db ${DIRECTORY}/standalone
ovsdb-tool create-cluster ${DIRECTORY}/1.db ${DIRECTORY}/standalone ${raft(1)}
ovsdb-tool join-cluster ${DIRECTORY}/2.db OVN_Northbound ${raft(2)} ${raft(1)}
ovsdb-tool join-cluster ${DIRECTORY}/3.db OVN_Northbound ${raft(3)} ${raft(1)}`);
    for (const member of MEMBERS) await startMember(member);
    await awaitLeader(MEMBERS);
    const remotes = MEMBERS.map((member) => `tcp:${CENTRAL_ADDRESS}:666${member}`).join(',');
    await stage().restartAgent('nb', { ovn: { ovn_nb_connection: remotes } });
  });

  afterAll(async () => {
    await stage().restartAgent('nb');
    for (const member of MEMBERS) await killMember(member);
  });

  it('the leader is killed', async () => {
    await expectRecovery(
      stage(),
      GROUP,
      {
        name: 'leader killed',
        done: 'then a port is added through the new leader; counted from the kill, the election included',
        cause: 'none of it may be ours',
      },
      async () => {
        const sinceMs = Date.now();
        const leader = await awaitLeader(MEMBERS);
        await killMember(leader);
        const rest = MEMBERS.filter((member) => member !== leader);
        await transact(await awaitLeader(rest), boundPort(guest));
        stage().expect(guest.addresses, SUBJECT);
        await stage().awaitAnnounced();
        const repairedMs = Date.now() - sinceMs;
        await startMember(leader);
        return { repairedMs };
      },
    );
  });

  it('the majority is lost and comes back', async () => {
    await expectRecovery(
      stage(),
      GROUP,
      {
        name: `two of three members killed, back after ${MAJORITY_LOST_MS / 1000} s`,
        done: '',
        cause: 'none of it may be ours',
      },
      async () => {
        const leader = await awaitLeader(MEMBERS);
        const lost = [leader, ...MEMBERS.filter((member) => member !== leader).slice(0, 1)];
        for (const member of lost) await killMember(member);
        await new Promise((resolve) => setTimeout(resolve, MAJORITY_LOST_MS));
        for (const leaf of ['leaf1', 'leaf2'] as const) {
          expect(await stage().announced(leaf)).toEqual(stage().expectedLines());
        }
        for (const member of lost) await startMember(member);
        const sinceMs = Date.now();
        stage().takeAway(guest.addresses);
        stage().expect(guest.addresses, undefined);
        const next = await awaitLeader(MEMBERS);
        const electedMs = Date.now() - sinceMs;
        const where = [['name', '==', guest.id]];
        const [found] = await transact(next, [
          { op: 'select', table: 'Logical_Switch_Port', where, columns: ['_uuid'] },
        ]);
        const [row] = (found?.rows ?? []) as readonly { readonly _uuid: readonly [string, string] }[];
        await transact(next, deletePortOperations(FLAT_NETWORK, row?._uuid[1] ?? ''));
        await stage().awaitAnnounced();
        return {
          repairedMs: Date.now() - sinceMs,
          done: `nothing is withdrawn meanwhile; then a port is removed; counted from the start of the members until it is withdrawn, of which the election took ${(electedMs / 1000).toFixed(1)} s`,
        };
      },
    );
  });

  async function startMember(member: Member): Promise<void> {
    const path = `${DIRECTORY}/${member}`;
    await stage().central.script(`ovsdb-server ${path}.db --remote=ptcp:666${member}:0.0.0.0 --remote=punix:${path}.sock \\
  --unixctl=${path}.ctl --pidfile=${path}.pid --detach --no-chdir --log-file=/var/log/ovn/cluster-${member}.log \\
  -vconsole:off >/dev/null 2>&1`);
  }

  async function killMember(member: Member): Promise<void> {
    const path = `${DIRECTORY}/${member}`;
    await stage().central.script(`pid=$(cat ${path}.pid); kill -9 $pid; while kill -0 $pid 2>/dev/null; do sleep 0.01; done
rm -f ${path}.db.~lock~`);
  }

  async function awaitLeader(members: readonly Member[]): Promise<Member> {
    const probe = async (): Promise<Seen<Member>> => {
      const seen: string[] = [];
      for (const member of members) {
        const argv = ['ovs-appctl', '-t', `${DIRECTORY}/${member}.ctl`, 'cluster/status', 'OVN_Northbound'];
        const { stdout } = await stage().central.exec(argv, { check: false });
        if (/^Role: leader$/m.test(stdout)) return { value: member };
        seen.push(`${member}: ${/^Role: .*$/m.exec(stdout)?.[0] ?? 'no answer'}`);
      }
      return { seen: seen.join(', ') };
    };
    return (await until('a leader of the cluster', probe)).value;
  }

  async function transact(
    member: Member,
    operations: readonly OvsdbOperation[],
  ): Promise<readonly OvsdbOperation[]> {
    const request = JSON.stringify(['OVN_Northbound', ...operations]);
    const server = `unix:${DIRECTORY}/${member}.sock`;
    const { stdout } = await stage().central.exec(['ovsdb-client', 'transact', server, request]);
    expect(stdout).not.toContain('"error"');
    return JSON.parse(stdout) as readonly OvsdbOperation[];
  }
}

/** As northd would have completed it once a chassis claims the port. */
function boundPort(port: PortSpec): readonly OvsdbOperation[] {
  return portOperations(port).map((operation) =>
    operation.op === 'insert' ? { ...operation, row: { ...(operation.row as object), up: true } } : operation,
  );
}
