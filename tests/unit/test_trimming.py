"""terraform-provider-aws is cut down by edits that fit, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import HalabError
from hypervisor.trimming import trim

SDK = "github.com/aws/aws-sdk-go-v2/service"
OURS = "github.com/hashicorp/terraform-provider-aws/internal/service"

FILES = {
    "main.go": "package main\n",
    "go.mod": "module terraform\n",
    "website/index.md": "words",
    "internal/acctest/all.go": "package acctest\n",
    "internal/embed.go": """//go:embed service/*/smarterr.hcl
//go:embed smarterr.hcl
var FS embed.FS
""",
    "internal/provider/sdkv2/service_packages_gen.go": f"""import (
\t"context"
\t"{OURS}/ec2"
\t"{OURS}/s3"
)

func servicePackages(ctx context.Context) []conns.ServicePackage {{
\treturn []conns.ServicePackage{{
\t\tec2.ServicePackage(ctx),
\t\ts3.ServicePackage(ctx),
\t}}
}}
""",
    "internal/conns/awsclient.go": f"""import (
\tapigatewayv2_types "{SDK}/apigatewayv2/types"
\t"{SDK}/s3"
\t"github.com/hashicorp/terraform-provider-aws/internal/errs"
)

type AWSClient struct {{
\tregion string
\ts3ExpressClient *s3.Client
}}

// S3ExpressClient returns a client.
func (c *AWSClient) S3ExpressClient(ctx context.Context) *s3.Client {{
\treturn errs.Must(c.s3ExpressClient)
}}

// APIGatewayV2InvokeURL words an address.
func (c *AWSClient) APIGatewayV2InvokeURL(protocol apigatewayv2_types.Protocol) string {{
\treturn ""
}}

func (c *AWSClient) Region() string {{
\treturn c.region
}}
""",
    "internal/conns/awsclient_gen.go": f"""import (
\t"{SDK}/ec2"
\tec2_more "{SDK}/ec2more"
\t"{SDK}/s3"
)

func (c *AWSClient) EC2Client(ctx context.Context) *ec2.Client {{
\treturn client[*ec2.Client](ctx)
}}

func (c *AWSClient) EC2MoreClient(ctx context.Context) *ec2_more.Client {{
\treturn client[*ec2_more.Client](ctx)
}}

func (c *AWSClient) S3Client(ctx context.Context) *s3.Client {{
\treturn client[*s3.Client](ctx)
}}
""",
    "internal/service/ec2/service_package_gen.go": """
\t\t{
\t\t\tFactory:  resourceInstance,
\t\t},
\t\t{
\t\t\tFactory:  resourceIPAMOrganizationAdminAccount,
\t\t\tTypeName: "aws_vpc_ipam_organization_admin_account",
\t\t},
""",
    "internal/service/ec2/vpc_ipam_organization_admin_account.go": "conn := meta.S3Client(ctx)\n",
    "internal/service/ec2/instance.go": """conn := meta.EC2Client(ctx)
more := meta.EC2MoreClient(ctx)
""",
    "internal/service/ec2/instance_test.go": "conn := meta.S3Client(ctx)\n",
    "internal/service/s3/bucket.go": "conn := meta.S3Client(ctx)\n",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """What the provider's module is like where it is edited; Go keeps it read-only."""
    for name, text in FILES.items():
        path = tmp_path / "module" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o444)
    return tmp_path / "module"


def test_one_service_stays_with_what_it_asks_for(source: Path, tmp_path: Path) -> None:
    trimmed = tmp_path / "trimmed"

    trim(source, trimmed, {"ec2"})

    kept = {str(path.relative_to(trimmed)) for path in trimmed.rglob("*") if path.is_file()}
    assert kept == {
        "go.mod",
        "internal/embed.go",
        "internal/provider/sdkv2/service_packages_gen.go",
        "internal/conns/awsclient.go",
        "internal/conns/awsclient_gen.go",
        "internal/service/ec2/service_package_gen.go",
        "internal/service/ec2/instance.go",
    }
    code = "".join(path.read_text() for path in trimmed.rglob("*.go"))
    for gone in ("s3", "S3", "apigateway", "IPAM", "/errs", "service/*/smarterr"):
        assert gone not in code, gone
    for stays in ("EC2Client(ctx context", f'ec2_more "{SDK}/ec2more"', "Region()", f"{OURS}/ec2"):
        assert stays in code, stays


@pytest.mark.parametrize(
    ("file", "lacks"),
    [
        ("internal/conns/awsclient.go", "S3ExpressClient"),
        ("internal/provider/sdkv2/service_packages_gen.go", ".ServicePackage(ctx)"),
        ("internal/service/ec2/service_package_gen.go", "resourceIPAM"),
    ],
)
def test_another_version_is_refused_with_the_file_that_differs(
    source: Path, tmp_path: Path, file: str, lacks: str
) -> None:
    changed = source / file
    changed.chmod(0o644)
    changed.write_text(changed.read_text().replace(lacks, "other"))

    with pytest.raises(HalabError, match=Path(file).name):
        trim(source, tmp_path / "trimmed", {"ec2"})
