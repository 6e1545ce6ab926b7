# Needs the packages in dist (`bin/pants package lambda::`), but no AWS account.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment = "dev"
}

run "uses_the_documented_names" {
  command = apply

  assert {
    condition     = output.functions["data_fetcher"] == "aws-ssm-fetcher-dev-data-fetcher" && length(output.functions) == 5
    error_message = "The five functions must be named aws-ssm-fetcher-{env}-…."
  }

  assert {
    condition     = output.bucket == "aws-ssm-data-dev-123456789012"
    error_message = "The bucket must be named aws-ssm-data-{env}-{account}."
  }
}

run "names_contain_the_environment" {
  # `prevent_destroy` would keep the test from cleaning up after an apply.
  command = plan

  variables {
    environment = "prod"
  }

  assert {
    condition     = output.bucket == "aws-ssm-data-prod-123456789012"
    error_message = "Two environments would use the same bucket."
  }
}

run "creates_layers_that_do_not_exist" {
  command = apply

  variables {
    reuse_existing_layers = true
  }

  assert {
    condition     = alltrue([for arn in output.layer_arns : arn == "arn:aws:lambda:us-east-1:123456789012:layer:published:1"])
    error_message = "No layer exists, and none was created."
  }
}

run "uses_external_layers" {
  command = apply

  variables {
    use_external_layer_arns = true
    external_layer_arns = {
      data_processing = "arn:aws:lambda:us-east-1:999999999999:layer:data:1"
      excel           = "arn:aws:lambda:us-east-1:999999999999:layer:excel:1"
      http            = "arn:aws:lambda:us-east-1:999999999999:layer:http:1"
      powertools      = "arn:aws:lambda:us-east-1:999999999999:layer:powertools:7"
    }
  }

  assert {
    condition     = output.layer_arns["powertools"] == "arn:aws:lambda:us-east-1:999999999999:layer:powertools:7"
    error_message = "External layers are not used."
  }
}

run "can_roll_back_a_function" {
  command = apply

  variables {
    live_versions = { processor = "3" }
  }
}

run "rejects_more_hours_than_cloudwatch_evaluates" {
  command = plan

  variables {
    late_hours = 169
  }

  expect_failures = [var.late_hours]
}

run "can_omit_the_dashboard" {
  command = plan

  variables {
    dashboard = false
  }

  assert {
    condition     = length(module.dashboard) == 0
    error_message = "dashboard = false still creates a dashboard."
  }
}

run "rejects_deletable_in_production" {
  command = plan

  variables {
    environment = "prod"
    deletable   = true
  }

  expect_failures = [var.deletable]
}

run "rejects_an_unknown_environment" {
  command = plan

  variables {
    environment = "production"
  }

  expect_failures = [var.environment]
}

run "rejects_an_unknown_architecture" {
  command = plan

  variables {
    architecture = "arm"
  }

  expect_failures = [var.architecture]
}

run "rejects_an_unknown_log_level" {
  command = plan

  variables {
    log_level = "verbose"
  }

  expect_failures = [var.log_level]
}

run "rejects_a_permissions_boundary_that_is_not_an_arn" {
  command = plan

  variables {
    permissions_boundary_arn = "github-dev-boundary"
  }

  expect_failures = [var.permissions_boundary_arn]
}
