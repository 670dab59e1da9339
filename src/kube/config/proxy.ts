/** The environment, handed in. */
export type Env = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for connections to `server`: the cluster's own `proxy-url`, else HTTPS_PROXY or
 * HTTP_PROXY by the server's scheme, unless NO_PROXY names the host. Same rules as Go's net/http,
 * so that Mooring uses the same proxy as kubectl. Undefined: connect directly.
 */
export function proxyFor(server: string, proxyUrl: string | undefined, env: Env): string | undefined {
  if (proxyUrl) return proxyUrl;
  const url = new URL(server);
  const fromEnv = variable(env, url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY");
  if (fromEnv === undefined || isExempt(url, variable(env, "NO_PROXY") ?? "")) return undefined;
  return fromEnv.includes("://") ? fromEnv : `http://${fromEnv}`;
}

function variable(env: Env, name: string): string | undefined {
  return env[name] || env[name.toLowerCase()] || undefined;
}

function isExempt(url: URL, noProxy: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (host === "localhost" || host === "::1" || host.startsWith("127.")) return true;
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return noProxy
    .split(",")
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== "" && covers(entry, host, port));
}

/**
 * Whether one entry of NO_PROXY covers the host. An entry is `*`, an address, a CIDR (IPv4), or a
 * domain (which covers its subdomains). All but a CIDR may have a port.
 */
function covers(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return inCidr(entry, host);
  const [, name = entry, onlyPort] = /^(.*?)(?::(\d+))?$/.exec(isBareIpv6(entry) ? `[${entry}]` : entry) ?? [];
  if (onlyPort !== undefined && onlyPort !== port) return false;
  const wanted = name.replace(/^\[|\]$/g, "").replace(/^\*(?=\.)/, "");
  if (wanted.startsWith(".")) return host.endsWith(wanted);
  return host === wanted || host.endsWith(`.${wanted}`);
}

function isBareIpv6(entry: string): boolean {
  return !entry.startsWith("[") && entry.split(":").length > 2;
}

function inCidr(cidr: string, host: string): boolean {
  const [base = "", length = ""] = cidr.split("/");
  const network = ipv4(base);
  const address = ipv4(host);
  const bits = Number(length);
  if (network === undefined || address === undefined || !Number.isInteger(bits) || bits < 0 || bits > 32) return false;
  const size = 2 ** (32 - bits);
  return Math.floor(network / size) === Math.floor(address / size);
}

function ipv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}
