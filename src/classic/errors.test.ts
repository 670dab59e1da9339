import { describe, expect, it } from "vitest";
import { classicErrors } from "./errors.ts";

describe("the errors of the classic driver", () => {
  it.each([...classicErrors.table])("%s says what to do, in whole sentences", (code, { advice }) => {
    expect(code).toMatch(/^CLASSIC_[A-Z_]+$/);
    expect(advice).toMatch(/^[A-Z`"a-z].*\.$/s);
  });
});
