import { describe, expect, it } from "vitest";
import { close, mkdirat, O_CREAT, O_RDONLY, O_WRONLY, openat } from "../sys/open.ts";
import { notRoot, scratch } from "../sys/testing/scratch.fixture.ts";
import { purge } from "./purge.ts";
import { describeTree, directoryAt, fill, shell } from "./testing/trees.fixture.ts";

const never = new AbortController().signal;

describe("a purge", () => {
  it("removes one tree and nothing else", async () => {
    const { path, fd } = scratch();
    shell(path, "mkdir tree outside; echo keep > outside/file; echo 2 > outside/linked");
    fill(`${path}/tree`);
    const outside = describeTree(`${path}/outside`);
    shell(path, "ln -s ../outside tree/out; ln outside/linked tree/hard");
    await purge(fd, "tree", never);
    expect(shell(path, "ls -A")).toBe("outside\n");
    expect(describeTree(`${path}/outside`)).toBe(outside);
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
    mkdirat(fd, "tree", 0o700);
    let level = openat(fd, "tree", O_RDONLY);
    for (let depth = 0; depth < 1800; depth++) {
      close(openat(level, "file", O_WRONLY | O_CREAT));
      mkdirat(level, "deeper", 0o700);
      const next = openat(level, "deeper", O_RDONLY);
      close(level);
      level = next;
    }
    close(level);
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
