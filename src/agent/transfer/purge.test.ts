import { describe, expect, it } from "vitest";
import { notRoot, scratch } from "../sys/testing/scratch.fixture.ts";
import { purge } from "./purge.ts";
import { describeTree, directoryAt, fill, shell } from "./testing/trees.fixture.ts";

const never = new AbortController().signal;

describe("a purge", () => {
  it("removes one tree and nothing else", async () => {
    const { path, fd } = scratch();
    shell(path, "mkdir tree outside; echo keep > outside/file; ln -s ../outside tree/link; ln outside/file tree/hard");
    fill(`${path}/tree`);
    const outside = describeTree(`${path}/outside`).replaceAll(/\|2$/gm, "|1");
    await purge(fd, "tree", never);
    expect(shell(path, "ls -A")).toBe("outside\n");
    expect(describeTree(`${path}/outside`)).toBe(outside.replace(/\n\d+ \.\/file\n/, "\n"));
  });

  it("removes a symlink and not what it names, and a name that is not there is done", async () => {
    const { path, fd } = scratch();
    shell(path, "mkdir outside; echo keep > outside/file; ln -s outside link");
    await purge(fd, "link", never);
    await purge(fd, "none", never);
    expect(shell(path, "ls -A . outside")).toBe(".:\noutside\n\noutside:\nfile\n");
  });

  it("removes a tree of 1,800 levels", async () => {
    const { path, fd } = scratch();
    shell(path, "mkdir tree; cd tree; for i in {1..1800}; do mkdir d; touch f; cd -P d; done");
    await purge(fd, "tree", never);
    expect(shell(path, "ls -A")).toBe("");
  });

  it.skipIf(notRoot)("stops at a mount, and leaves what is mounted (needs root)", async ({ skip }) => {
    const { path, fd } = scratch();
    shell(path, "mkdir -p tree/a/mounted other; echo keep > other/file");
    try {
      shell(path, "mount --bind other tree/a/mounted");
    } catch {
      skip("mounting is not allowed here");
    }
    try {
      await expect(purge(fd, "tree", never)).rejects.toMatchObject({
        code: "TRANSFER_MOUNT_INSIDE",
        message: expect.stringContaining("tree/a/mounted") as string,
      });
      await expect(purge(directoryAt(`${path}/tree/a`), "mounted", never)).rejects.toMatchObject({
        code: "TRANSFER_MOUNT_INSIDE",
      });
      expect(shell(path, "cat other/file")).toBe("keep\n");
    } finally {
      shell(path, "umount tree/a/mounted");
    }
    await purge(fd, "tree", never);
  });

  it("ends when it is aborted", async () => {
    const { path, fd } = scratch();
    shell(path, "mkdir tree; cd tree; seq 100 | xargs touch");
    await expect(purge(fd, "tree", AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
    expect(shell(path, "ls tree | wc -l")).toBe("100\n");
  });
});
