// Owns the work behind a challenge: keys are derived under one counter after the other until one begins as asked (ALTCHA, version 2).
// The browser's own cryptography does it off the page's thread, so that a countdown beside it does not falter.

import { Problem } from "./problem.js";

/** Counters that are tried side by side. */
const TOGETHER = 8;

/** Works `challenge` out; resolves to the payload that the server takes. */
export async function payloadOf(challenge, { signal, subtle = globalThis.crypto?.subtle } = {}) {
  if (subtle === undefined) {
    throw new Problem({ code: "insecure_page", detail: "browsers compute a challenge only on pages that come over HTTPS" });
  }
  const { parameters } = challenge;
  const [nonce, salt] = [bytesOf(parameters.nonce), bytesOf(parameters.salt)];
  const derive = async (counter) => {
    const password = new Uint8Array(nonce.length + 4);
    password.set(nonce);
    new DataView(password.buffer).setUint32(nonce.length, counter);
    const key = await subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const algorithm = { name: "PBKDF2", hash: "SHA-256", salt, iterations: parameters.cost };
    const derivedKey = hexOf(new Uint8Array(await subtle.deriveBits(algorithm, key, parameters.keyLength * 8)));
    return { counter, derivedKey };
  };
  for (let first = 0; ; first += TOGETHER) {
    signal?.throwIfAborted();
    const derived = await Promise.all(Array.from({ length: TOGETHER }, (_, place) => derive(first + place)));
    const solution = derived.find(({ derivedKey }) => derivedKey.startsWith(parameters.keyPrefix));
    if (solution !== undefined) return base64Of(JSON.stringify({ challenge, solution }));
  }
}

function bytesOf(hex) {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function hexOf(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// `btoa` takes characters for bytes, and a user id may have any.
function base64Of(text) {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
}
