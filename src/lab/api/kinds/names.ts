// How names may look, and what is said about those that do not (apimachinery, pkg/util/validation).
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAME_PART = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

const SUBDOMAIN_HELP =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_HELP =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const PART_HELP =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE_HELP =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

const LONGEST_LABEL = 63;
const LONGEST_SUBDOMAIN = 253;

/** What is wrong with a name such as `web-1`; nothing if it is right. */
export function labelNameFaults(name: string): string[] {
  const faults = tooLong(name, LONGEST_LABEL);
  if (LABEL.test(name)) return faults;
  // A dot alone is worth its own word.
  if (name.includes(".") && SUBDOMAIN.test(name)) return [...faults, "must not contain dots"];
  return [...faults, LABEL_HELP];
}

/** What is wrong with a name such as `example.com`. */
export function subdomainFaults(name: string): string[] {
  return [...tooLong(name, LONGEST_SUBDOMAIN), ...(SUBDOMAIN.test(name) ? [] : [SUBDOMAIN_HELP])];
}

/** What is wrong with a key of a label or an annotation: `name` or `example.com/name`. */
export function qualifiedNameFaults(text: string): string[] {
  const [first = "", second, ...more] = text.split("/");
  if (more.length > 0) {
    return [`a valid label key ${PART_HELP} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const faults: string[] = [];
  const name = second ?? first;
  if (second !== undefined) {
    if (first === "") faults.push("prefix part must be non-empty");
    else faults.push(...subdomainFaults(first).map((fault) => `prefix part ${fault}`));
  }
  if (name === "") faults.push("name part must be non-empty");
  else faults.push(...tooLong(name, LONGEST_LABEL).map((fault) => `name part ${fault}`));
  if (!NAME_PART.test(name)) faults.push(`name part ${PART_HELP}`);
  return faults;
}

/** What is wrong with the value of a label. */
export function labelValueFaults(value: string): string[] {
  return [...tooLong(value, LONGEST_LABEL), ...(LABEL_VALUE.test(value) ? [] : [LABEL_VALUE_HELP])];
}

/** What is wrong with the last segment of a path. */
export function pathNameFaults(name: string): string[] {
  if (name === "." || name === "..") return [`may not be '${name}'`];
  return ["/", "%"].filter((char) => name.includes(char)).map((char) => `may not contain '${char}'`);
}

function tooLong(text: string, limit: number): string[] {
  return text.length > limit ? [`must be no more than ${String(limit)} bytes`] : [];
}
