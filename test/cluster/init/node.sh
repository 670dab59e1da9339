#!/bin/sh
# The first process of a node: it makes the node's file system and then only waits. Started by namespaces.ts in new
# network, mount, process, host name and IPC namespaces; killing it is pulling the node's plug.
# Arguments: directory of the node, its name, its cgroup, directory of the components, directory of containerd, then the
# paths that are on the node's own disk.
#
# The node's root is an overlay over the machine's: all programs are there, and whatever is written anywhere stays on
# this node. The paths that hold volumes and containers are plain directories of the disk instead, since an overlay
# cannot lie upon an overlay, and reflinks and mounts shall be what they are on a real node.
set -eu
directory=$1 name=$2 cgroup=$3 components=$4 containerd=$5
shift 5
root=$directory/root

if [ -z "${MOORING_IN_CGROUP-}" ]; then
  cd /proc/self
  outside=$(pwd -P)
  cd /
  printf '%s' "${outside##*/}" >"$directory/init.pid.new"
  mv "$directory/init.pid.new" "$directory/init.pid"
  hostname "$name"
  mount --make-rprivate /

  # Each line: mount point, type, options of a cgroup hierarchy.
  awk '{ for (i = 7; i < NF - 2; i++) if ($i == "-" && $(i + 1) ~ /^cgroup2?$/) print $5, $(i + 1), $(i + 3) }' \
    /proc/self/mountinfo >"$directory/hierarchies"
  while read -r hierarchy type options; do
    path=$hierarchy
    for part in $(echo "$cgroup" | tr / ' '); do
      mkdir -p "$path/$part"
      # On cgroup v1 a new cpuset is empty and takes no process.
      if [ -e "$path/$part/cpuset.mems" ] && [ -e "$path/cpuset.mems" ] && [ "$type" = cgroup ]; then
        cat "$path/cpuset.cpus" >"$path/$part/cpuset.cpus"
        cat "$path/cpuset.mems" >"$path/$part/cpuset.mems"
      fi
      path=$path/$part
    done
    echo 0 >"$path/cgroup.procs"
  done <"$directory/hierarchies"
  # With a cgroup namespace the kubelet and runc take the node's cgroup for the root, so all they make is below it.
  MOORING_IN_CGROUP=1 exec unshare --cgroup sh "$0" "$directory" "$name" "$cgroup" "$components" "$containerd" "$@"
fi

mkdir -p "$root" "$directory/upper" "$directory/work"
mount -t overlay -o "lowerdir=/,upperdir=$directory/upper,workdir=$directory/work" overlay "$root"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/run"

mkdir -p "$root/run/mooring/config" "$root/run/mooring/components" "$root/run/mooring/containerd" "$root/run/lock"
: >"$root/run/mooring/cgroups"
while read -r hierarchy type options; do
  options=$(echo ",$options" | sed 's/,rw//; s/^,//')
  # What came with /sys shows the cgroups of the machine, and the kernel refuses the same hierarchy on top of itself.
  umount "$root$hierarchy"
  mount -t "$type" ${options:+-o "$options"} cgroup "$root$hierarchy"
  if [ "$type" = cgroup2 ]; then
    # Version 2 allows processes in leaves only.
    mkdir -p "$root$hierarchy/init"
    echo 0 >"$root$hierarchy/init/cgroup.procs"
    echo "$hierarchy/init" >>"$root/run/mooring/cgroups"
  else
    echo "$hierarchy" >>"$root/run/mooring/cgroups"
  fi
done <"$directory/hierarchies"

mount --bind "$directory/config" "$root/run/mooring/config"
mount --bind "$components" "$root/run/mooring/components"
mount --bind "$containerd" "$root/run/mooring/containerd"
for path in "$@"; do
  mkdir -p "$root$path" "$directory/disk$path"
  mount --bind "$directory/disk$path" "$root$path"
done
chmod 1777 "$root/tmp"

# The kubelet wants these settings and would change them for the whole machine. It gets files that say what it wants.
kernel() {
  [ -e "$root/proc/sys/$1" ] || return 0
  mkdir -p "$directory/sysctl"
  echo "$2" >"$directory/sysctl/$(echo "$1" | tr / .)"
  mount --bind "$directory/sysctl/$(echo "$1" | tr / .)" "$root/proc/sys/$1"
}
kernel vm/overcommit_memory 1
kernel vm/panic_on_oom 0
kernel kernel/panic 10
kernel kernel/panic_on_oops 1
kernel kernel/keys/root_maxkeys 1000000
kernel kernel/keys/root_maxbytes 25000000

ip link set lo up
echo 1 >"$root/proc/sys/net/ipv4/ip_forward"

cd "$root"
pivot_root . .
umount -l .
cd /
# Shared, as systemd has it: `mountPropagation: Bidirectional` needs it.
mount --make-rshared /
: >/run/mooring/ready

while :; do
  sleep 2147483 &
  wait $!
done
