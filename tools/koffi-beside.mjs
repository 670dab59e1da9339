// An esbuild plugin: a program that calls libc finds koffi's native file beside its bundle.
//
// In the bundle `koffi` becomes a stub that loads the native file at the first use and not at the
// start: a program that holds the code but never calls it (the demo) also starts where the file is
// missing. The files of every libc and architecture that npm installed are copied, named
// koffi-<glibc|musl>-<arch>.node; the machine decides which one loads.
import { copyFile, readdir } from "node:fs/promises";

const PACKAGES = "node_modules/@koromix";

const STUB = `
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
let native;
function load() {
  const failures = [];
  for (const libc of ["glibc", "musl"]) {
    const file = "./koffi-" + libc + "-" + process.arch + ".node";
    try {
      return require(file);
    } catch (error) {
      failures.push(error.message.split("\\n")[0]);
    }
  }
  throw new Error("cannot load koffi's native file, which belongs beside this program: " + failures.join("; "));
}
export default new Proxy({}, { get: (_, name) => (native ??= load())[name] });
`;

/** The plugin. Copies into `outdir` only when some program imports koffi. */
export function koffiBeside(outdir) {
  return {
    name: "koffi beside the bundle",
    setup(build) {
      let used = false;
      build.onResolve({ filter: /^koffi$/ }, () => ({ path: "koffi", namespace: "koffi-beside" }));
      build.onLoad({ filter: /.*/, namespace: "koffi-beside" }, () => {
        used = true;
        return { contents: STUB, loader: "js" };
      });
      build.onEnd(async () => {
        if (used) await copyNativeFiles(outdir);
      });
    },
  };
}

async function copyNativeFiles(outdir) {
  let copied = 0;
  for (const name of await readdir(PACKAGES)) {
    if (!name.startsWith("koffi-linux-")) continue;
    for (const build of await readdir(`${PACKAGES}/${name}`, { withFileTypes: true })) {
      const [libc, arch] = build.name.split("_");
      if (!build.isDirectory() || (libc !== "linux" && libc !== "musl")) continue;
      const file = `koffi-${libc === "linux" ? "glibc" : "musl"}-${arch}.node`;
      await copyFile(`${PACKAGES}/${name}/${build.name}/koffi.node`, `${outdir}/${file}`);
      copied += 1;
    }
  }
  if (copied === 0) throw new Error(`no native file of koffi in ${PACKAGES}: run npm ci`);
}
