//go:build tools

// Package tools names what `go build` makes of this module.
package tools

import _ "go.etcd.io/etcd/server/v3"
