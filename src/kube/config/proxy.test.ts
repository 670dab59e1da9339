import { expect, test } from "vitest";
import { proxyFor } from "./proxy.ts";

const proxied = "http://proxy:3128";
const env = (noProxy?: string) => ({ HTTPS_PROXY: proxied, HTTP_PROXY: "http://plain:80", NO_PROXY: noProxy });

test("the cluster's own proxy wins, also over NO_PROXY", () => {
  expect(proxyFor("https://10.0.0.1", "socks5://s:1080", env("*"))).toBe("socks5://s:1080");
});

test("the scheme of the server chooses the variable, and lower case counts too", () => {
  expect(proxyFor("https://10.0.0.1", undefined, env())).toBe(proxied);
  expect(proxyFor("http://10.0.0.1", undefined, env())).toBe("http://plain:80");
  expect(proxyFor("https://10.0.0.1", undefined, { https_proxy: "lower:1" })).toBe("http://lower:1");
  expect(proxyFor("https://10.0.0.1", undefined, {})).toBeUndefined();
});

test.each([
  ["https://10.0.0.1:6443", "*", false],
  ["https://10.0.0.1:6443", "10.0.0.1", false],
  ["https://10.0.0.1:6443", "10.0.0.1:6443", false],
  ["https://10.0.0.1:6443", "10.0.0.1:443", true],
  ["https://10.0.0.1", "10.0.0.1:443", false],
  ["https://10.0.0.1:6443", "10.0.0.0/8, other", false],
  ["https://11.0.0.1:6443", "10.0.0.0/8", true],
  ["https://10.0.0.1:6443", "0.0.0.0/0", false],
  ["https://10.0.0.1:6443", "10.0.0.0/nonsense", true],
  ["https://api.example.org", "example.org", false],
  ["https://api.example.org", ".example.org", false],
  ["https://api.example.org", "*.example.org", false],
  ["https://API.example.org", "api.EXAMPLE.org", false],
  ["https://example.org", ".example.org", true],
  ["https://notexample.org", "example.org", true],
  ["https://[fd00::1]:6443", "fd00::1", false],
  ["https://[fd00::1]:6443", "[fd00::1]:6443", false],
  ["https://[fd00::1]:6443", "fd00::2", true],
  ["https://localhost:6443", "", false],
  ["https://127.0.0.1:6443", "", false],
  ["https://10.0.0.1", "", true],
])("%s with NO_PROXY=%s goes through the proxy: %s", (server, noProxy, expected) => {
  expect(proxyFor(server, undefined, env(noProxy))).toBe(expected ? proxied : undefined);
});
