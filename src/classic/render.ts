import type { Render } from "./folder.ts";
import { claimData } from "./template/claim/claim-data.ts";
import { compileTemplate } from "./template/template.ts";

/** Renders the patterns of StorageClasses: Go templates over the claim's metadata. */
export const renderPattern: Render = (name, pattern, { volumeName, claim }, missingKey) =>
  compileTemplate(name, pattern, missingKey === undefined ? {} : { missingKey }).execute(
    claimData(volumeName, claim.metadata ?? {}),
  );
