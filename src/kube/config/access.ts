/** A certificate or key in PEM form: the text itself, or a file that is read again regularly. */
export type Pem = { readonly text: string } | { readonly file: string };

/**
 * What a connection to an API server needs: its URL, the CA to trust, and our credentials. Made by
 * `loadKubeconfig` or `classicAccess`.
 */
export interface ClusterAccess {
  /** Where this came from, for messages: `in-cluster`, or the file and context. */
  readonly source: string;
  /** URL of the API server, without a trailing slash. It may contain a path. */
  readonly server: string;
  /** The namespace of the context or of the pod; `default` when none is set. */
  readonly currentNamespace: string;
  readonly tls: TlsAccess;
  /** URL of the proxy to connect through: `http:`, `https:` or `socks5:`. */
  readonly proxyUrl?: string | undefined;
  readonly credentials: CredentialSource;
  /** Sent with every request; the impersonation headers. */
  readonly headers?: Readonly<Record<string, string | string[]>> | undefined;
}

export interface TlsAccess {
  /** The CA certificates. Unset: those that Node trusts. */
  readonly authority?: Pem | undefined;
  /** The name that the server's certificate must have, if it differs from the host in the URL. */
  readonly serverName?: string | undefined;
  /** Do not verify the server's certificate. */
  readonly insecure?: boolean | undefined;
  readonly clientCertificate?: { readonly certificate: Pem; readonly key: Pem } | undefined;
}

/** How a request authenticates, other than by a client certificate. */
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
  /** Shown when the program is not installed. */
  readonly installHint?: string | undefined;
  /** `spec.cluster` of the ExecCredential that the program gets, if it has provideClusterInfo. */
  readonly cluster?: Readonly<Record<string, unknown>> | undefined;
}
