import { expect, test } from 'vitest';

import { socketProblem } from './socket-errors.ts';

const error = (message: string, more: object = {}): Error => Object.assign(new Error(message), more);
/** As Node.js 20 gives it when a server with OpenSSL does not know the CA of our certificate. */
const alert = error(
  '40A7:error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:../deps/openssl/ssl/record/rec_layer_s3.c:1590:SSL alert number 48\n',
  { code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', reason: 'tlsv1 alert unknown ca' },
);

test.each<[Error, string, RegExp]>([
  [error('connect ECONNREFUSED', { code: 'ECONNREFUSED' }), 'connection-refused', /nothing listens there/],
  [error('connect ENOENT /db.sock', { code: 'ENOENT' }), 'no-such-socket', /no such socket/],
  [error('connect EACCES', { code: 'EACCES' }), 'no-permission', /no permission/],
  [error('x', { code: 'EHOSTUNREACH' }), 'unreachable', /no route/],
  [error('x', { code: 'ETIMEDOUT' }), 'no-answer', /no answer/],
  [
    error('self-signed certificate', { code: 'SELF_SIGNED_CERT_IN_CHAIN' }),
    'untrusted-server',
    /self-signed/,
  ],
  [error('certificate has expired', { code: 'CERT_HAS_EXPIRED' }), 'untrusted-server', /expired/],
  [alert, 'certificate-refused', /^the server refused our certificate: unknown ca$/],
  [
    error('x', {
      code: 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
      reason: 'sslv3 alert certificate expired',
    }),
    'certificate-refused',
    /: certificate expired$/,
  ],
  [
    error('x', { code: 'ERR_SSL_WRONG_VERSION_NUMBER', reason: 'wrong version number' }),
    'no-tls',
    /not speak TLS/,
  ],
  [error('x', { code: 'ERR_SSL_BAD_RECORD', reason: 'bad record' }), 'connection-lost', /^TLS: bad record$/],
  [error('two\nlines '), 'connection-lost', /^two lines$/],
  [
    new AggregateError([error('a', { code: 'ECONNREFUSED' }), error('b', { code: 'ENETUNREACH' })]),
    'connection-refused',
    /refused.*; no route/,
  ],
])('%s', (given, problem, text) => {
  expect(socketProblem(given)).toEqual({ problem, text: expect.stringMatching(text) as string });
});
