// Package provider describes a part of terraform-provider-aws to the Pulumi bridge, with the
// tokens and the version that the Python package pulumi-aws expects.
package provider

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"os"

	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"github.com/hashicorp/terraform-provider-aws/shim"
	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/info"
	tfshim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	sdkv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// longestName is how long a name may be that Pulumi makes up; all of halab's are given.
const longestName = 255

// Info maps what halab uses of the provider to its Pulumi tokens and leaves out the rest.
func Info() tfbridge.ProviderInfo {
	ctx := context.Background()
	// It logs on the way what is meant for its own developers.
	log.SetOutput(io.Discard)
	older, newer, err := shim.Halves(ctx)
	log.SetOutput(os.Stderr)
	if err != nil {
		panic(err)
	}
	both := pf.MuxShimWithPF(ctx, sdkv2.NewProvider(older), newer)
	mapped, unserved := mapResources(both)
	sources, more := mapFunctions(both)
	described := tfbridge.ProviderInfo{
		P:              both,
		Name:           "aws",
		Version:        Version,
		DisplayName:    "AWS",
		License:        "Apache-2.0",
		MetadataInfo:   info.NewProviderMetadata(halves(older)),
		Resources:      mapped,
		DataSources:    sources,
		IgnoreMappings: append(unserved, more...),
		Config: map[string]*tfbridge.SchemaInfo{
			"region":                 {Default: &tfbridge.DefaultInfo{EnvVars: []string{"AWS_REGION", "AWS_DEFAULT_REGION"}}},
			"skip_region_validation": {Default: &tfbridge.DefaultInfo{Value: true}},
		},
		EnableZeroDefaultSchemaVersion: true,
		EnableAccuratePFBridgePreview:  true,
	}
	described.SetAutonaming(longestName, "-")
	return described
}

// mapResources returns what is served, and the names of all else.
func mapResources(provider tfshim.Provider) (map[string]*tfbridge.ResourceInfo, []string) {
	served, rest := map[string]*tfbridge.ResourceInfo{}, []string{}
	provider.ResourcesMap().Range(func(key string, found tfshim.Resource) bool {
		token, wanted := resources[key]
		if !wanted {
			rest = append(rest, key)
			return true
		}
		fields := map[string]*tfbridge.SchemaInfo{}
		if all, ok := found.Schema().GetOk("tags_all"); ok && all.Optional() {
			fields["tags_all"] = &tfbridge.SchemaInfo{MarkAsComputedOnly: tfbridge.True()}
		}
		served[key] = &tfbridge.ResourceInfo{Tok: tokens.Type(token), Fields: fields}
		if !everywhere[key] {
			served[key].PreCheckCallback = fillRegion
		}
		return true
	})
	for key := range resources {
		if served[key] == nil {
			panic("the provider has no " + key)
		}
	}
	// pulumi-aws has these in the singular, as it had them first.
	group := served["aws_security_group"].Fields
	group["ingress"] = &tfbridge.SchemaInfo{Name: "ingress"}
	group["egress"] = &tfbridge.SchemaInfo{Name: "egress"}
	return served, rest
}

// mapFunctions does for data sources what mapResources does for resources.
func mapFunctions(provider tfshim.Provider) (map[string]*tfbridge.DataSourceInfo, []string) {
	served, rest := map[string]*tfbridge.DataSourceInfo{}, []string{}
	provider.DataSourcesMap().Range(func(key string, _ tfshim.Resource) bool {
		if token, wanted := functions[key]; wanted {
			served[key] = &tfbridge.DataSourceInfo{Tok: tokens.ModuleMember(token)}
		} else {
			rest = append(rest, key)
		}
		return true
	})
	return served, rest
}

// fillRegion states the provider's region where a resource names none. The provider does so itself,
// but only after the bridge has compared what is wanted with what is there.
func fillRegion(
	_ context.Context, wanted resource.PropertyMap, configured resource.PropertyMap,
) (resource.PropertyMap, error) {
	filled := wanted.Copy()
	if given, ok := wanted["region"]; ok && !given.IsNull() {
		return filled, nil
	}
	if region, ok := configured["region"]; ok && !region.IsNull() {
		filled["region"] = region
	}
	return filled, nil
}

// halves words, as the bridge reads it, which half of the provider serves which token: 0 is the
// older, 1 the newer.
func halves(older *schema.Provider) []byte {
	split := func(names map[string]string, in map[string]*schema.Resource) map[string]int {
		half := map[string]int{}
		for key, token := range names {
			half[token] = 1
			if in[key] != nil {
				half[token] = 0
			}
		}
		return half
	}
	written, err := json.Marshal(map[string]any{"mux": map[string]any{
		"resources": split(resources, older.ResourcesMap),
		"functions": split(functions, older.DataSourcesMap),
	}})
	if err != nil {
		panic(err)
	}
	return written
}
