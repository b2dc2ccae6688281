/**
 * Load balancers, on the node where a gateway port of their router is active: the VIP on a provider network, the VIP
 * inside a tenant subnet, the VIP's floating IP, the floating IPs of port forwarding, and whatever a load balancer
 * that was made in OVN listens on.
 *
 * In: a load balancer of the topology and this node's policy. Out: an exposure for each of its addresses, of which there
 * may be many; a row with more than anybody means costs its surplus. Address scopes filter none of them.
 */
import {
  contains,
  hostPrefix,
  type IpAddress,
  type MacAddress,
  parseIp,
  parseMac,
  parsePrefix,
} from '../base/address.ts';
import { quote } from '../base/quote.ts';
import { describeRow } from '../ovn/describe.ts';
import type {
  GatewayPort,
  LoadBalancer,
  LoadBalancerVip,
  Network,
  Subnet,
  VipPort,
} from '../ovn/topology.ts';
import { announceableText, isAnnounceable } from './announceable.ts';
import { around, coveredClaim, reachedNetwork } from './covered.ts';
import { tagOf, unselected } from './marks.ts';
import { neededRefusal } from './needed.ts';
import { isOnProviderNetwork, networkOf } from './provider-network.ts';
import { proxiedFor } from './proxied.ts';
import { gatewayValues, type ServingGateway, servingGateways } from './serving-gateway.ts';
import { tenantRefusal } from './tenant-policy.ts';
import type { DenialCode, ExposureKind, ExposurePolicy, Verdict } from './types.ts';
import { linkClaim, VerdictBuilder, type Way } from './verdict.ts';
import { type OtherKeys, vipAddresses } from './vip-keys.ts';

/** Addresses that one load balancer may have exposed. */
export const MAX_ADDRESSES = 1_024;

const ADVICE = "correct the load balancer's vips";

export function evaluateLoadBalancer(lb: LoadBalancer, policy: ExposurePolicy): Verdict {
  const verdict = new VerdictBuilder(lb);
  const serving = servingGateways(lb, policy);
  if (!serving.ok) return verdict.refuse(serving);
  const refusal = unselected(lb.marks.expose, policy);
  if (refusal !== undefined) return verdict.refuse(refusal);
  const decision = new LoadBalancerDecision(lb, policy, serving.gateways, verdict);
  switch (lb.flavor) {
    case 'octavia':
      for (const vip of [lb, ...lb.additionalVips]) {
        decision.vip(vip);
        decision.floatingIp(vip);
      }
      break;
    case 'port-forwarding':
      decision.forwardings();
      break;
    case 'plain':
      decision.listeners();
      break;
    default:
      return lb.flavor satisfies never;
  }
  return verdict.verdict();
}

/** One load balancer, with what is the same for all of its addresses. */
class LoadBalancerDecision {
  readonly #lb: LoadBalancer;
  readonly #policy: ExposurePolicy;
  readonly #gateways: readonly [ServingGateway, ...ServingGateway[]];
  readonly #verdict: VerdictBuilder;
  readonly #listening: readonly IpAddress[];
  /** Where nothing stands behind what listens: OVN drops or rejects what comes. */
  readonly #memberless: ReadonlySet<IpAddress>;
  /** Those of them that have members, none of them online. */
  readonly #offline: ReadonlySet<IpAddress>;

  constructor(
    lb: LoadBalancer,
    policy: ExposurePolicy,
    gateways: readonly [ServingGateway, ...ServingGateway[]],
    verdict: VerdictBuilder,
  ) {
    this.#lb = lb;
    this.#policy = policy;
    this.#gateways = gateways;
    this.#verdict = verdict;
    const { addresses, templates, bad } = vipAddresses(lb.vipTexts);
    this.#listening = addresses;
    const without = (...keys: readonly string[]): ReadonlySet<IpAddress> => {
      const gone = new Set(keys);
      return new Set(vipAddresses(lb.vipTexts.filter((key) => !gone.has(key))).addresses);
    };
    const [peopled, served] = [
      without(...lb.emptyVipTexts),
      without(...lb.emptyVipTexts, ...lb.offlineVipTexts),
    ];
    this.#memberless = new Set(addresses.filter((address) => !served.has(address)));
    this.#offline = new Set(addresses.filter((address) => peopled.has(address) && !served.has(address)));
    if (templates !== undefined) {
      const what =
        'is a template, whose value is another one on each chassis; give the load balancer an address';
      this.#deny('template', false, `${keyText(templates)} ${what}`, templates.example);
    }
    if (bad !== undefined)
      this.#deny('bad-address', true, `${keyText(bad)} is no address with or without a port`);
  }

  /** A VIP that stands for the load balancer; it counts while something listens on it. */
  vip({ vipText, vipPort }: LoadBalancerVip): void {
    const address = parseIp(vipText ?? '');
    if (address === undefined || !this.#listening.includes(address)) {
      const which = vipText === undefined ? 'no VIP' : `VIP ${quote(vipText)}, on which nothing listens`;
      this.#deny('no-vip', false, `it has ${which}`);
    } else if (!this.#hasMember(address)) {
      return;
    } else if (vipPort === undefined) {
      this.#deny('no-port', false, `there is no port for its VIP ${address}`, address);
    } else if (vipPort.network !== undefined && !this.#isProvider(vipPort)) {
      this.#tenantVip(address, vipPort.subnets);
    } else {
      this.#providerVip(address, vipPort);
    }
  }

  /** The floating IP of the VIP: its port is never bound, so it lives on the gateway in both modes. */
  floatingIp({ vipFipText, vipFipMacText }: LoadBalancerVip): void {
    const { row } = this.#lb;
    if ((vipFipText ?? '') === '') return;
    const advice = "correct the load balancer's floating IP";
    const address = announceableText(vipFipText ?? '', row, this.#policy, this.#verdict, advice);
    if (address === undefined) return;
    if (this.#listening.every((vip) => this.#memberless.has(vip))) {
      this.#deny('no-member', false, 'nothing stands behind its VIP', address);
      return;
    }
    const gateway = this.#gatewayFor(address);
    if (gateway === undefined) return;
    const own = parseMac(vipFipMacText ?? '');
    if (own === undefined && (vipFipMacText ?? '') !== '') {
      const text = quote(vipFipMacText ?? '');
      this.#deny('bad-mac', true, `external_mac ${text} of its floating IP is not a MAC address`, address);
      return;
    }
    this.#expose('vip-floating-ip', address, gateway, gateway.way, own ?? gateway.mac);
  }

  forwardings(): void {
    for (const address of this.#limited()) {
      const gateway = this.#gatewayFor(address);
      if (gateway !== undefined) this.#expose('port-forwarding', address, gateway, gateway.way, undefined);
    }
  }

  /** What lies outside the gateway's networks is answered for by nobody there: it is sent to the gateway port itself. */
  listeners(): void {
    for (const address of this.#limited()) {
      const attachments = this.#lb.subnets.filter((subnet) => attaches(subnet, address));
      if (this.#ownersOf(address).length > 0) {
        const onNetwork = this.#gatewayFor(address);
        if (onNetwork !== undefined) this.#expose('vip', address, onNetwork, onNetwork.way, undefined);
      } else if (attachments.length > 0) this.#tenantVip(address, attachments);
      else this.#elsewhereVip(address);
    }
  }

  /** An address of no network here is whatever its tenant wrote into the row. */
  #elsewhereVip(address: IpAddress): void {
    const [gateway] = this.#gateways;
    const needed = neededRefusal(hostPrefix(address), 'tenant', this.#lb.row, this.#policy.needs);
    if (needed !== undefined) this.#verdict.deny(needed, address);
    else this.#expose('vip', address, gateway, gateway.way, gateway.mac);
  }

  #limited(): readonly IpAddress[] {
    if (this.#lb.vipTexts.length === 0) this.#deny('no-vip', false, 'it has no VIP');
    const surplus = this.#listening.length - MAX_ADDRESSES;
    if (surplus > 0) {
      const what = `it has ${this.#listening.length} addresses; the last ${surplus} are not exposed`;
      this.#deny('too-many', true, `${what}, spread them over several load balancers`);
    }
    return this.#listening
      .slice(0, MAX_ADDRESSES)
      .filter(
        (address) =>
          this.#hasMember(address) &&
          isAnnounceable(address, this.#lb.row, this.#policy, this.#verdict, ADVICE),
      );
  }

  #hasMember(address: IpAddress): boolean {
    if (!this.#memberless.has(address)) return true;
    if (this.#offline.has(address)) {
      const what = `health checks find no member of ${address} online, and expose_offline_load_balancers = false`;
      this.#deny('no-member-online', false, what, address);
    } else this.#deny('no-member', false, `nothing stands behind ${address}`, address);
    return false;
  }

  #isProvider(vipPort: VipPort): boolean {
    return isOnProviderNetwork(vipPort, this.#policy.bridgeMappings);
  }

  #providerVip(address: IpAddress, vipPort: VipPort): void {
    const network = networkOf(vipPort, this.#policy.bridgeMappings);
    if (!network.ok) {
      this.#verdict.deny(network, address);
      return;
    }
    if (!isAnnounceable(address, this.#lb.row, this.#policy, this.#verdict, ADVICE)) return;
    const gateway = this.#gatewayFor(address);
    if (gateway !== undefined) this.#expose('vip', address, gateway, network.way, undefined, vipPort.network);
  }

  #tenantVip(address: IpAddress, attachments: readonly Subnet[]): void {
    const { row } = this.#lb;
    if (this.#policy.tenant.advertisementMethod === 'subnet') {
      this.#deny('not-configured', false, `${address} is announced with its subnet, if at all`, address);
      return;
    }
    const routers = new Set(this.#lb.routers.map((router) => router.row.uuid));
    const served = attachments.filter(({ router }) => router !== undefined && routers.has(router.row.uuid));
    const network = reachedNetwork(served, this.#policy);
    if (!network.ok) {
      const { code, message } = network.refusal;
      this.#deny(code, false, `${address} is not reached through a router here: ${message}`, address);
      return;
    }
    const subnets = around(address, network.subnets);
    if (subnets.length === 0) {
      this.#deny('outside-subnet', false, `${address} is in no subnet that is exposed here`, address);
      return;
    }
    const kept = tenantRefusal(address, { ...this.#policy.tenant, addressScopes: [] }, {}, row);
    if (kept !== undefined) {
      this.#verdict.deny(kept, address);
      return;
    }
    if (!isAnnounceable(address, row, this.#policy, this.#verdict, ADVICE)) return;
    for (const subnet of subnets) {
      const tag = tagOf({ ...subnet.attachment.marks, ...this.#lb.marks }, this.#verdict);
      const source = { row, note: 'VIP inside a tenant network', tag };
      this.#verdict.expose(coveredClaim('tenant-vip', address, subnet, source));
    }
  }

  /** Gateway ports, wherever they are, in whose networks the address is: they alone answer for it there. */
  #ownersOf(address: IpAddress): readonly GatewayPort[] {
    const ports = this.#lb.routers.flatMap(({ gateways }) => gateways);
    return ports.filter((port) => isInside(address, gatewayValues(port)));
  }

  /** Of several gateways here, the one whose network the address is in; a denial where that one is not here. */
  #gatewayFor(address: IpAddress): ServingGateway | undefined {
    const here = this.#gateways.find((gateway) => isInside(address, gateway));
    if (here !== undefined) return here;
    const [owner] = this.#ownersOf(address);
    if (owner === undefined) return this.#gateways[0];
    const what = `${address} is in the network of ${describeRow(owner.row)}, which does not serve it on this node`;
    this.#deny('gateway-elsewhere', false, what, address);
    return undefined;
  }

  #expose(
    kind: ExposureKind,
    address: IpAddress,
    gateway: ServingGateway,
    way: Way,
    mac: MacAddress | undefined,
    network: Network | undefined = gateway.port.network,
  ): void {
    this.#verdict.expose(
      linkClaim(kind, address, {
        way,
        mac,
        answersAt: gateway.mac,
        proxyNdp: proxiedFor(address, network, this.#policy),
        tag: tagOf(this.#lb.marks, this.#verdict),
        because: [{ row: this.#lb.row, note: NOTES[this.#lb.flavor] }, gateway.because],
      }),
    );
  }

  #deny(code: DenialCode, fault: boolean, what: string, address?: string): void {
    this.#verdict.deny({ code, fault, message: `${describeRow(this.#lb.row)}: ${what}` }, address);
  }
}

const NOTES: Readonly<Record<LoadBalancer['flavor'], string>> = {
  octavia: 'load balancer',
  'port-forwarding': 'port forwarding',
  plain: 'load balancer made in OVN',
};

function keyText({ count, example }: OtherKeys): string {
  return `key ${quote(example)} ${count === 1 ? 'of its vips' : `and ${count - 1} more of its vips`}`;
}

function isInside(address: IpAddress, { interfaces }: Pick<ServingGateway, 'interfaces'>): boolean {
  return interfaces.some(({ network }) => contains(network, address));
}

function attaches({ addressTexts }: Subnet, address: IpAddress): boolean {
  return addressTexts.some((text) => {
    const network = parsePrefix(text);
    return network !== undefined && contains(network, address);
  });
}
