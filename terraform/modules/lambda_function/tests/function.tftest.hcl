mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/processor"
    }
  }

  mock_resource "aws_lambda_function" {
    defaults = {
      version = "7"
    }
  }
}

variables {
  name        = "processor"
  description = "Works out the tables"
  # Any file will do, where nothing is uploaded.
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

run "it_is_as_its_settings_say" {
  command = apply

  assert {
    condition     = aws_lambda_function.this.memory_size == 3008 && aws_lambda_function.this.timeout == 900 && aws_lambda_function.this.ephemeral_storage[0].size == 512
    error_message = "Memory, timeout and storage are those of the settings."
  }

  assert {
    condition     = aws_lambda_function.this.layers == tolist([var.layer_arns["powertools"], var.layer_arns["data_processing"]])
    error_message = "A function has its own layers, in their order."
  }

  assert {
    condition     = aws_lambda_function.this.environment[0].variables == tomap({ LOG_LEVEL = "DEBUG", NAMESPACE = "RegionReport" })
    error_message = "Variables of the environment come over those of the settings."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/processor" && aws_cloudwatch_log_group.this.retention_in_days == 14
    error_message = "The log is kept as long as told."
  }

  assert {
    condition     = one(data.aws_iam_policy_document.trust.statement[0].condition).variable == "aws:SourceAccount"
    error_message = "The role is for functions of this account only."
  }

  assert {
    condition     = aws_lambda_alias.live.function_version == "7"
    error_message = "Callers use what was deployed."
  }
}

run "callers_can_go_back" {
  command = apply

  variables {
    live_version = "3"
  }

  assert {
    condition     = aws_lambda_alias.live.function_version == "3"
    error_message = "Callers use the version that they were told."
  }
}

run "the_role_has_the_boundary" {
  command = apply

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == var.permissions_boundary_arn
    error_message = "The role goes beyond the boundary."
  }
}

run "a_version_that_is_none" {
  command = plan

  variables {
    live_version = "$LATEST"
  }

  expect_failures = [var.live_version]
}

run "too_little_memory" {
  command = plan

  variables {
    settings = { memory_mb = 64, timeout_seconds = 900, layers = [] }
  }

  expect_failures = [var.settings]
}

run "a_machine_that_is_none" {
  command = plan

  variables {
    architecture = "aarch64"
  }

  expect_failures = [var.architecture]
}

run "logs_for_ten_days" {
  command = plan

  variables {
    log_retention_days = 10
  }

  expect_failures = [var.log_retention_days]
}

run "a_name_that_is_none" {
  command = plan

  variables {
    name = "my processor"
  }

  expect_failures = [var.name]
}
