// The types of the client module: they hold for a sample, and name what the module has.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";

import * as clientModule from "../../src/web/client.js";
import { packageFile, projectFolder } from "./harness.mjs";

test("a page written with types compiles strictly", async () => {
  const sample = join(projectFolder, "tests/browser/client_sample.ts");
  const options = ["--noEmit", "--strict", "--noUncheckedIndexedAccess", "--ignoreConfig"];
  const target = ["--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom", "--types", ""];
  const { output, code } = await new Promise((resolve) => {
    const compiler = [packageFile("typescript/bin/tsc"), ...options, ...target, sample];
    execFile(process.execPath, compiler, (error, stdout, stderr) => resolve({ output: stdout + stderr, code: error?.code ?? 0 }));
  });
  assert.equal(code, 0, output);
});

test("what the types name is there, and nothing else", async () => {
  const types = await readFile(join(projectFolder, "src/web/client.d.ts"), "utf8");
  const exported = [...types.matchAll(/^export (?:function|class) (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(exported.sort(), Object.keys(clientModule).sort());

  const membersOf = (name) => {
    const [, body] = types.match(new RegExp(`^export (?:interface|class) ${name}\\b[^{]*\\{\\n(.*?)^\\}`, "ms"));
    const members = [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[(:]/gm)].map(([, member]) => member);
    return members.filter((member) => member !== "constructor");
  };
  const client = clientModule.createClient();
  assert.deepEqual(membersOf("Client").sort(), Object.keys(client).sort());
  for (const member of membersOf("ServerClock")) assert.ok(member in client.clock, member);
  const problem = new clientModule.Problem({ code: "sold_out" });
  for (const member of membersOf("Problem")) assert.ok(member in problem, member);
});
