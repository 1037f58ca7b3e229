//go:build tools

// Package tools names what `go build` makes of this module. Kubernetes itself cannot be installed by name:
// its go.mod replaces the modules of its staging folder by relative paths, which a module zip does not have.
package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
