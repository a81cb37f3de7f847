// pulumi-resource-libvirt serves the libvirt provider to Pulumi.
package main

import (
	_ "embed"

	provider "halab/toolchain/provider-libvirt"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
)

// schema.json is written by cmd/schema before this program is built.
//
//go:embed schema.json
var schema []byte

func main() {
	tfbridge.Main("libvirt", provider.Version, provider.Info(), schema)
}
