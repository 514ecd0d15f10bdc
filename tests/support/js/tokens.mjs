// Signs tokens as a back end would: JSON Web Tokens (RFC 7519) and Beacon tokens.

import { createHmac, sign } from 'node:crypto';

import { HS256_SECRET, SIGN_KEY } from './server.mjs';

const base64 = (value) => Buffer.from(value).toString('base64url');

/** The time `seconds` from now, as tokens have it. */
export const inSeconds = (seconds) => Math.floor(Date.now() / 1000) + seconds;

/** A JSON Web Token with these claims, signed by HS256 unless a private key of another kind is given. */
export function jwt(claims, { alg = 'HS256', key = HS256_SECRET } = {}) {
  const text = `${base64(JSON.stringify({ alg, typ: 'JWT' }))}.${base64(JSON.stringify(claims))}`;
  const signature = {
    HS256: () => createHmac('sha256', key).update(text).digest(),
    RS256: () => sign('sha256', Buffer.from(text), key),
    ES256: () => sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }),
  }[alg]();
  return `${text}.${base64(signature)}`;
}

/** A Beacon token over a user or a channel. */
export function beaconToken(id, expiry = inSeconds(60), key = SIGN_KEY) {
  return `${expiry};${createHmac('sha1', key).update(`${id};${expiry}`).digest('hex')}`;
}
