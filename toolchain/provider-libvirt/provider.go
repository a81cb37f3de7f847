// Package provider describes terraform-provider-libvirt to the Pulumi bridge, with the
// tokens and the version that the Python package pulumi-libvirt expects.
package provider

import (
	"github.com/dmacvicar/terraform-provider-libvirt/libvirt"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// Version is the version of the Python package pulumi-libvirt that this provider serves.
const Version = "0.5.4"

const (
	pkg    = "libvirt"
	module = "index"
)

// Info maps every resource and data source of the Terraform provider to its Pulumi token.
func Info() tfbridge.ProviderInfo {
	resources := map[string]string{
		"libvirt_domain":         "Domain",
		"libvirt_network":        "Network",
		"libvirt_pool":           "Pool",
		"libvirt_volume":         "Volume",
		"libvirt_cloudinit_disk": "CloudInitDisk",
		"libvirt_ignition":       "Ignition",
		"libvirt_combustion":     "Combustion",
	}
	info := tfbridge.ProviderInfo{
		P:           shim.NewProvider(libvirt.Provider()),
		Name:        pkg,
		Version:     Version,
		DisplayName: "libvirt",
		License:     "Apache-2.0",
		Resources:   map[string]*tfbridge.ResourceInfo{},
		DataSources: map[string]*tfbridge.DataSourceInfo{},
	}
	for terraform, pulumi := range resources {
		info.Resources[terraform] = &tfbridge.ResourceInfo{
			Tok: tfbridge.MakeResource(pkg, module, pulumi),
		}
	}
	for terraform := range libvirt.Provider().DataSourcesMap {
		info.DataSources[terraform] = &tfbridge.DataSourceInfo{
			Tok: tokens.ModuleMember(tfbridge.MakeDataSource(pkg, module, dataSourceName(terraform))),
		}
	}
	return info
}
