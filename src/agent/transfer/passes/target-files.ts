import type { Stat } from "../../sys/stat.ts";
import type { Base } from "../content/changes.ts";
import { CHUNK } from "../content/chunks.ts";
import type { TreePath } from "../tree/path.ts";
import { keyOf, type FileRecord, type FileRecords } from "./file-records.ts";
import type { Lacking } from "./lacking.ts";

/** The files of the target, as the source knows them. */
export class TargetFiles {
  readonly #records: FileRecords | undefined;
  readonly #lacking: Lacking;

  constructor(records: FileRecords | undefined, lacking: Lacking) {
    this.#records = records;
    this.#lacking = lacking;
  }

  get(path: TreePath): FileRecord | undefined {
    return this.#lacking.files.has(keyOf(path)) ? undefined : this.#records?.get(path);
  }

  /**
   * The content that can be patched to become a file in this state. A file of one chunk is sent
   * whole anyway.
   */
  base(path: TreePath, stat: Stat): Base | undefined {
    if (this.#lacking.chunks || stat.size <= CHUNK) return undefined;
    const record = this.get(path);
    return record?.chunks === undefined ? undefined : { digest: record.content, chunks: record.chunks };
  }
}
