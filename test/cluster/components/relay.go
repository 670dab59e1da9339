package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// runRelay carries TCP connections from the network namespace it is started in to an address inside another one: a
// kubeconfig that names a loopback port then works outside the cluster as it is. It prints the address it listens on
// as its only line on stdout.
func runRelay(args []string) int {
	flags := flag.NewFlagSet("relay", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address to listen on, in the namespace of the caller")
	namespace := flags.String("netns", "", "file of the network namespace to dial in")
	target := flags.String("to", "", "address to dial, in that namespace")
	_ = flags.Parse(args)

	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		return 1
	}
	dial, err := dialerIn(*namespace)
	if err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		return 1
	}
	fmt.Println(listener.Addr())
	for {
		from, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, "relay:", err)
			return 1
		}
		go func() {
			to, err := dial(*target)
			if err != nil {
				// The component is down, perhaps because a test wants it so: the caller sees a closed connection.
				from.Close()
				return
			}
			join(from.(*net.TCPConn), to.(*net.TCPConn))
		}()
	}
}

// dialerIn returns a function that opens connections in another network namespace. A namespace belongs to a thread, so
// one goroutine is tied to one thread for good and does all the dialling; a socket keeps the namespace it was made in.
func dialerIn(namespace string) (func(address string) (net.Conn, error), error) {
	type result struct {
		conn net.Conn
		err  error
	}
	type request struct {
		address string
		reply   chan result
	}
	requests := make(chan request)
	entered := make(chan error)
	go func() {
		runtime.LockOSThread()
		file, err := os.Open(namespace)
		if err == nil {
			err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
			file.Close()
		}
		entered <- err
		if err != nil {
			return
		}
		for r := range requests {
			conn, err := net.Dial("tcp", r.address)
			r.reply <- result{conn, err}
		}
	}()
	if err := <-entered; err != nil {
		return nil, fmt.Errorf("entering %s: %w", namespace, err)
	}
	return func(address string) (net.Conn, error) {
		reply := make(chan result)
		requests <- request{address, reply}
		r := <-reply
		return r.conn, r.err
	}, nil
}

// join copies both ways until both sides are done; each end of stream is passed on, so that a half-closed connection
// stays half-closed.
func join(a, b *net.TCPConn) {
	done := make(chan struct{}, 2)
	pipe := func(to, from *net.TCPConn) {
		_, _ = io.Copy(to, from)
		_ = to.CloseWrite()
		done <- struct{}{}
	}
	go pipe(a, b)
	go pipe(b, a)
	<-done
	<-done
	a.Close()
	b.Close()
}
