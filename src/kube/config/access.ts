/** A certificate or key in PEM form: given, or in a file that is read again when it changes. */
export type Pem = { readonly text: string } | { readonly file: string };

/**
 * What a connection to an API server needs: where it is, whom to trust, and who we are. Made by
 * `loadKubeconfig` or `classicAccess`.
 */
export interface ClusterAccess {
  /** Where this came from, for messages: `in-cluster`, or the file and context. */
  readonly source: string;
  /** URL of the API server, without a slash at the end; it may have a path. */
  readonly server: string;
  /** The namespace of the context or of the pod; `default` when none is set. */
  readonly currentNamespace: string;
  readonly tls: TlsAccess;
  /** The proxy that leads to the server: `http:`, `https:` or `socks5:`. */
  readonly proxyUrl?: string | undefined;
  readonly credentials: CredentialSource;
  /** Sent with every request; the impersonation headers. */
  readonly headers?: Readonly<Record<string, string | string[]>> | undefined;
}

export interface TlsAccess {
  /** Unset: the authorities that Node trusts. */
  readonly authority?: Pem | undefined;
  /** The name the server's certificate must carry, when it is not the host of the URL. */
  readonly serverName?: string | undefined;
  /** Trust any server. */
  readonly insecure?: boolean | undefined;
  readonly clientCertificate?: { readonly certificate: Pem; readonly key: Pem } | undefined;
}

/** How a request proves who sends it, besides a client certificate. */
export type CredentialSource =
  | { readonly kind: "none" }
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "tokenFile"; readonly file: string }
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  | { readonly kind: "exec"; readonly plugin: ExecPlugin };

/** A program that prints an ExecCredential (client.authentication.k8s.io). */
export interface ExecPlugin {
  readonly apiVersion: "client.authentication.k8s.io/v1" | "client.authentication.k8s.io/v1beta1";
  /** A bare name (looked up in PATH) or an absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Shown when the program is not there. */
  readonly installHint?: string | undefined;
  /** `spec.cluster` of what the program is told, when it asked for it. */
  readonly cluster?: Readonly<Record<string, unknown>> | undefined;
}
