// Package shim lets other modules have the provider, whose own packages are all internal.
package shim

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"github.com/hashicorp/terraform-provider-aws/internal"
	"github.com/hashicorp/terraform-provider-aws/internal/provider/framework"
	"github.com/hashicorp/terraform-provider-aws/internal/provider/sdkv2"
)

// Halves returns the provider's two halves: what is written for Terraform's older SDK, and what is
// written for its newer framework.
func Halves(ctx context.Context) (*schema.Provider, provider.Provider, error) {
	internal.RegisterSmarterrFS()
	older, err := sdkv2.NewProvider(ctx)
	if err != nil {
		return nil, nil, err
	}
	newer, err := framework.NewProvider(ctx, older)
	return older, newer, err
}
