import type { KubeRequest } from "../kube.ts";

/** The path with the query that a request has; parameters that are undefined are left out. */
export function pathWithQuery(request: KubeRequest): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) query.append(name, String(value));
  }
  const text = query.toString();
  return text === "" ? request.path : `${request.path}?${text}`;
}

/** The headers of a request; `more` are those of identity and cluster. */
export function headersOf(
  request: KubeRequest,
  userAgent: string,
  more: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {
    accept: request.accept ?? "application/json",
    "user-agent": userAgent,
  };
  if (request.body !== undefined) headers["content-type"] = request.contentType ?? "application/json";
  for (const [name, value] of Object.entries(more)) if (value !== undefined) headers[name] = value;
  return headers;
}
