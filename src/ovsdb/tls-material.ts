/**
 * Private key, certificate and CA for `ssl:` remotes: read from their files before each connection, and looked at again
 * while a connection stands, so that renewed certificates come into use without a restart.
 *
 * Failure: files that cannot be read, or do not fit together, throw with the file names. While watching, such a state is
 * taken for a half-finished renewal: it is left alone until the files fit together again.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';

import type { OvsdbClock } from './clock.ts';
import { errorMessage, OvsdbConfigurationError } from './errors.ts';

/** Where the PEM files are. */
export interface TlsOptions {
  readonly privateKey: string;
  readonly certificate: string;
  readonly caCert: string;
  /** SHA-256 fingerprint that the server's certificate must have, hexadecimal, colons allowed. */
  readonly fingerprint?: string;
  /** How often the files are looked at while connected; 5000 ms unless told. */
  readonly watchIntervalMs?: number;
}

/** What the files held at one moment. */
export interface TlsMaterial {
  readonly privateKey: Buffer;
  readonly certificate: Buffer;
  readonly caCert: Buffer;
  readonly fingerprint?: string;
  /** Changes exactly when the contents of a file change. */
  readonly digest: string;
}

/** Reads the files and checks that they are usable together. */
export async function readTlsMaterial(options: TlsOptions): Promise<TlsMaterial> {
  const [privateKey, certificate, caCert] = await Promise.all(
    [options.privateKey, options.certificate, options.caCert].map(async (path) => {
      try {
        return await readFile(path);
      } catch (error) {
        throw new OvsdbConfigurationError(`cannot read the TLS file ${path}: ${errorMessage(error)}`, {
          problem: 'no-certificate',
          cause: error,
        });
      }
    }),
  );
  if (privateKey === undefined || certificate === undefined || caCert === undefined) {
    throw new Error('unreachable: three files were read');
  }
  try {
    createSecureContext({ key: privateKey, cert: certificate, ca: caCert });
  } catch (error) {
    const names = [options.privateKey, options.certificate, options.caCert].join(', ');
    throw new OvsdbConfigurationError(`the TLS files ${names} do not fit together: ${errorMessage(error)}`, {
      problem: 'no-certificate',
      cause: error,
    });
  }
  const hash = createHash('sha256');
  for (const content of [privateKey, certificate, caCert]) hash.update(`${content.length}:`).update(content);
  return {
    privateKey,
    certificate,
    caCert,
    digest: hash.digest('hex'),
    ...(options.fingerprint === undefined ? {} : { fingerprint: options.fingerprint }),
  };
}

/** Calls back once when the files hold something else, and usable, than `digest`; the returned function stops it. */
export function watchTlsMaterial(
  options: TlsOptions,
  digest: string,
  clock: OvsdbClock,
  changed: () => void,
): () => void {
  let stopped = false;
  let cancel: () => void = () => undefined;
  const look = async (): Promise<void> => {
    const current = await readTlsMaterial(options).catch(() => undefined);
    if (stopped) return;
    if (current === undefined || current.digest === digest) schedule();
    else changed();
  };
  const schedule = (): void => {
    cancel = clock.after(options.watchIntervalMs ?? 5_000, () => void look());
  };
  schedule();
  return () => {
    stopped = true;
    cancel();
  };
}
