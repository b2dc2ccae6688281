/** The device whose removal takes an object along, or that the object is; `undefined`: it outlives every device. Pure. */
import { sysctlDevice } from './kinds/sysctl.ts';
import type { NodeObject } from './objects.ts';

export function deviceOf(object: NodeObject): string | undefined {
  if (object.kind === 'link') return object.name;
  if (object.kind === 'sysctl') return sysctlDevice(object.path);
  if (object.kind === 'route') return object.target.type === 'device' ? object.target.device : undefined;
  return 'device' in object ? object.device : undefined;
}
