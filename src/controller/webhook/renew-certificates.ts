import { makeAuthority, makeServing, type IssueEffects } from "./issue.ts";
import { planCertificates, type CertificatesSnapshot, type CertificatesStep } from "./plan-certificates.ts";
import type { StoredCertificates } from "./stored-certificates.ts";

type Work = Exclude<CertificatesStep, { step: "nothing" }>;

/**
 * Takes one planned step after the other, in memory, until there is nothing to do. Returns the same
 * object if nothing had to be done. `tell` is called before each step.
 */
export async function renewCertificates(
  effects: IssueEffects,
  snapshot: CertificatesSnapshot,
  name: string,
  tell: (step: Work) => void = () => undefined,
): Promise<StoredCertificates> {
  const { now } = snapshot;
  let { stored } = snapshot;
  for (;;) {
    const plan = planCertificates({ ...snapshot, stored });
    if (plan.step === "nothing") return stored;
    tell(plan);
    stored = await take(effects, plan, stored, name, now);
  }
}

async function take(
  effects: IssueEffects,
  { step }: Work,
  stored: StoredCertificates,
  name: string,
  now: number,
): Promise<StoredCertificates> {
  switch (step) {
    case "drop-expired": {
      const authorities = stored.authorities.filter(({ notAfter }) => notAfter > now);
      const isKept = authorities[0]?.pem === stored.authority?.pem;
      return { ...stored, authorities, authority: isKept ? stored.authority : undefined };
    }
    case "make-authority": {
      const authority = await makeAuthority(effects, now);
      return { ...stored, authorities: [authority, ...stored.authorities], authority };
    }
    case "make-serving": {
      if (stored.authority === undefined) throw new Error("a serving certificate is planned without an authority");
      return { ...stored, serving: await makeServing(effects, stored.authority, name, now) };
    }
    default:
      return step satisfies never;
  }
}
