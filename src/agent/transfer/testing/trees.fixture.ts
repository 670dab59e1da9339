import { chmodSync, closeSync, constants, mkdirSync, openSync } from "node:fs";
import { onTestFinished } from "vitest";
import { run } from "../../sys/testing/run.fixture.ts";
import { hasTool, notRoot, scratch } from "../../sys/testing/scratch.fixture.ts";

/** Runs a shell script in a directory. Bytes that are not UTF-8 pass as $'\xff'. */
export function shell(directory: string, script: string): string {
  return run(["bash", "-ec", script], { directory }).toString("latin1");
}

/** Opens a directory; the test closes it. */
export function directoryAt(path: string): number {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  onTestFinished(() => {
    closeSync(fd);
  });
  return fd;
}

/** A source directory, an empty target directory, and a descriptor of each. */
export function sourceAndTarget(): { source: string; target: string; from: number; to: number; base: string } {
  const { path: base } = scratch();
  const [source, target] = [`${base}/source`, `${base}/target`];
  for (const path of [source, target]) mkdirSync(path);
  chmodSync(source, 0o777);
  return { base, source, target, from: directoryAt(source), to: directoryAt(target) };
}

/** Makes one object of each kind that any user can make. */
const PLAIN = String.raw`
echo hello > file; : > empty; chmod 4755 file
head -c 3000000 /dev/urandom > large; printf x >> large
truncate -s 5000001 sparse; head -c 4096 /dev/urandom | dd of=sparse bs=4096 seek=300 conv=notrunc status=none
printf end | dd of=sparse bs=1 seek=5000010 conv=notrunc status=none
truncate -s 1G hole
head -c 1000000 /dev/zero > zeros
mkdir -p dir/sub/deep 'name with
newline' "$(printf 'not-utf8-\xff\xfe')"
echo in > "$(printf 'not-utf8-\xff\xfe/\x80')"
echo deep > dir/sub/deep/leaf
ln -s file link; ln -s /nowhere/at/all dangling; ln -s "$(printf 'to-\xff')" strange-link
ln file hard1; ln file dir/hard2; ln -P link link-hard
mkfifo fifo; chmod 0620 fifo
mkdir sticky setgid; chmod 1777 sticky; chmod 2775 setgid; : > setgid/in
touch -d '2001-02-03 04:05:06.123456789 UTC' file large dir/sub
touch -d '1969-12-31 23:59:58.5 UTC' empty
touch -h -d '1999-01-01 00:00:00.000000001 UTC' link
perl -e 'use IO::Socket::UNIX; IO::Socket::UNIX->new(Local => "socket", Listen => 1) or die' 
`;

/** More than 4,096 bytes of path. */
const LONG = String.raw`
long=$(printf 'n%.0s' {1..240})
for i in {1..19}; do mkdir $long; cd $long; done; echo far > leaf
`;

/** Makes the objects that only root can make. */
const ROOTS = String.raw`
mknod whiteout c 0 0; mknod block b 259 70000; chmod 0604 block
chown 4000000000:7 hard1 dir; chown -h 5:6 link dangling; chown 33:33 fifo whiteout
chmod 4755 file
echo secret > dir/none; chmod 0 dir/none; mkdir closed; echo x > closed/x; chmod 0 closed
`;

const XATTRS = String.raw`
setfattr -n user.note -v 'some value' file
setfattr -n user.empty dir
setfattr -n user.bytes -v 0x00ff00 large
`;
const ROOT_XATTRS = String.raw`
setfattr -n trusted.overlay.opaque -v y dir
setfattr -h -n trusted.link -v l link; setfattr -n trusted.fifo -v f fifo
setfattr -n trusted.root -v r .
`;
const ACLS = String.raw`
setfacl -m u:1234:rwx,g:77:r file
setfacl -d -m u:1234:rwx dir; echo under > dir/inherits
`;

/** Fills a directory with everything that this user and machine can make. */
export function fill(path: string): void {
  shell(path, PLAIN);
  shell(path, LONG);
  if (!notRoot) shell(path, ROOTS);
  if (hasTool("setfattr")) shell(path, XATTRS);
  if (hasTool("setfattr") && !notRoot) shell(path, ROOT_XATTRS);
  if (hasTool("setfacl")) shell(path, ACLS);
  if (hasTool("setcap") && !notRoot) shell(path, "cp -p zeros capable; setcap cap_net_raw=ep capable");
  shell(path, "touch -d '2010-10-10 10:10:10.101010101 UTC' dir .");
}

/** What `find` prints of an object. Records end with a zero byte: a name may have newlines. */
const FIELDS = String.raw`%y|%m|%U:%G|%T@`;
const OBJECT = ["(", "-type", "d", "-printf", String.raw`%p|${FIELDS}\0`, "-o"].concat([
  "-printf",
  String.raw`%p|${FIELDS}|%s|%l|%n\0`,
  ")",
]);
/** Which names belong to one file. */
const NAMES = ["(", "!", "-type", "d", "-links", "+1", "-printf", String.raw`names|%i|%p\0`, ")"];
/** Device numbers. */
const DEVICES = ["(", "-type", "b", "-o", "-type", "c", ")", "-exec", "stat", "--printf", String.raw`%n %Hr:%Lr\0`];
/**
 * The sums are those of b2sum, which takes half the time of sha256sum. Below the directories with
 * long names a path is too long for a tool, in one go: their files are summed up where they are.
 */
const LONG_NAMES = "./nnn*";
const SUMS = ["-type", "f", "-size", "-900M", "!", "-path", LONG_NAMES, "-exec", "b2sum", "-z", "{}", "+"];
const SUMS_BELOW_LONG = ["-type", "f", "-path", LONG_NAMES, "-execdir", "b2sum", "-z", "{}", "+"];
const LOOKS = [OBJECT, NAMES, [...DEVICES, "{}", "+"], SUMS, SUMS_BELOW_LONG];
const DESCRIBE = [".", ...LOOKS.flatMap((look, index) => (index === 0 ? look : [",", ...look]))];

const ATTRIBUTES = [
  "!",
  "-path",
  `${LONG_NAMES}/*`,
  "-exec",
  "getfattr",
  "-h",
  "-d",
  "-m",
  "-",
  "-e",
  "hex",
  "{}",
  "+",
];

/**
 * A tree as text, with everything that the usual tools can show: each object, the sums of its
 * files, device numbers, attributes, and at last which names belong to one file. Tests spend most
 * of their time in it, so it starts few processes: one `find` for attributes and one for all else,
 * and one program for all files, devices or attributes that they find.
 */
export function describeTree(path: string): string {
  const [objects = "", attributes = ""] = found(path).split(BETWEEN);
  const records = objects.split("\0").toSorted();
  const names = records.filter((record) => record.startsWith("names|"));
  return [
    ...records.filter((record) => !record.startsWith("names|")),
    ...attributesOf(attributes),
    ...groups(names),
  ].join("\n");
}

/** No record is empty, and the texts of attributes have no zero byte. */
const BETWEEN = "\0\0";

function found(path: string): string {
  const quoted = (argv: readonly string[]): string =>
    argv.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ");
  const looks = [`find ${quoted(DESCRIBE)}`, String.raw`printf '\0'`];
  if (hasTool("getfattr")) looks.push(`find . ${quoted(ATTRIBUTES)}`);
  const printed = run(["sh", "-c", looks.join(" && ")], { directory: path, variables: { LC_ALL: "C" } });
  return printed.toString("latin1");
}

/** A paragraph for each object. */
function attributesOf(text: string): string[] {
  return text
    .split("\n\n")
    .toSorted()
    .map((lines) => lines.replace(/^.*selinux.*\n?/gm, ""));
}

/** For each file of several names one line, in the order of its first name. */
function groups(names: readonly string[]): string[] {
  const files = new Map<string, string[]>();
  const ofFiles = names.map((record) => /^names\|(\d+)\|(.*)$/s.exec(record)?.slice(1) ?? []);
  for (const [inode = "", name = ""] of ofFiles) files.set(inode, [...(files.get(inode) ?? []), name].toSorted());
  return [...files.values()].map((group) => `one file: ${group.join(" ")}`).toSorted();
}

/** Allocated KiB of a tree, without its directories. */
export function allocatedKib(path: string, name: string): number {
  return Number(shell(path, `du -k '${name}' | cut -f1`));
}

/** Opens a directory that must be closed before the test ends, because it will be unmounted. */
export function directoryAtOnce(path: string): { fd: number; close: () => void } {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  return {
    fd,
    close: () => {
      closeSync(fd);
    },
  };
}
