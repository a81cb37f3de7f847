// pulumi-resource-aws gives Pulumi the part of AWS that halab's labs consist of.
package main

import (
	"context"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"

	provider "halab/toolchain/provider-aws"
)

func main() {
	// A schema is what generators of code ask for; the engine and programs in Python do not.
	tfbridge.MainWithMuxer(context.Background(), "aws", provider.Info(), []byte("{}"))
}
