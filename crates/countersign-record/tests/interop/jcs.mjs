// One JSON text per line in; its canonical form by npm canonicalize in hex per line out.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

// From the working directory, where the package was installed.
const module = process.cwd() + "/node_modules/canonicalize/lib/canonicalize.js";
const { default: canonicalize } = await import(pathToFileURL(module));
const lines = readFileSync(0, "utf8").split("\n").slice(0, -1);
const hex = (line) => Buffer.from(canonicalize(JSON.parse(line)), "utf8").toString("hex");
process.stdout.write(lines.map((line) => hex(line) + "\n").join(""));
