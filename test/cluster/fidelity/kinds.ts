/*
 * What a file system can hold, kind by kind. For each kind shell commands make it in a directory of
 * its own, change it, and show it; none of them is ours. They run in bash with LC_ALL=C and TZ=UTC.
 */

/** One kind of thing that has to arrive. */
export interface Kind {
  /** Makes it in an empty directory. */
  readonly make: string;
  /** Changes what was made, while a copy of it is there already. */
  readonly change: string;
  /** Prints all that counts. Equal directories print the same. */
  readonly show: string;
  /** Words that it prints, so that one knows that it was made. */
  readonly shows: readonly RegExp[];
}

/** Programs that are asked, and their Debian packages. */
export const TOOLS = {
  setfacl: "acl",
  getfattr: "attr",
  setcap: "libcap2-bin",
  lsattr: "e2fsprogs",
  perl: "perl-base",
} as const;

/** Runs a program with all paths, in order. */
const ALL = "find . -print0 | sort -z | xargs -0";
/** XFS shows its ACLs twice, and once as attributes of its own. */
const XATTRS = `${ALL} getfattr -h -d -m - -e hex | grep -v ^trusted.SGI_ACL`;
const NAMES_AND = (format: string): string => `find . -printf '%p %y ${format}\\n' | sort`;

/**
 * Offsets at which the data of each file begins and ends: 3 is SEEK_DATA, 4 is SEEK_HOLE. What is
 * not written to the disk yet is no hole for some file systems, so that comes first.
 */
const EXTENTS = String.raw`sync -f .; for f in *; do perl -e '
  open(F, "<", $ARGV[0]) or die; my ($at, $size, @found) = (0, -s F);
  while ($at < $size and defined(my $data = sysseek(F, $at, 3))) { $at = sysseek(F, $data, 4) or die; push @found, ($data + 0) . "-$at" }
  print "$ARGV[0] $size: @found\n"' $f; done`;

export const KINDS = {
  content: {
    make: String.raw`
      : > empty; printf x > one; head -c 3M /dev/urandom > large; head -c 5000000 /dev/zero > zeros
      for size in 4095 4096 4097 65535 65536 65537 1048575 1048576 1048577; do head -c $size /dev/urandom > of-$size; done
      cp large same; cp large patched; cp large cut; cp large longer; cp large wiped; printf old > small`,
    change: String.raw`
      printf changed. | dd of=patched bs=1 seek=2000000 conv=notrunc status=none; truncate -s 1500001 cut; printf more >> longer
      head -c 1M /dev/zero | dd of=wiped bs=1M seek=1 conv=notrunc status=none; printf new > small; printf now > empty; : > one
      head -c 2M /dev/urandom > new; mv new of-4096; rm of-4095`,
    show: `find . -type f -print0 | sort -z | xargs -0 sha256sum`,
    // The sha256 of no bytes.
    shows: [/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/],
  },
  modes: {
    make: String.raw`for mode in 0 1 70 700 111 644 1755 2755 4755 6711 7777; do
      echo x > f-$mode; mkdir d-$mode; echo x > d-$mode/in; chmod $mode f-$mode d-$mode; done; mkfifo fifo; chmod 2461 fifo`,
    change: "chmod 4511 f-644; chmod 0 f-7777; chmod 7000 d-0; chmod 0 d-7777; chmod 6755 fifo; echo more >> f-4755",
    show: NAMES_AND("%m"),
    shows: [/f-6711 f 6711$/m, /d-1755 d 1755$/m, /f-0 f 0$/m],
  },
  owners: {
    make: String.raw`for owner in 0:0 1:2 65534:65534 4294967294:4294967293; do
      echo x > f-$owner; mkdir d-$owner; ln -s x l-$owner; mkfifo p-$owner; mknod n-$owner c 0 0; echo x > s-$owner
      chown -h $owner ?-$owner; chmod 6755 s-$owner; done`,
    change: "chown -h 7:8 ?-1:2; chown 9 s-0:0; chmod 4755 s-0:0; chgrp -h 10 ?-65534:65534",
    show: NAMES_AND("%U:%G %m"),
    shows: [
      /\/d-4294967294:4294967293 d 4294967294:4294967293 /,
      /l 4294967294:4294967293/,
      /s-4294967294:4294967293 f 4294967294:4294967293 6755/,
    ],
  },
  times: {
    make: String.raw`
      at() { echo x > f-$1; mkdir d-$1; ln -s x l-$1; mkfifo p-$1; mknod n-$1 c 0 0; touch -h -d "$2" ?-$1; }
      at early '1901-12-14 00:00:00.000000001'; at before '1969-12-31 23:59:59.999999999'; at zero '1970-01-01 00:00:00'
      at first '1970-01-01 00:00:00.000000001'; at usual '2024-02-29 12:34:56.123456789'; at last '2038-01-19 03:14:07.999999999'
      at after '2038-01-19 03:14:08.000000001'; at late '2400-01-01 00:00:00.987654321'`,
    change: String.raw`
      touch -h -d '2024-02-29 12:34:56.123456788' ?-usual; touch -h -d '1969-12-31 23:59:58.5' ?-zero; echo more >> f-late
      touch -h -d '2024-02-29 12:34:57' f-before; touch -h -d '2399-12-31 23:59:59.000000001' ?-after`,
    // Of the directory itself too, whose time changes when something is made in it.
    show: `${ALL} stat -c '%n %y'`,
    shows: [/l-late 2400-01-01 00:00:00\.987654321/, /l-early 1901-12-14 00:00:00\.000000001/],
  },
  xattrs: {
    make: String.raw`
      echo x > file; mkdir dir; ln -s x link; mkfifo fifo; mknod node c 0 0; echo x > many; echo x > big; echo x > gone
      head -c 2M /dev/urandom > large; setfattr -n user.large -v yes large
      setfattr -n user.text -v 'some text' file; setfattr -n user.empty file; setfattr -n user.empty dir
      setfattr -n user.bytes -v 0x00ff000a0d file; setfattr -n user.$(printf 'n%.0s' {1..250}) -v long file
      setfattr -n "user.$(printf '\xff\xfe =')" -v odd dir
      for name in {1..60}; do setfattr -n user.$name -v v$name many; done; setfattr -n user.big -v $(printf 'v%.0s' {1..3000}) big
      for name in file dir link fifo node; do setfattr -h -n trusted.of -v $name $name; done
      setfattr -n trusted.overlay.opaque -v y dir; setfattr -n user.gone -v x gone`,
    change: String.raw`
      setfattr -n user.text -v 'other text' file; setfattr -x user.empty file; setfattr -n user.new -v new dir; setfattr -x user.gone gone
      setfattr -h -n trusted.of -v other link; setfattr -h -x trusted.of node; setfattr -n user.30 -v other many; setfattr -n user.large -v no large`,
    show: XATTRS,
    shows: [/user\.text=0x736f6d652074657874|user\.text=0x6f74686572/, /trusted\.overlay\.opaque=/, /user\.n{250}=/],
  },
  acls: {
    make: String.raw`
      echo x > file; mkdir dir closed; echo x > plain; head -c 2M /dev/urandom > large; mkfifo fifo; echo x > set
      setfacl -m u:1234:rwx,u:4294967293:r,g:77:rx,m:rx file; setfacl -m g:5:w fifo; setfacl -m u:5:rw large
      setfacl -m u:1:rwx dir; setfacl -d -m u:1234:rwx,g:7:r dir; echo x > dir/inherits; mkdir dir/sub; echo x > dir/bare; setfacl -b dir/bare
      setfacl -m u:3:--- closed; chmod 0 closed; chmod 6755 set; setfacl -m u:6:rwx set
      setfacl -m $(printf 'u:%d:r,' {100..119})u:120:rw plain`,
    change: String.raw`
      setfacl -m u:1234:- file; setfacl -b plain; setfacl -k dir; setfacl -d -m u:8:rwx dir/sub; chmod 600 large; setfacl -m u:4:x dir/bare
      setfacl -b set; chmod 4711 set`,
    show: `${ALL} getfacl -n -P; ${NAMES_AND("%m")}`,
    shows: [/user:4294967293:r--/, /default:user:1234:rwx|default:user:8:rwx/, /user:3:---/],
  },
  capabilities: {
    make: String.raw`
      cp /bin/true raw; cp /bin/true bind; cp /bin/true rooted; cp /bin/true owned; cp /bin/true gone; chown 1000:1000 owned
      setcap cap_net_raw=ep raw; setcap cap_net_bind_service,cap_sys_admin=eip bind; setcap -n 1000 cap_chown=ei rooted
      setcap cap_kill=p owned; setcap cap_kill=p gone; chmod 2755 raw`,
    change: "setcap cap_net_admin=ep raw; setcap -r gone; chown 0:7 bind; setcap cap_chown=i bind",
    show: `find . -type f -print0 | sort -z | xargs -0 getcap -n; ${ALL} getfattr -h -d -m security -e hex; ${NAMES_AND("%m %U:%G")}`,
    shows: [/raw cap_net_(raw|admin)=ep/, /rooted.*\[rootid=1000\]/],
  },
  links: {
    make: String.raw`
      mkdir a b a/c; echo x > a/file; ln a/file b/file; ln a/file z; head -c 2M /dev/urandom > b/large; ln b/large a/c/large
      ln -s x a/link; ln -P a/link b/link; mkfifo a/fifo; ln a/fifo z-fifo; mknod b/node c 1 3; ln b/node a/node
      echo y > a/one; ln a/one a/two; for name in {1..300}; do ln a/file b/of-$name; done`,
    change: String.raw`
      ln z a/new; rm a/file; rm a/two; ln z a/two; ln b/large b/large-too; echo more >> z; rm b/link; ln -P a/link z-link; rm a/one; cp z a/one`,
    // Which names are of one object, and how many they are.
    show: String.raw`find . ! -type d -printf '%i %p %n %y\n' | sort -k 2 | perl -pe 's/^(\d+)/$n{$1} \/\/= ++$k/e'`,
    shows: [/ 30\d f$/m, /b\/node 2 c/],
  },
  symlinks: {
    make: String.raw`
      echo x > file; mkdir dir; ln -s file to-file; ln -s dir to-dir; ln -s nowhere dangling; ln -s itself itself; ln -s loop-b loop-a; ln -s loop-a loop-b
      ln -s /etc/passwd absolute; ln -s ../../../../../../.. up; ln -s . here; ln -s "$(printf 'to-\xff\n')" strange; ln -s $(printf 'x%.0s' {1..1023}) long
      chown -h 3:4 dangling`,
    change:
      "ln -sfn file to-dir; ln -sfn elsewhere dangling; rm here; mkdir here; rmdir dir; ln -s file dir; rm absolute; echo x > absolute",
    show: "find . -printf '%p %y %U:%G -> %l\\n' | sort",
    shows: [/absolute (l 0:0 -> \/etc\/passwd|f)/, /-> x{1023}$/m],
  },
  specials: {
    make: String.raw`
      mkfifo fifo; mknod whiteout c 0 0; mknod null c 1 3; mknod block b 259 70000; mknod large c 511 262143; chmod 604 block; chown 3:4 null
      perl -e 'use IO::Socket::UNIX; for (@ARGV) { IO::Socket::UNIX->new(Local => $_, Listen => 1) or die }' socket other; chmod 2741 socket; chown 5:6 socket
      touch -d '2011-11-11 11:11:11.123456789' socket; setfattr -n trusted.of -v socket socket; ln socket link
      mkdir dir; mknod dir/whiteout c 0 0; setfattr -n trusted.overlay.opaque -v y dir`,
    change:
      "rm null; mknod null c 1 5; rm fifo; echo x > fifo; rm -r dir; mknod dir c 0 0; chmod 666 block; rm whiteout; mkdir whiteout; chmod 600 socket; rm other; echo x > other",
    show: `${ALL} stat -c '%n %F %a %u:%g %Hr:%Lr %y' | grep -v '^\\. '; stat -c %h socket; getfattr -d -m trusted socket`,
    shows: [
      /block block special file \d+ 0:0 259:70000 /,
      /large character special file 644 0:0 511:262143 /,
      /^\.\/socket socket \d+ 5:6 0:0 2011-11-11 11:11:11\.123456789/m,
    ],
  },
  holes: {
    make: String.raw`
      truncate -s 10M none; truncate -s 3T data-in-3T; printf middle | dd of=data-in-3T bs=1 seek=1T conv=notrunc status=none
      head -c 1M /dev/urandom > end-hole; truncate -s 9000001 end-hole; cp --sparse=never end-hole grows; truncate -s 8998912 grows; truncate -s 8M begin-hole; head -c 70000 /dev/urandom >> begin-hole
      head -c 4M /dev/urandom > checked; for at in {0..62..2}; do fallocate -p -o $((at * 65536)) -l 65536 checked; done
      head -c 3M /dev/urandom > later; head -c 3M /dev/urandom > filled; fallocate -p -o 1M -l 1M filled; truncate -s 1M tiny; printf x | dd of=tiny bs=1 conv=notrunc status=none`,
    change: String.raw`
      fallocate -p -o 1M -l 512K later; head -c 1M /dev/urandom | dd of=filled bs=1M seek=1 conv=notrunc status=none; truncate -s 3M none
      truncate -s 100M grows; fallocate -p -o 512K -l 64K checked; printf later | dd of=data-in-3T bs=1 seek=2T conv=notrunc status=none`,
    show: `${EXTENTS}; find . -type f -size -1G -print0 | sort -z | xargs -0 sha256sum; dd if=data-in-3T bs=1M skip=1M count=1 status=none | sha256sum`,
    shows: [/^data-in-3T 3298534883328: 1099511627776-1099511631872( \d+-\d+)?$/m, /^none \d+: $/m],
  },
  names: {
    make: String.raw`
      perl -e 'for my $byte (1 .. 255) { next if $byte == 47; my $name = "b" . chr($byte); open(F, ">", $name) or die; print F $byte; close F }'
      for name in ' ' '-rf' '...' '*' '\' '"' "'" $'new\nline' $'\xff\xfe' $'\xc3\xa9' $'e\xcc\x81' $'\xed\xa0\x80' '~' '#x#'; do mkdir -- "$name"; echo "$name" > "./$name/x$name"; done
      printf x > $(printf 'l%.0s' {1..255}); printf y > $(printf '\xf0\x9f\x98\x80%.0s' {1..63})`,
    change: String.raw`mv ' ' $'\x01'; mv $'\xff\xfe' $'\xff\xff'; rm $'b\xff'; echo more >> $'b\n'; mv ./-rf ./-fr`,
    show: "find . -print0 | sort -z | xargs -0 -n 1 printf '%q\\n'; find . -type f -print0 | sort -z | xargs -0 sha256sum",
    shows: [/l{255}/, /\\377/],
  },
  depth: {
    make: String.raw`
      long=$(printf 'n%.0s' {1..250}); (for i in {1..20}; do mkdir $long; cd $long; done; echo far > leaf; chmod 600 leaf)
      mkdir -p $(printf 'd/%.0s' {1..1900}); echo x > $(printf 'd/%.0s' {1..1900})leaf`,
    change: String.raw`
      long=$(printf 'n%.0s' {1..250}); (for i in {1..20}; do cd $long; done; echo farther > leaf; mkdir -m 1700 below)
      echo y > $(printf 'd/%.0s' {1..1900})leaf; echo z > $(printf 'd/%.0s' {1..1000})half`,
    show: "find . -printf '%p %y %m %s\\n' | grep -v ' d .* [0-9]*$' | sort; find . -printf '%d %y %m\\n' | sort; find . -name leaf -execdir sha256sum {} + | sort",
    shows: [/1901 f 644/, /21 f 600/],
  },
  directories: {
    make: String.raw`
      mkdir empty 'empty in' 'empty in/empty' sticky setgid many kept; chmod 1777 sticky; chmod 2775 setgid; chgrp 5 setgid; echo x > setgid/in; mkdir setgid/sub
      seq -f 'many/%g' 3000 | xargs touch; seq -f 'kept/%g' 100 | xargs mkdir; echo x > kept/50/x`,
    change: String.raw`
      rmdir empty; echo x > empty; rm -r setgid; seq -f 'many/%g' 1000 2000 | xargs rm; touch many/new; mkdir many/5000 'empty in/other'; rm kept/50/x
      rm -r sticky; ln -s kept sticky`,
    show: `${NAMES_AND("%m %U:%G")}; ${ALL} stat -c '%n %y'`,
    shows: [/setgid d 2775 0:5|empty f/, /many\/3000 f/],
  },
} as const satisfies Record<string, Kind>;

/** What the root of a volume has itself. */
export const ROOT = {
  make: String.raw`
    setfattr -n trusted.root -v r .; setfacl -d -m u:1:rwx .; setfacl -m u:2:x .; chown 5:6 .; chmod 2751 .
    touch -d '2001-01-01 00:00:00.000000001' .`,
  show: `stat -c '%a %u:%g %y' .; getfattr -d -m - -e hex . | grep -v ^trusted.SGI_ACL; getfacl -n .`,
};

export type KindName = keyof typeof KINDS;
