package provider

// Version is the version of the Python package pulumi-aws that this provider serves.
const Version = "7.51.1"

// resources names what Terraform calls a resource as pulumi-aws does; no other one is served.
var resources = map[string]string{
	"aws_ebs_volume":                      "aws:ebs/volume:Volume",
	"aws_eip":                             "aws:ec2/eip:Eip",
	"aws_iam_instance_profile":            "aws:iam/instanceProfile:InstanceProfile",
	"aws_iam_role":                        "aws:iam/role:Role",
	"aws_iam_role_policy":                 "aws:iam/rolePolicy:RolePolicy",
	"aws_instance":                        "aws:ec2/instance:Instance",
	"aws_internet_gateway":                "aws:ec2/internetGateway:InternetGateway",
	"aws_key_pair":                        "aws:ec2/keyPair:KeyPair",
	"aws_network_interface":               "aws:ec2/networkInterface:NetworkInterface",
	"aws_network_interface_attachment":    "aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment",
	"aws_placement_group":                 "aws:ec2/placementGroup:PlacementGroup",
	"aws_route":                           "aws:ec2/route:Route",
	"aws_route_table":                     "aws:ec2/routeTable:RouteTable",
	"aws_route_table_association":         "aws:ec2/routeTableAssociation:RouteTableAssociation",
	"aws_security_group":                  "aws:ec2/securityGroup:SecurityGroup",
	"aws_subnet":                          "aws:ec2/subnet:Subnet",
	"aws_volume_attachment":               "aws:ec2/volumeAttachment:VolumeAttachment",
	"aws_vpc":                             "aws:ec2/vpc:Vpc",
	"aws_vpc_ipv4_cidr_block_association": "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation",
	"aws_vpc_security_group_egress_rule":  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
	"aws_vpc_security_group_ingress_rule": "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
}

// everywhere lists the resources that belong to an account and not to one of its regions.
var everywhere = map[string]bool{
	"aws_iam_instance_profile": true,
	"aws_iam_role":             true,
	"aws_iam_role_policy":      true,
}

// functions does for data sources what resources does for resources.
var functions = map[string]string{
	"aws_ami": "aws:ec2/getAmi:getAmi",
}
