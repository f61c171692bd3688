// Owns the error correction of QR codes: Reed-Solomon over GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1. Pure.

const EXPONENTS = new Uint8Array(510);
const LOGARITHMS = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power += 1) {
  EXPONENTS[power] = value;
  EXPONENTS[power + 255] = value;
  LOGARITHMS[value] = power;
  value = value << 1 ^ (value & 0x80 ? 0x11d : 0);
}

function product(one, other) {
  return one === 0 || other === 0 ? 0 : EXPONENTS[LOGARITHMS[one] + LOGARITHMS[other]];
}

/** `data` cut into blocks, each with `correctionWords` words of its own, in the interleaved order in which they are drawn. */
export function corrected(data, blocks, correctionWords) {
  const shortLength = Math.floor(data.length / blocks);
  const longFrom = blocks - (data.length % blocks);
  const parts = [];
  for (let block = 0, start = 0; block < blocks; block += 1) {
    const length = shortLength + (block >= longFrom ? 1 : 0);
    parts.push(data.slice(start, start + length));
    start += length;
  }
  const divisor = generator(correctionWords);
  const corrections = parts.map((part) => remainder(part, divisor));
  return [...interleaved(parts), ...interleaved(corrections)];
}

// The first of each, the second of each, …; some have one less.
function interleaved(parts) {
  const longest = Math.max(...parts.map(({ length }) => length));
  const words = [];
  for (let place = 0; place < longest; place += 1) {
    for (const part of parts) if (place < part.length) words.push(part[place]);
  }
  return words;
}

// (x - 1)(x - 2)(x - 4)… without its leading 1, highest power first.
function generator(degree) {
  const factors = new Array(degree).fill(0);
  factors[degree - 1] = 1;
  for (let power = 0; power < degree; power += 1) {
    for (let place = 0; place < degree; place += 1) {
      factors[place] = product(factors[place], EXPONENTS[power]) ^ (factors[place + 1] ?? 0);
    }
  }
  return factors;
}

function remainder(data, divisor) {
  const rest = new Array(divisor.length).fill(0);
  for (const word of data) {
    const factor = word ^ rest.shift();
    rest.push(0);
    divisor.forEach((coefficient, place) => {
      rest[place] ^= product(coefficient, factor);
    });
  }
  return rest;
}
