import { expect, it } from 'vitest';
import { bgpPeers } from './peers.ts';
import { parseRunningConfig } from './running-config.ts';

const CONFIG = `
frr version 8.4.4
hostname node
!
router bgp 64999
 bgp router-id 10.255.0.1
 neighbor FABRIC peer-group
 neighbor FABRIC remote-as external
 neighbor 10.0.0.1 peer-group FABRIC
 neighbor 10.0.0.1 timers 1 3
 neighbor 2001:db8::1 remote-as 65001
 neighbor eth0 interface remote-as external
 bgp listen range 10.9.0.0/24 peer-group FABRIC
 !
 address-family ipv4 unicast
  neighbor 10.0.0.1 soft-reconfiguration inbound
 exit-address-family
exit
!
router bgp 64999 vrf red
 neighbor 10.7.0.1 remote-as 65007
exit
!
router bgp 64999 vrf bgp-vrf
 bgp router-id 172.24.4.10
 neighbor 10.8.0.1 remote-as 65008
exit
!
router bgp 64998 view lab as-notation dot
 neighbor 10.6.0.1 remote-as 65006
exit
!
router ospf
 neighbor 10.5.0.1
`;

it('names whom bgpd talks to, and not what the agent wrote into its own instance', () => {
  expect(bgpPeers(parseRunningConfig(CONFIG), 'bgp-vrf')).toEqual({
    peers: [
      { address: '10.0.0.1' },
      { address: '10.6.0.1', vrf: 'lab' },
      { address: '10.7.0.1', vrf: 'red' },
      { address: '2001:db8::1' },
    ],
    listenRanges: [{ prefix: '10.9.0.0/24' }],
    routerIds: [{ address: '10.255.0.1' }],
  });
});

it('is empty where there is no BGP, and total', () => {
  const nobody = { peers: [], listenRanges: [], routerIds: [] };
  expect(bgpPeers([], 'bgp-vrf')).toEqual(nobody);
  const odd =
    'router bgp 1\n neighbor\n bgp listen range\n bgp listen range x peer-group y\n neighbor 300.1.1.1 x';
  expect(bgpPeers(parseRunningConfig(odd), 'bgp-vrf')).toEqual(nobody);
});
