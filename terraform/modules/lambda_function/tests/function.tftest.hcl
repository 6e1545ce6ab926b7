mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name        = "processor"
  description = "Computes the tables"
  # Nothing is uploaded, so any file will do.
  package = "main.tf"
  settings = {
    memory_mb       = 3008
    timeout_seconds = 900
    layers          = ["powertools", "data_processing"]
    environment     = { LOG_LEVEL = "INFO", NAMESPACE = "RegionReport" }
  }
  environment = { LOG_LEVEL = "DEBUG" }
  layer_arns = {
    data_processing = "arn:aws:lambda:us-east-1:123456789012:layer:data:1"
    excel           = "arn:aws:lambda:us-east-1:123456789012:layer:excel:1"
    powertools      = "arn:aws:lambda:us-east-1:123456789012:layer:powertools:1"
  }
  policy_json        = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
  kms_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/1"
  log_retention_days = 14
}

run "applies_the_settings" {
  command = apply

  assert {
    condition     = aws_lambda_function.this.memory_size == 3008 && aws_lambda_function.this.timeout == 900 && aws_lambda_function.this.ephemeral_storage[0].size == 512
    error_message = "Memory, timeout or storage differ from the settings."
  }

  assert {
    condition     = aws_lambda_function.this.layers == tolist([var.layer_arns["powertools"], var.layer_arns["data_processing"]])
    error_message = "The function must have its layers in the order of the settings."
  }

  assert {
    condition     = aws_lambda_function.this.environment[0].variables == tomap({ LOG_LEVEL = "DEBUG", NAMESPACE = "RegionReport" })
    error_message = "environment must override the variables of the settings."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/processor" && aws_cloudwatch_log_group.this.retention_in_days == 14
    error_message = "log_retention_days is not applied to the log."
  }

  assert {
    condition     = one(data.aws_iam_policy_document.trust.statement[0].condition).variable == "aws:SourceAccount"
    error_message = "Functions of other accounts could use the role."
  }

  assert {
    condition     = aws_lambda_alias.live.function_version == "7"
    error_message = "Callers do not get the latest version."
  }
}

run "can_roll_back" {
  command = apply

  variables {
    live_version = "3"
  }

  assert {
    condition     = aws_lambda_alias.live.function_version == "3"
    error_message = "Callers do not get live_version."
  }
}

run "applies_the_permissions_boundary" {
  command = apply

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == var.permissions_boundary_arn
    error_message = "The role has no permissions boundary."
  }
}

run "rejects_a_version_that_is_not_a_number" {
  command = plan

  variables {
    live_version = "$LATEST"
  }

  expect_failures = [var.live_version]
}

run "rejects_too_little_memory" {
  command = plan

  variables {
    settings = { memory_mb = 64, timeout_seconds = 900, layers = [] }
  }

  expect_failures = [var.settings]
}

run "rejects_an_unknown_architecture" {
  command = plan

  variables {
    architecture = "aarch64"
  }

  expect_failures = [var.architecture]
}

run "rejects_a_retention_that_cloudwatch_does_not_offer" {
  command = plan

  variables {
    log_retention_days = 10
  }

  expect_failures = [var.log_retention_days]
}

run "rejects_a_name_with_a_space" {
  command = plan

  variables {
    name = "my processor"
  }

  expect_failures = [var.name]
}
