// Owns the note on fairness: what was published before the campaign, what after it, and how anybody can compute the result again.

import { element } from "./dom.js";
import { count } from "./words.js";

const STEPS = {
  draw: [
    "Before the campaign the server chose 32 secret random bytes, the seed, and published their SHA-256, the commitment.",
    "Each draw is computed from the seed, the campaign, your customer id, the period and the number of your try. Nothing else goes in.",
    "When the campaign is over the seed is published. SHA-256 over its bytes must give the commitment; then every draw can be computed again.",
  ],
  lottery: [
    "Before the campaign the server chose 32 secret random bytes, the seed, and published their SHA-256, the commitment.",
    "All entries, in their order, are hashed together. Seed and entries give the key that shuffles the entries into ranks: no rank is settled before the last entry is in.",
    "When the lottery is drawn, the seed and the hash of the entries are published. SHA-256 over the seed’s bytes must give the commitment; then every rank can be computed again.",
  ],
};

/** The note for a draw or a lottery. */
export function fairnessNote({ fairness, mode }) {
  const facts = [["Commitment", fairness.commitment], ["Seed", fairness.seed ?? "published when it is over"]];
  if (mode === "lottery") {
    const entries = fairness.entries ?? {};
    facts.push(["Entries", entries.count === undefined ? "counted when it is over" : count(entries.count)]);
    facts.push(["Hash of the entries", entries.hash ?? "published when it is over"]);
  }
  const rows = facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", { class: /^[0-9a-f]{64}$/.test(value) ? "hash" : null }, value)]);
  return element(
    "details",
    { class: "fairness" },
    element("summary", {}, "How you can check that this was fair"),
    element("ol", {}, ...STEPS[mode].map((step) => element("li", {}, step))),
    element("dl", {}, ...rows),
  );
}
