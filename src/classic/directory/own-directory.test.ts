import { expect, it } from "vitest";
import { isOwnDirectory } from "./own-directory.ts";
import { CLAIM_UID } from "../testing/objects.fixture.ts";

const VOLUME = `pvc-${CLAIM_UID}`;

it.each([`/p/${VOLUME}`, `/p/${VOLUME}_shop_data`, `/p/shop/data/${VOLUME}/files`])("%s is a volume's own", (path) => {
  expect(isOwnDirectory(path, VOLUME)).toBe(true);
});

it.each([
  ["a pattern without the volume's name", "/p/shop/data", VOLUME],
  ["the name of another volume", "/p/pvc-0b1f0c1e-7d1c-4d6c-9c0a-000000000002_shop_data", VOLUME],
  ["a volume that is not named by a UID: anybody may have used that name before", "/p/data", "data"],
])("what may be somebody else's: %s", (_what, path, volume) => {
  expect(isOwnDirectory(path, volume)).toBe(false);
});
