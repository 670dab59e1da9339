import type { JsonPatchOperation } from "../../kube/client.ts";
import type { ValidatingWebhookConfiguration } from "../../kube/kinds.ts";
import { splitPem, toBase64 } from "./stored-certificates.ts";

/**
 * The patch that sets the caBundle of every webhook in the configuration to exactly this bundle
 * (PEM). Empty when nothing has to change. The patch fails when a webhook was moved or renamed
 * meanwhile.
 */
export function planCaBundle(
  configuration: ValidatingWebhookConfiguration,
  bundle: string,
): readonly JsonPatchOperation[] {
  const value = toBase64(bundle);
  return (configuration.webhooks ?? []).flatMap(({ name, clientConfig }, index) => {
    if (clientConfig.caBundle === value) return [];
    const path = `/webhooks/${String(index)}`;
    return [
      { op: "test", path: `${path}/name`, value: name },
      { op: "add", path: `${path}/clientConfig/caBundle`, value },
    ] as const;
  });
}

/** The certificates (PEM) that every webhook of the configuration trusts. */
export function publishedIn(configuration: ValidatingWebhookConfiguration | undefined): readonly string[] {
  const [first, ...others] = (configuration?.webhooks ?? []).map(({ clientConfig }) =>
    splitPem(Buffer.from(clientConfig.caBundle ?? "", "base64").toString("utf8")),
  );
  return (first ?? []).filter((pem) => others.every((trusted) => trusted.includes(pem)));
}
