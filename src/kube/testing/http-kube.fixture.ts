import type { Files } from "../../effects/files.ts";
import { systemClock } from "../../effects/node/clock.ts";
import { systemFiles } from "../../effects/node/files.ts";
import { silentLog } from "../../observe/log.ts";
import type { ClusterAccess } from "../config/access.ts";
import { httpKube, type HttpKubeOptions } from "../transport/http.ts";

/** Access to a test server without credentials; `more` replaces parts of it. */
export function accessTo(server: string, more: Partial<ClusterAccess> = {}): ClusterAccess {
  return { source: "test", server, currentNamespace: "default", tls: {}, credentials: { kind: "none" }, ...more };
}

/**
 * An httpKube on real sockets, with real time unless a clock is given. Close it at the end of the
 * test.
 */
export function testKube(
  cluster: ClusterAccess,
  options: Partial<HttpKubeOptions> & { files?: Files } = {},
): ReturnType<typeof httpKube> {
  return httpKube({
    userAgent: "mooring-test/1",
    clock: systemClock(),
    log: silentLog,
    files: systemFiles(),
    ...options,
    cluster,
  });
}
