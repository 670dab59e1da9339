// Defaults and validation of a pod's spec, whether of a pod or of a template.
import type { Container, PodSpec, Probe, Volume } from "kubernetes-types/core/v1.js";
import type { FieldErrors } from "../../errors/field-errors.ts";
import { labelNameFaults } from "../../kinds/names.ts";

export function defaultPodSpec(spec: PodSpec): void {
  spec.restartPolicy ??= "Always";
  spec.terminationGracePeriodSeconds ??= 30;
  spec.dnsPolicy ??= "ClusterFirst";
  spec.securityContext ??= {};
  spec.schedulerName ??= "default-scheduler";
  // Two names for one field.
  const account = spec.serviceAccountName ?? spec.serviceAccount;
  if (account !== undefined && account !== "") spec.serviceAccountName = spec.serviceAccount = account;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])])
    defaultContainer(container, spec);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
}

function defaultContainer(container: Container, spec: PodSpec): void {
  container.terminationMessagePath ??= "/dev/termination-log";
  container.terminationMessagePolicy ??= "File";
  container.imagePullPolicy ??= pullPolicy(container.image ?? "");
  for (const port of container.ports ?? []) {
    port.protocol ??= "TCP";
    if (spec.hostNetwork === true) port.hostPort ??= port.containerPort;
  }
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef !== undefined) valueFrom.fieldRef.apiVersion ??= "v1";
  }
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (probe !== undefined) defaultProbe(probe);
  }
}

function pullPolicy(image: string): string {
  const name = image.split("/").at(-1) ?? "";
  if (name.includes("@")) return "IfNotPresent";
  const tag = name.split(":")[1] ?? "latest";
  return tag === "latest" ? "Always" : "IfNotPresent";
}

function defaultProbe(probe: Probe): void {
  // Zero means "not set" here.
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.httpGet !== undefined) {
    probe.httpGet.path ??= "/";
    probe.httpGet.scheme ??= "HTTP";
  }
}

function defaultVolume(volume: Volume): void {
  if (Object.keys(volume).every((field) => field === "name")) volume.emptyDir = {};
  if (volume.hostPath !== undefined) volume.hostPath.type ??= "";
  for (const source of [volume.secret, volume.configMap, volume.downwardAPI, volume.projected]) {
    if (source !== undefined) source.defaultMode ??= 0o644;
  }
  for (const { serviceAccountToken, downwardAPI } of volume.projected?.sources ?? []) {
    if (serviceAccountToken !== undefined) serviceAccountToken.expirationSeconds ??= 3600;
    for (const item of downwardAPI?.items ?? []) if (item.fieldRef !== undefined) item.fieldRef.apiVersion ??= "v1";
  }
  for (const item of volume.downwardAPI?.items ?? [])
    if (item.fieldRef !== undefined) item.fieldRef.apiVersion ??= "v1";
}

/** `claims` are volumes that a StatefulSet adds from its templates. */
export function validatePodSpec(
  spec: PodSpec,
  path: string,
  errors: FieldErrors,
  claims: readonly string[] = [],
): void {
  const { containers, initContainers = [], volumes = [] } = spec;
  const volumeNames = new Set<string>();
  volumes.forEach(({ name }, index) => {
    const field = `${path}.volumes[${String(index)}].name`;
    validateLabelName(name, field, errors);
    if (volumeNames.has(name)) errors.duplicate(field, name);
    volumeNames.add(name);
  });
  if ((containers ?? []).length === 0) errors.required(`${path}.containers`);
  const names = new Set<string>();
  const check = (container: Container, field: string): void => {
    validateLabelName(container.name, `${field}.name`, errors);
    if (names.has(container.name)) errors.duplicate(`${field}.name`, container.name);
    names.add(container.name);
    if ((container.image ?? "") === "") errors.required(`${field}.image`);
    (container.volumeMounts ?? []).forEach((mount, index) => {
      const at = `${field}.volumeMounts[${String(index)}]`;
      if (mount.name === "") errors.required(`${at}.name`);
      else if (!volumeNames.has(mount.name) && !claims.includes(mount.name)) errors.notFound(`${at}.name`, mount.name);
      if (mount.mountPath === "") errors.required(`${at}.mountPath`);
    });
  };
  (containers ?? []).forEach((container, index) => {
    check(container, `${path}.containers[${String(index)}]`);
  });
  initContainers.forEach((container, index) => {
    check(container, `${path}.initContainers[${String(index)}]`);
  });
  oneOf(spec.restartPolicy, `${path}.restartPolicy`, ["Always", "OnFailure", "Never"], errors);
  oneOf(spec.dnsPolicy, `${path}.dnsPolicy`, ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"], errors);
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    errors.invalid(
      `${path}.terminationGracePeriodSeconds`,
      spec.terminationGracePeriodSeconds,
      "must be greater than or equal to 0",
    );
  }
}

function validateLabelName(name: string, field: string, errors: FieldErrors): void {
  if (name === "") errors.required(field);
  else for (const fault of labelNameFaults(name)) errors.invalid(field, name, fault);
}

/** 422 for a value that is none of these. */
export function oneOf(
  value: string | undefined,
  field: string,
  supported: readonly string[],
  errors: FieldErrors,
): void {
  if (value === undefined || value === "") errors.required(field);
  else if (!supported.includes(value)) errors.notSupported(field, value, supported);
}
