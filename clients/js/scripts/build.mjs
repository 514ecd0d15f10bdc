// Builds dist/, or with --tests the bundled tests in .build/, or with --out DIR the same files elsewhere.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const banner = { js: "/*! Planet's browser client. MIT OR Apache-2.0. Built from clients/js/src. */" };
const common = { absWorkingDir: root, bundle: true, target: "es2020", charset: "utf8", logLevel: "warning" };

/** The public types in one file: those of types.ts, then what index.ts exports. */
function declarations() {
  const out = mkdtempSync(join(tmpdir(), "planet-types-"));
  try {
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.types.json"), "--outDir", out], { stdio: "inherit" });
    const read = (name) => readFileSync(join(out, name), "utf8");
    const index = read("index.d.ts")
      .split("\n")
      .filter((line) => !/^(import|export type \*)/.test(line))
      .join("\n");
    return `${read("types.d.ts").trim()}\n${index.trim()}\n`;
  } finally {
    rmSync(out, { recursive: true });
  }
}

export async function buildDist(out) {
  mkdirSync(out, { recursive: true });
  const minified = { ...common, banner, minify: true };
  await build({ ...minified, entryPoints: ["src/index.ts"], format: "esm", outfile: join(out, "client.mjs") });
  await build({ ...minified, entryPoints: ["src/beacon.ts"], format: "iife", globalName: "Beacon", outfile: join(out, "client.js") });
  writeFileSync(join(out, "client.d.ts"), declarations());
}

async function buildTests() {
  const tests = readdirSync(join(root, "test")).filter((name) => name.endsWith(".test.ts"));
  const out = join(root, ".build/test");
  rmSync(out, { recursive: true, force: true });
  await build({
    ...common,
    entryPoints: tests.map((name) => join("test", name)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    format: "esm",
    platform: "node",
    packages: "external",
    target: "node20",
    sourcemap: "inline",
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const at = process.argv.indexOf("--out");
  if (process.argv.includes("--tests")) await buildTests();
  else await buildDist(at > 0 ? process.argv[at + 1] : join(root, "dist"));
}
