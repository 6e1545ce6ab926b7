mock_provider "aws" {
  source = "../../mocks"

  mock_resource "aws_lambda_layer_version" {
    defaults = {
      arn = "arn:aws:lambda:us-east-1:123456789012:layer:excel-arm64:5"
    }
  }
}

variables {
  name         = "excel"
  architecture = "arm64"
  # Contains the text "package". Overrides cannot call functions, so they repeat its digests.
  package  = "tests/package.txt"
  bucket   = "code"
  registry = "/lambda-layers/dev"
}

run "publishes_a_layer_from_the_bucket" {
  command = apply

  assert {
    condition     = output.arn == "arn:aws:lambda:us-east-1:123456789012:layer:excel-arm64:5" && aws_lambda_layer_version.this[0].layer_name == "excel-arm64"
    error_message = "The layer's name does not contain its architecture."
  }

  assert {
    condition     = aws_lambda_layer_version.this[0].s3_key == "layers/excel-arm64.zip" && aws_lambda_layer_version.this[0].skip_destroy
    error_message = "The layer does not come from the bucket, or Terraform would delete earlier versions."
  }

  assert {
    condition     = length(aws_ssm_parameter.registered) == 0 && length(data.aws_ssm_parameters_by_path.registered) == 0
    error_message = "A stack that does not reuse layers uses the registry."
  }
}

run "creates_and_registers_a_layer_if_none_exists" {
  command = apply

  variables {
    reuse_existing = true
  }

  assert {
    condition     = output.arn == "arn:aws:lambda:us-east-1:123456789012:layer:excel-arm64:5" && length(aws_s3_object.package) == 1
    error_message = "No layer exists, and none was created."
  }

  assert {
    condition     = aws_ssm_parameter.registered[0].name == "/lambda-layers/dev/bc4a71180870f7945155fbb02f4b0a2e3faa2a62d6d31b7039013055ed19869a/excel-arm64" && aws_ssm_parameter.registered[0].value == output.arn
    error_message = "Other stacks cannot find the new layer by its content."
  }
}

run "reuses_a_layer_with_the_same_content" {
  command = apply

  variables {
    reuse_existing = true
  }

  override_data {
    target = data.aws_ssm_parameters_by_path.registered[0]
    values = {
      names  = ["/lambda-layers/dev/0123/another-arm64"]
      values = ["arn:aws:lambda:us-east-1:123456789012:layer:another-arm64:12"]
    }
  }

  override_data {
    target = data.aws_lambda_layer_version.existing[0]
    values = {
      arn         = "arn:aws:lambda:us-east-1:123456789012:layer:another-arm64:12"
      code_sha256 = "vEpxGAhw95RRVfuwL0sKLj+qKmLW0xtwOQEwVe0Zhpo="
    }
  }

  assert {
    condition     = output.arn == "arn:aws:lambda:us-east-1:123456789012:layer:another-arm64:12"
    error_message = "The existing layer is not used."
  }

  assert {
    condition     = data.aws_lambda_layer_version.existing[0].layer_name == "arn:aws:lambda:us-east-1:123456789012:layer:another-arm64" && data.aws_lambda_layer_version.existing[0].version == 12
    error_message = "The wrong version is checked."
  }

  assert {
    condition     = length(aws_lambda_layer_version.this) == 0 && length(aws_s3_object.package) == 0 && length(aws_ssm_parameter.registered) == 0
    error_message = "A second layer with the same content was created."
  }
}

run "rejects_a_layer_with_other_content" {
  command = plan

  variables {
    reuse_existing = true
  }

  override_data {
    target = data.aws_ssm_parameters_by_path.registered[0]
    values = {
      names  = ["/lambda-layers/dev/0123/another-arm64"]
      values = ["arn:aws:lambda:us-east-1:123456789012:layer:another-arm64:12"]
    }
  }

  override_data {
    target = data.aws_lambda_layer_version.existing[0]
    values = {
      code_sha256 = "another"
    }
  }

  expect_failures = [data.aws_lambda_layer_version.existing[0]]
}

run "keeps_the_layer_that_it_registered_itself" {
  command = plan

  variables {
    reuse_existing = true
  }

  override_data {
    target = data.aws_ssm_parameters_by_path.registered[0]
    values = {
      names  = ["/lambda-layers/dev/bc4a71180870f7945155fbb02f4b0a2e3faa2a62d6d31b7039013055ed19869a/other-arm64", "/lambda-layers/dev/bc4a71180870f7945155fbb02f4b0a2e3faa2a62d6d31b7039013055ed19869a/excel-arm64"]
      values = ["arn:aws:lambda:us-east-1:123456789012:layer:other-arm64:1", "arn:aws:lambda:us-east-1:123456789012:layer:excel-arm64:5"]
    }
  }

  assert {
    condition     = length(aws_lambda_layer_version.this) == 1 && length(aws_ssm_parameter.registered) == 1
    error_message = "A stack gives up the layer that other stacks may have found."
  }
}

run "publishes_a_version_on_demand" {
  command = plan

  variables {
    reuse_existing = true
    force_update   = "again"
  }

  assert {
    condition     = length(data.aws_ssm_parameters_by_path.registered) == 0 && length(aws_lambda_layer_version.this) == 1 && length(aws_ssm_parameter.registered) == 1
    error_message = "force_update does not publish a version."
  }
}

run "rejects_a_registry_that_ssm_reserves" {
  command = plan

  variables {
    registry = "/aws/layers"
  }

  expect_failures = [var.registry]
}

run "rejects_an_unknown_architecture" {
  command = plan

  variables {
    architecture = "x86-64"
  }

  expect_failures = [var.architecture]
}
