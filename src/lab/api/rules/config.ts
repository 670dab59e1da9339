import type { ConfigMap, Secret } from "kubernetes-types/core/v1.js";
import { sameJson, type Draft, type LabObject } from "../../store/object.ts";
import type { FieldErrors } from "../errors/field-errors.ts";
import type { KindRules } from "../kinds/kind-row.ts";

const KEY = /^[-._a-zA-Z0-9]+$/;

/** What a ConfigMap or a Secret may hold. */
const LARGEST = 1024 * 1024;

export const configMapRules: KindRules = {
  validate: (draft, errors) => {
    const { data, binaryData } = draft as Draft & ConfigMap;
    validateKeys("data", data, errors);
    validateKeys("binaryData", binaryData, errors);
    const size = sizeOf(data, "utf8") + sizeOf(binaryData, "base64");
    // Upstream has a path without a name there.
    if (size > LARGEST) errors.tooLong("[]", LARGEST);
  },
  validateUpdate: (draft, before, errors) => {
    validateFrozen(draft, before, ["data", "binaryData"], errors);
  },
};

export const secretRules: KindRules = {
  defaults: (draft) => {
    const secret = draft as Draft & Secret;
    secret.type ??= "Opaque";
    for (const [key, text] of Object.entries(secret.stringData ?? {})) {
      secret.data = { ...secret.data, [key]: Buffer.from(text).toString("base64") };
    }
    delete secret.stringData;
  },
  validate: (draft, errors) => {
    const { data } = draft as Draft & Secret;
    validateKeys("data", data, errors);
    if (sizeOf(data, "base64") > LARGEST) errors.tooLong("data", LARGEST);
  },
  validateUpdate: (draft, before, errors) => {
    const next = draft as Draft & Secret;
    const old = before as unknown as Secret;
    if (next.type !== old.type) errors.invalid("type", next.type, "field is immutable");
    validateFrozen(draft, before, ["data"], errors);
  },
};

function sizeOf(data: Readonly<Record<string, string>> | undefined, encoding: BufferEncoding): number {
  let size = 0;
  for (const text of Object.values(data ?? {})) size += Buffer.byteLength(text, encoding);
  return size;
}

function validateKeys(field: string, data: object | undefined, errors: FieldErrors): void {
  for (const key of Object.keys(data ?? {})) {
    if (KEY.test(key) && key !== "." && key !== "..") continue;
    errors.invalid(
      `${field}[${key}]`,
      key,
      "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
    );
  }
}

function validateFrozen(draft: Draft, before: LabObject, fields: readonly string[], errors: FieldErrors): void {
  if (before["immutable"] !== true) return;
  if (draft["immutable"] !== true) errors.forbidden("immutable", "field is immutable when `immutable` is set");
  for (const field of fields) {
    if (!sameJson(draft[field], before[field])) errors.forbidden(field, "field is immutable when `immutable` is set");
  }
}
