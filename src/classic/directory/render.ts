import type { Render } from "./name.ts";
import { claimData } from "../go/template/values/claim-data.ts";
import { TemplateError } from "../go/template/error.ts";
import { compileTemplate } from "../go/template/template.ts";

/** Renders the patterns of StorageClasses: Go templates over the claim's metadata. */
export const renderPattern: Render = (name, pattern, { volumeName, claim }, missingKey) => {
  try {
    return compileTemplate(name, pattern, missingKey)(claimData(volumeName, claim.metadata ?? {}));
  } catch (error) {
    const storageClass = claim.spec?.storageClassName;
    if (!(error instanceof TemplateError) || error.phase !== "unsupported" || storageClass === undefined) throw error;
    throw new TemplateError(error.phase, `${error.message} (StorageClass ${storageClass})`);
  }
};
