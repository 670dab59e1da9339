import { expect, test } from "vitest";
import { naming } from "./naming.ts";

const at = (code: string) => (): never => {
  throw Object.assign(new Error(`${code}: said the kernel`), { code, syscall: "write" });
};

test.each([
  ["ENOSPC", "TRANSFER_TARGET_FULL"],
  ["EDQUOT", "TRANSFER_TARGET_FULL"],
  ["EROFS", "TRANSFER_TARGET_FAILED"],
  ["EIO", "TRANSFER_TARGET_FAILED"],
  ["EUCLEAN", "TRANSFER_TARGET_FAILED"],
  ["EACCES", "TRANSFER_FILE_FAILED"],
  ["ENOENT", "TRANSFER_FILE_FAILED"],
])("%s while a copy is written is %s, with the path", (code, expected) => {
  const refusal = { code: expected, message: expect.stringContaining("'sub/file'") as string };
  expect(() => naming([Buffer.from("sub"), Buffer.from("file")], at(code))).toThrow(expect.objectContaining(refusal));
});
