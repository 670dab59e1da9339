// Two lint rules of this repository.
//
// rooms: src/ is divided into rooms; a room imports only what ROOMS allows it. A cycle between
// rooms, or a client that learns of volumes, is then a lint error and not a review comment.
//
// effects: time, randomness, sockets, processes and files are handed in as interfaces
// (src/effects), so that crash runs can replace them. Only the adapters may touch the real ones.
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const SRC = resolve(dirname(fileURLToPath(import.meta.url)), "../src");

/** The rooms of what is shipped. */
const PRODUCT = [
  "effects",
  "observe",
  "kube",
  "api",
  "provision",
  "classic",
  "place",
  "movable",
  "move",
  "agent",
  "controller",
];

/** Which rooms each room may import, besides itself. `bin` may import all. */
const ROOMS = {
  effects: [],
  observe: ["effects"],
  kube: ["effects", "observe"],
  api: ["effects", "observe", "kube"],
  provision: ["effects", "observe", "kube", "api"],
  classic: ["effects", "observe", "kube", "api", "provision"],
  place: ["effects", "observe", "kube", "api", "provision"],
  movable: ["effects", "observe", "kube", "api", "provision", "place"],
  move: ["effects", "observe", "kube", "api", "provision", "place", "movable"],
  // What runs on a node: the file system, the transfer of a copy.
  agent: ["effects", "observe", "kube", "api"],
  controller: ["effects", "observe", "kube", "api", "provision", "place", "movable", "move", "agent"],
  // An in-memory Kubernetes. Only programs and tests may know of it: no branch of the product may.
  lab: ["effects", "observe", "kube", "api"],
  // The operators' command: reads a cluster and shows it, makes and deletes VolumeMoves. Of the
  // agent it knows the table of errors.
  moor: ["effects", "observe", "kube", "api", "provision", "place", "movable", "move", "agent"],
  // The lab and the shipped programs, shown to somebody who has nothing but Node.
  demo: [...PRODUCT, "lab"],
  // The processes, composed of the rooms and of what touches the machine.
  programs: PRODUCT,
  bin: [...PRODUCT, "lab", "demo", "moor", "programs"],
};

/** Tests and what only tests import. They never ship. */
const TESTS = [/\.test\.ts$/, /\.fixture\.ts$/];

/** What the tests of every room may import besides: the lab is their API server. */
const ROOMS_OF_TESTS = ["lab"];

/** Files that touch the outside world: adapters and programs. Tests may do what they need. */
const ADAPTERS = [
  /^effects\/node\//,
  /^kube\/transport\//,
  /^observe\/(https-)?server\.ts$/,
  /^lab\/machine\//,
  /^lab\/server\//,
  /^lab\/virtual\//,
  /^lab\/schema\/record\.ts$/,
  /^agent\/[a-z]+\/node\//,
  /^agent\/(sys|transfer)\//,
  /^(bin|programs)\//,
  /^demo\//,
  ...TESTS,
];

/** The one file that calls libc directly: every other gets typed functions with a test each. */
const KOFFI_AT = "agent/sys/libc.ts";

const MODULES =
  /^(node:)?(fs|fs\/promises|net|tls|http|https|http2|dgram|dns|dns\/promises|child_process|crypto|timers|timers\/promises|worker_threads|cluster|os|perf_hooks)$|^undici$/;
const GLOBALS = new Set([
  "setTimeout",
  "setInterval",
  "setImmediate",
  "clearTimeout",
  "clearInterval",
  "fetch",
  "performance",
  "crypto",
]);

function roomOf(file) {
  const path = relative(SRC, file);
  return path.startsWith("..") ? undefined : path.split("/")[0];
}

function isAdapter(file) {
  const path = relative(SRC, file);
  return path.startsWith("..") || ADAPTERS.some((pattern) => pattern.test(path));
}

function isTest(path) {
  return TESTS.some((pattern) => pattern.test(path));
}

function onImports(check) {
  const visit = (node) => {
    if (node.source && typeof node.source.value === "string") check(node, node.source.value);
  };
  return {
    ImportDeclaration: visit,
    ExportNamedDeclaration: visit,
    ExportAllDeclaration: visit,
    ImportExpression: visit,
    TSImportType: (node) => {
      const literal = node.source ?? node.argument?.literal ?? node.argument;
      if (literal && typeof literal.value === "string") check(node, literal.value);
    },
  };
}

const rooms = {
  create(context) {
    const file = context.filename ?? context.getFilename();
    const room = roomOf(file);
    if (room === undefined) return {};
    const test = isTest(file);
    const allowed = [...(ROOMS[room] ?? []), ...(test ? ROOMS_OF_TESTS : [])];
    return onImports((node, specifier) => {
      if (specifier === "koffi" && relative(SRC, file) !== KOFFI_AT) {
        context.report({ node, message: `only src/${KOFFI_AT} imports koffi; use the functions beside it` });
      }
      if (!specifier.startsWith(".")) return;
      const target = resolve(dirname(file), specifier);
      const other = roomOf(target);
      if (other === undefined) {
        context.report({ node, message: `src/ must not import from outside src/: ${specifier}` });
      } else if (isTest(target) && !test) {
        context.report({ node, message: `only tests and fixtures import ${specifier}: it does not ship` });
      } else if (other !== room && !allowed.includes(other)) {
        context.report({
          node,
          message: `the room ${room} must not import from the room ${other} (tools/boundaries.mjs)`,
        });
      }
    });
  },
};

const effects = {
  create(context) {
    const file = context.filename ?? context.getFilename();
    if (isAdapter(file)) return {};
    const imports = onImports((node, specifier) => {
      const typeOnly = node.importKind === "type";
      if (MODULES.test(specifier) && !typeOnly) {
        context.report({
          node,
          message: `only adapters import ${specifier}; take the interface from src/effects instead`,
        });
      }
    });
    return {
      ...imports,
      NewExpression(node) {
        if (node.callee.type === "Identifier" && node.callee.name === "Date" && node.arguments.length === 0) {
          context.report({ node, message: "read the time from the Clock that was handed in" });
        }
      },
      MemberExpression(node) {
        if (node.object.type !== "Identifier" || node.property.type !== "Identifier") return;
        const name = `${node.object.name}.${node.property.name}`;
        if (name === "Date.now") context.report({ node, message: "read the time from the Clock that was handed in" });
        if (name === "Math.random") context.report({ node, message: "draw from the Random that was handed in" });
        if (name === "AbortSignal.timeout")
          context.report({ node, message: "use the Clock's timeout that was handed in" });
        if (node.object.name === "performance" || node.object.name === "crypto") {
          context.report({ node, message: `${name} is an effect; take it from src/effects` });
        }
      },
      CallExpression(node) {
        if (node.callee.type === "Identifier" && GLOBALS.has(node.callee.name)) {
          context.report({ node, message: `${node.callee.name} is an effect; take it from src/effects` });
        }
      },
    };
  },
};

export default {
  meta: { name: "mooring" },
  rules: { rooms, effects },
};
