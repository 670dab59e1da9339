import { expect, it } from "vitest";
import { demoErrors } from "./errors.ts";

it.each([...demoErrors.table])("%s says what to do, in whole sentences", (code, { advice }) => {
  expect(code).toMatch(/^DEMO_[A-Z_]+$/);
  expect(advice).toMatch(/^[A-Z].*\.$/s);
});
