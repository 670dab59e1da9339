import { hash } from "./rendezvous.ts";

const LONGEST = 253;
const VALID = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/**
 * The Lease of a provisioner: its name with a dash for the slash, as the original has it. A
 * provisioner may have a name with an underscore, or a long one, that no object may have: then what
 * is not allowed becomes a dash, and a hash keeps two such provisioners apart.
 */
export function leaseNameOf(provisioner: string): string {
  const name = provisioner.replaceAll("/", "-").toLowerCase();
  if (VALID.test(name) && name.length <= LONGEST) return name;
  const suffix = hash(provisioner).toString(16).padStart(8, "0");
  const allowed = name
    .replaceAll(/[^-.a-z0-9]/g, "-")
    .replaceAll(/[-.]*\.[-.]*/g, ".")
    .slice(0, LONGEST - suffix.length - 1)
    .replaceAll(/^[-.]+|[-.]+$/g, "");
  return `${allowed === "" ? "provisioner" : allowed}-${suffix}`;
}
