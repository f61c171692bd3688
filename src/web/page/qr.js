// Owns QR codes (ISO/IEC 18004): text to a square of dark and light modules. Byte mode, error correction M, versions 1 to 10,
// which is up to 213 bytes; a coupon's code needs 19. Pure.

import { corrected } from "./qr_correction.js";
import { Square } from "./qr_square.js";

/** Per version from 1: code words in all, correction words a block, blocks. */
const VERSIONS = [
  [26, 10, 1], [44, 16, 1], [70, 26, 1], [100, 18, 2], [134, 24, 2],
  [172, 16, 4], [196, 18, 4], [242, 22, 4], [292, 22, 5], [346, 26, 5],
];
const MASKS = 8;

/** The modules of the code for `text`, row by row, `true` dark, without the quiet zone; `null` if the text is too long. */
export function qrModules(text) {
  const bytes = new TextEncoder().encode(text);
  const version = 1 + VERSIONS.findIndex((_, index) => bytes.length <= bytesMax(index + 1));
  if (version === 0) return null;
  const [, correctionWords, blocks] = VERSIONS[version - 1];
  const words = corrected(dataWords(bytes, version), blocks, correctionWords);
  const candidates = Array.from({ length: MASKS }, (_, mask) => new Square(version, words, mask));
  return candidates.reduce((best, one) => (one.penalty() < best.penalty() ? one : best)).modules;
}

function dataWordsMax(version) {
  const [all, correctionWords, blocks] = VERSIONS[version - 1];
  return all - correctionWords * blocks;
}

// Four bits say the mode, and 8 or 16 the length.
function lengthBits(version) {
  return version < 10 ? 8 : 16;
}

function bytesMax(version) {
  return Math.floor((dataWordsMax(version) * 8 - 4 - lengthBits(version)) / 8);
}

function dataWords(bytes, version) {
  const bits = [];
  const put = (value, width) => {
    for (let place = width - 1; place >= 0; place -= 1) bits.push((value >> place) & 1);
  };
  put(0b0100, 4);
  put(bytes.length, lengthBits(version));
  for (const byte of bytes) put(byte, 8);
  const all = dataWordsMax(version) * 8;
  put(0, Math.min(4, all - bits.length));
  while (bits.length % 8 !== 0) bits.push(0);
  for (let pad = 0xec; bits.length < all; pad ^= 0xec ^ 0x11) put(pad, 8);
  const words = [];
  for (let start = 0; start < bits.length; start += 8) {
    words.push(bits.slice(start, start + 8).reduce((word, bit) => (word << 1) | bit, 0));
  }
  return words;
}
