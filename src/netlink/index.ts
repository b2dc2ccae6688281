/** Public entry of the netlink library; see README.md. */
export {
  errnoName,
  NetlinkAddonError,
  NetlinkDecodeError,
  NetlinkEncodeError,
  NetlinkError,
} from './errors.ts';
export type { NetlinkLogger } from './logger.ts';
export { describeRequest } from './request.ts';
export {
  type NetlinkStats,
  openRtnetlink,
  type RtnetlinkClient,
  type RtnetlinkOptions,
} from './rtnetlink.ts';
export { createSdNotifier, type SdNotifier, type SdNotifierOptions } from './sd-notify.ts';
export type * from './types.ts';
