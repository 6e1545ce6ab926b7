locals {
  full_name = "${var.name}-${replace(var.architecture, "_", "-")}"
  digest    = filebase64sha256(var.package)

  # Layers with the same content share a path of the registry. The path contains no name, so that stacks
  # find each other's layers.
  path = "${var.registry}/${filesha256(var.package)}"

  # `force_update` asks for a version of our own.
  looks_up = var.reuse_existing && var.force_update == ""

  registered = local.looks_up ? nonsensitive(zipmap(data.aws_ssm_parameters_by_path.registered[0].names, data.aws_ssm_parameters_by_path.registered[0].values)) : {}

  # If several layers have this content, every stack chooses the first name. Without a common choice, two
  # stacks that each registered a layer would adopt each other's and give up their own.
  chosen  = try(sort(keys(local.registered))[0], null)
  reuses  = local.chosen != null && local.chosen != "${local.path}/${local.full_name}"
  creates = !local.reuses
}

# The AWS provider cannot ask whether a layer exists: `aws_lambda_layer_version` fails if it does not.
# This data source returns an empty list instead.
data "aws_ssm_parameters_by_path" "registered" {
  count = local.looks_up ? 1 : 0

  path = local.path
}

# Reads the version that will be reused, so that a plan fails if it was deleted or has other content.
data "aws_lambda_layer_version" "existing" {
  count = local.reuses ? 1 : 0

  layer_name = regex("^(.+):[0-9]+$", local.registered[local.chosen])[0]
  version    = regex(":([0-9]+)$", local.registered[local.chosen])[0]

  lifecycle {
    postcondition {
      condition     = self.code_sha256 == local.digest
      error_message = "The SSM parameter ${local.chosen} names a layer version with other content than ${var.package}. Delete the parameter and deploy again."
    }
  }
}

resource "aws_s3_object" "package" {
  count = local.creates ? 1 : 0

  bucket      = var.bucket
  key         = "layers/${local.full_name}.zip"
  source      = var.package
  source_hash = local.digest
}

# Users change this text to publish a version although the content has not changed.
resource "terraform_data" "force_update" {
  count = local.creates ? 1 : 0

  input = var.force_update
}

resource "aws_lambda_layer_version" "this" {
  count = local.creates ? 1 : 0

  layer_name = local.full_name
  # Changing the description publishes a new version.
  description              = "Third-party packages for Python 3.12 on ${var.architecture}"
  s3_bucket                = aws_s3_object.package[0].bucket
  s3_key                   = aws_s3_object.package[0].key
  s3_object_version        = aws_s3_object.package[0].version_id
  source_code_hash         = local.digest
  compatible_runtimes      = ["python3.12"]
  compatible_architectures = [var.architecture]
  # Earlier versions of functions, and stacks that reuse the layer, still need it.
  skip_destroy = true

  lifecycle {
    create_before_destroy = true
    replace_triggered_by  = [terraform_data.force_update]
  }
}

resource "aws_ssm_parameter" "registered" {
  #checkov:skip=CKV_AWS_337: the ARN of a layer version is not a secret
  #checkov:skip=CKV2_AWS_34: the ARN of a layer version is not a secret

  count = local.creates && var.reuse_existing ? 1 : 0

  name        = "${local.path}/${local.full_name}"
  description = "Layer version with this content, for stacks that reuse layers"
  type        = "String"
  value       = aws_lambda_layer_version.this[0].arn
}
