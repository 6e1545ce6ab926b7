# Needs the packages in dist (`bin/pants package lambda::`), but no account.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = {
      account_id = "123456789012"
    }
  }

  mock_data "aws_partition" {
    defaults = {
      partition = "aws"
    }
  }

  mock_data "aws_region" {
    defaults = {
      name = "us-east-1"
    }
  }

  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    }
  }

  mock_data "aws_lambda_layer_version" {
    defaults = {
      arn = "arn:aws:lambda:us-east-1:123456789012:layer:existing:3"
    }
  }

  mock_resource "aws_lambda_layer_version" {
    defaults = {
      arn = "arn:aws:lambda:us-east-1:123456789012:layer:made:1"
    }
  }

  mock_resource "aws_kms_key" {
    defaults = {
      arn = "arn:aws:kms:us-east-1:123456789012:key/1"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/any"
    }
  }

  mock_resource "aws_lambda_alias" {
    defaults = {
      arn = "arn:aws:lambda:us-east-1:123456789012:function:any:live"
    }
  }

  mock_resource "aws_sfn_state_machine" {
    defaults = {
      arn = "arn:aws:states:us-east-1:123456789012:stateMachine:any"
    }
  }

  mock_resource "aws_sqs_queue" {
    defaults = {
      arn = "arn:aws:sqs:us-east-1:123456789012:any"
    }
  }

  mock_resource "aws_sns_topic" {
    defaults = {
      arn = "arn:aws:sns:us-east-1:123456789012:any"
    }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:us-east-1:123456789012:log-group:any"
    }
  }

  mock_resource "aws_s3_bucket" {
    defaults = {
      arn = "arn:aws:s3:::any"
    }
  }
}

variables {
  environment = "dev"
}

run "names" {
  command = apply

  assert {
    condition     = output.functions["data_fetcher"] == "aws-ssm-fetcher-dev-data-fetcher" && length(output.functions) == 5
    error_message = "The five functions are named aws-ssm-fetcher-{env}-…."
  }

  assert {
    condition     = output.bucket == "aws-ssm-data-dev-123456789012"
    error_message = "The bucket is named aws-ssm-data-{env}-{account}."
  }
}

run "production" {
  # Production could not be removed after an apply.
  command = plan

  variables {
    environment = "prod"
  }

  assert {
    condition     = output.bucket == "aws-ssm-data-prod-123456789012"
    error_message = "Each environment has a bucket of its own."
  }
}

run "layers_that_are_there_are_taken" {
  command = apply

  variables {
    reuse_existing_layers = true
  }

  assert {
    condition     = alltrue([for arn in output.layer_arns : arn == "arn:aws:lambda:us-east-1:123456789012:layer:existing:3"])
    error_message = "Reused layers are those of the account."
  }
}

run "layers_of_others_are_taken" {
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
    error_message = "External layers are taken as they are."
  }
}

run "an_earlier_version_can_be_live" {
  command = apply

  variables {
    live_versions = { processor = "3" }
  }
}

run "longer_than_cloudwatch_looks_back" {
  command = plan

  variables {
    late_hours = 169
  }

  expect_failures = [var.late_hours]
}

run "a_dashboard_can_be_left_out" {
  command = plan

  variables {
    dashboard = false
  }

  assert {
    condition     = length(module.dashboard) == 0
    error_message = "There is a dashboard that nobody wants."
  }
}

run "production_is_not_deletable" {
  command = plan

  variables {
    environment = "prod"
    deletable   = true
  }

  expect_failures = [var.deletable]
}

run "an_environment_that_is_none" {
  command = plan

  variables {
    environment = "production"
  }

  expect_failures = [var.environment]
}

run "an_architecture_that_is_none" {
  command = plan

  variables {
    architecture = "arm"
  }

  expect_failures = [var.architecture]
}

run "a_log_level_that_is_none" {
  command = plan

  variables {
    log_level = "verbose"
  }

  expect_failures = [var.log_level]
}

run "a_boundary_that_is_none" {
  command = plan

  variables {
    permissions_boundary_arn = "github-dev-boundary"
  }

  expect_failures = [var.permissions_boundary_arn]
}
