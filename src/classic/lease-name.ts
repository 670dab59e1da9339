import { hash } from "./rendezvous.ts";

const LONGEST = 253;
const VALID = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/**
 * The Lease of a provisioner: its name with a dash for the slash, as the original has it. A
 * provisioner's name may be too long for an object's, or have an underscore: then each character
 * that is not allowed becomes a dash, and a hash keeps two such provisioners apart.
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
