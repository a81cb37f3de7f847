package provider

import "strings"

// dataSourceName turns libvirt_node_device_info into getNodeDeviceInfo.
func dataSourceName(terraform string) string {
	name := "get"
	for _, word := range strings.Split(strings.TrimPrefix(terraform, "libvirt_"), "_") {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	return name
}
