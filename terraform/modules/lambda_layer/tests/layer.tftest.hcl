mock_provider "aws" {
  mock_data "aws_lambda_layer_version" {
    defaults = {
      arn = "arn:aws:lambda:us-east-1:123456789012:layer:excel-arm64:4"
    }
  }

  mock_resource "aws_lambda_layer_version" {
    defaults = {
      arn = "arn:aws:lambda:us-east-1:123456789012:layer:excel-arm64:5"
    }
  }
}

variables {
  name         = "excel"
  architecture = "arm64"
  # Any file will do, where nothing is uploaded.
  package = "main.tf"
  bucket  = "code"
}

run "it_is_published_by_way_of_the_bucket" {
  command = apply

  assert {
    condition     = output.arn == "arn:aws:lambda:us-east-1:123456789012:layer:excel-arm64:5" && aws_lambda_layer_version.this[0].layer_name == "excel-arm64"
    error_message = "A layer is made for its architecture."
  }

  assert {
    condition     = aws_lambda_layer_version.this[0].s3_key == "layers/excel-arm64.zip" && aws_lambda_layer_version.this[0].skip_destroy
    error_message = "Layers come by the bucket, and their versions stay."
  }
}

run "what_is_there_is_taken" {
  command = apply

  variables {
    package        = null
    reuse_existing = true
  }

  assert {
    condition     = output.arn == "arn:aws:lambda:us-east-1:123456789012:layer:excel-arm64:4" && length(aws_lambda_layer_version.this) == 0 && length(aws_s3_object.package) == 0
    error_message = "The newest of the account is taken, and nothing made."
  }
}

run "what_is_given_is_taken" {
  command = apply

  variables {
    package        = null
    reuse_existing = true
    external_arn   = "arn:aws:lambda:us-east-1:999999999999:layer:excel:2"
  }

  assert {
    condition     = output.arn == var.external_arn && length(data.aws_lambda_layer_version.existing) == 0 && length(aws_lambda_layer_version.this) == 0
    error_message = "The given one is taken, and nothing looked for."
  }
}

run "a_layer_without_its_version" {
  command = plan

  variables {
    external_arn = "arn:aws:lambda:us-east-1:999999999999:layer:excel"
  }

  expect_failures = [var.external_arn]
}

run "a_machine_that_is_none" {
  command = plan

  variables {
    architecture = "x86-64"
  }

  expect_failures = [var.architecture]
}
