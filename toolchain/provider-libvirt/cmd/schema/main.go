// The schema command writes the provider's Pulumi schema: `schema schema --skip-docs --out DIR`.
package main

import (
	provider "halab/toolchain/provider-libvirt"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfgen"
)

func main() {
	tfgen.Main("libvirt", provider.Version, provider.Info())
}
