locals {
  full_name = "${var.name}-${replace(var.architecture, "_", "-")}"
  creates   = var.external_arn == null && !var.reuse_existing
  digest    = local.creates ? filebase64sha256(var.package) : ""
}

data "aws_lambda_layer_version" "existing" {
  count = var.external_arn == null && var.reuse_existing ? 1 : 0

  layer_name = local.full_name
}

resource "aws_s3_object" "package" {
  count = local.creates ? 1 : 0

  bucket      = var.bucket
  key         = "layers/${local.full_name}.zip"
  source      = var.package
  source_hash = local.digest
}

# What the user sets to have a version published although nothing has changed.
resource "terraform_data" "force_update" {
  count = local.creates ? 1 : 0

  input = var.force_update
}

resource "aws_lambda_layer_version" "this" {
  count = local.creates ? 1 : 0

  layer_name               = local.full_name
  description              = "Third-party packages for Python 3.12 on ${var.architecture}"
  s3_bucket                = aws_s3_object.package[0].bucket
  s3_key                   = aws_s3_object.package[0].key
  s3_object_version        = aws_s3_object.package[0].version_id
  source_code_hash         = local.digest
  compatible_runtimes      = ["python3.12"]
  compatible_architectures = [var.architecture]
  # Functions of an earlier version keep theirs, so that going back to it works.
  skip_destroy = true

  lifecycle {
    create_before_destroy = true
    replace_triggered_by  = [terraform_data.force_update]
  }
}
