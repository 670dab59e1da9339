#!/bin/sh
# The first process of a cluster: it makes the network of the control plane and then only waits. It is process 1 of a
# process namespace that everything of the cluster lives in, so that killing it ends all of it. Started by
# namespaces.ts in new network, mount and process namespaces. Arguments: the directory of the cluster.
set -eu
directory=$1

# /proc is still the one of the caller, whose number for this process is the one the caller can use.
cd /proc/self
outside=$(pwd -P)
cd /
mount --make-rprivate /
mount -t proc proc /proc

ip link set lo up
# The address of the `kubernetes` Service. Being a local address here, it needs no kube-proxy.
ip address add 10.96.0.1/32 dev lo
# An address of its own: otherwise the bridge takes that of the port with the lowest one, and changes it with the nodes.
ip link add br0 address 02:00:0a:4d:00:01 type bridge
ip address add 10.77.0.1/24 dev br0
ip link set br0 up
echo 1 >/proc/sys/net/ipv4/ip_forward

printf '%s' "${outside##*/}" >"$directory/init.pid.new"
mv "$directory/init.pid.new" "$directory/init.pid"

# The shell reaps what is left to process 1 while it waits.
while :; do
  sleep 2147483 &
  wait $!
done
