// Owns where the modules of a QR code lie: the patterns that a reader looks for, the words in their zigzag, the mask, and the rules
// by which one mask is better to read than another. Pure.

const MASKS = [
  (row, column) => (row + column) % 2,
  (row) => row % 2,
  (row, column) => column % 3,
  (row, column) => (row + column) % 3,
  (row, column) => (Math.floor(row / 2) + Math.floor(column / 3)) % 2,
  (row, column) => ((row * column) % 2) + ((row * column) % 3),
  (row, column) => (((row * column) % 2) + ((row * column) % 3)) % 2,
  (row, column) => (((row + column) % 2) + ((row * column) % 3)) % 2,
];
/** Where the centres of the small squares lie, per version from 1. */
const ALIGNMENT = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]];
/** Error correction M, as the format says it. */
const LEVEL = 0b00;
const FORMAT_MASK = 0b101010000010010;
const FORMAT_DIVISOR = 0b10100110111;
const VERSION_DIVISOR = 0b1111100100101;
/** A finder's run with light on one side, which must not appear among the words. */
const FALSE_FINDERS = ["10111010000", "00001011101"];

export class Square {
  modules;
  #size;
  #fixed;
  #penalty = null;

  constructor(version, words, mask) {
    this.#size = 17 + 4 * version;
    this.modules = this.#grid();
    this.#fixed = this.#grid();
    this.#drawTiming();
    this.#drawFinders();
    this.#drawAlignment(ALIGNMENT[version - 1]);
    this.#drawFormat(mask);
    if (version >= 7) this.#drawVersion(version);
    this.#drawWords(words, MASKS[mask]);
  }

  /** How hard it is to read, by the standard's four rules. */
  penalty() {
    this.#penalty ??= this.#runs() + this.#blocks() + this.#imbalance();
    return this.#penalty;
  }

  #grid() {
    return Array.from({ length: this.#size }, () => new Array(this.#size).fill(false));
  }

  #fix(row, column, isDark) {
    if (row < 0 || column < 0 || row >= this.#size || column >= this.#size) return;
    this.modules[row][column] = Boolean(isDark);
    this.#fixed[row][column] = true;
  }

  // A square of rings around a centre: dark but at these distances.
  #drawRings(centreRow, centreColumn, radius, lightAt) {
    for (let down = -radius; down <= radius; down += 1) {
      for (let right = -radius; right <= radius; right += 1) {
        const distance = Math.max(Math.abs(down), Math.abs(right));
        this.#fix(centreRow + down, centreColumn + right, !lightAt.includes(distance));
      }
    }
  }

  #drawTiming() {
    for (let place = 0; place < this.#size; place += 1) {
      this.#fix(6, place, place % 2 === 0);
      this.#fix(place, 6, place % 2 === 0);
    }
  }

  #drawFinders() {
    const far = this.#size - 4;
    for (const [row, column] of [[3, 3], [3, far], [far, 3]]) this.#drawRings(row, column, 4, [2, 4]);
  }

  #drawAlignment(centres) {
    const last = centres.at(-1);
    for (const row of centres) {
      for (const column of centres) {
        const isFinder = (row === 6 && column === 6) || (row === 6 && column === last) || (row === last && column === 6);
        if (!isFinder) this.#drawRings(row, column, 2, [1]);
      }
    }
  }

  #drawFormat(mask) {
    const data = (LEVEL << 3) | mask;
    const bits = ((data << 10) | rest(data << 10, FORMAT_DIVISOR)) ^ FORMAT_MASK;
    const bit = (place) => (bits >> place) & 1;
    for (let place = 0; place < 15; place += 1) {
      // Down the eighth column and back along the eighth row, past the timing; then once more at the two other corners.
      if (place < 8) this.#fix(place < 6 ? place : place + 1, 8, bit(place));
      else this.#fix(8, place === 8 ? 7 : 14 - place, bit(place));
      if (place < 8) this.#fix(8, this.#size - 1 - place, bit(place));
      else this.#fix(this.#size - 15 + place, 8, bit(place));
    }
    this.#fix(this.#size - 8, 8, true);
  }

  #drawVersion(version) {
    const bits = (version << 12) | rest(version << 12, VERSION_DIVISOR);
    for (let place = 0; place < 18; place += 1) {
      const [near, far] = [Math.floor(place / 3), this.#size - 11 + (place % 3)];
      this.#fix(near, far, (bits >> place) & 1);
      this.#fix(far, near, (bits >> place) & 1);
    }
  }

  // Two columns at a time from the right, up and down in turn, around what is fixed.
  #drawWords(words, isMasked) {
    let place = 0;
    for (let right = this.#size - 1; right > 0; right -= 2) {
      if (right === 6) right = 5;
      const isUpward = ((right + 1) & 2) === 0;
      for (let step = 0; step < this.#size; step += 1) {
        const row = isUpward ? this.#size - 1 - step : step;
        for (const column of [right, right - 1]) {
          if (this.#fixed[row][column]) continue;
          const bit = ((words[place >> 3] ?? 0) >> (7 - (place & 7))) & 1;
          this.modules[row][column] = (bit === 1) !== (isMasked(row, column) === 0);
          place += 1;
        }
      }
    }
  }

  // Five alike in a line cost 3, each more 1; a false finder 40.
  #runs() {
    let cost = 0;
    const text = (line) => line.map((isDark) => (isDark ? "1" : "0")).join("");
    const columns = this.modules.map((_, column) => this.modules.map((row) => row[column]));
    for (const line of [...this.modules, ...columns].map(text)) {
      for (const [run] of line.matchAll(/0{5,}|1{5,}/g)) cost += run.length - 2;
      for (const finder of FALSE_FINDERS) {
        for (let at = line.indexOf(finder); at >= 0; at = line.indexOf(finder, at + 1)) cost += 40;
      }
    }
    return cost;
  }

  // Each two by two alike costs 3.
  #blocks() {
    let cost = 0;
    for (let row = 1; row < this.#size; row += 1) {
      for (let column = 1; column < this.#size; column += 1) {
        const here = this.modules[row][column];
        const above = this.modules[row - 1];
        if (here === above[column] && here === above[column - 1] && here === this.modules[row][column - 1]) cost += 3;
      }
    }
    return cost;
  }

  // Each five per cent off an even share costs 10.
  #imbalance() {
    const dark = this.modules.flat().filter(Boolean).length;
    return Math.floor(Math.abs((dark * 20) / this.#size ** 2 - 10)) * 10;
  }
}

// What is left of `value` after division by `divisor`, both polynomials over GF(2).
function rest(value, divisor) {
  const length = (number) => 32 - Math.clz32(number);
  let left = value;
  while (length(left) >= length(divisor)) left ^= divisor << (length(left) - length(divisor));
  return left;
}
