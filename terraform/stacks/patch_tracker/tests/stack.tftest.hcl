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

  mock_resource "aws_dynamodb_table" {
    defaults = {
      arn = "arn:aws:dynamodb:us-east-1:123456789012:table/any"
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
  contact     = "https://tracker.example.org"
}

run "names" {
  command = apply

  assert {
    condition     = output.functions == { fetch_discussions = "patch-tracker-dev-fetch-discussions", fetch_patches = "patch-tracker-dev-fetch-patches", refresh_discussions = "patch-tracker-dev-refresh-discussions" }
    error_message = "The functions are named patch-tracker-{env}-…."
  }

  assert {
    condition     = output.tables == { discussions = "patch-tracker-dev-discussions", patches = "patch-tracker-dev-patches" }
    error_message = "Both tables carry the environment."
  }

  assert {
    condition     = output.schedules == { changes = "patch-tracker-dev-changes", refresh = "patch-tracker-dev-refresh", refresh-discussions = "patch-tracker-dev-refresh-discussions" }
    error_message = "There are three schedules."
  }

  assert {
    condition     = [for name, one in aws_lambda_function_event_invoke_config.this : name if length(one.destination_config[0].on_success) > 0] == ["fetch_patches"]
    error_message = "What changed in Patchwork is handed on, and nothing else is."
  }

  assert {
    condition     = alltrue([for one in aws_lambda_function_event_invoke_config.this : length(one.destination_config[0].on_failure) == 1 && one.maximum_retry_attempts == 2])
    error_message = "What fails three times is kept, of each function."
  }
}

run "servers_of_others" {
  command = apply

  variables {
    patchwork_url     = "https://patchwork.example.org/"
    patchwork_project = "lamps"
  }

  assert {
    condition     = local.sources == { PATCHWORK_PROJECT = "lamps", PATCHWORK_URL = "https://patchwork.example.org/" }
    error_message = "What is not named is left to lambda/functions.json."
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

run "without_schedules_nothing_is_stale" {
  command = apply

  variables {
    schedule_enabled = false
  }

  assert {
    condition     = length(module.stale) == 0
    error_message = "An alarm that always rings is one that nobody hears."
  }
}

run "a_contact_that_is_none" {
  command = plan

  variables {
    contact = "me (at home)"
  }

  expect_failures = [var.contact]
}

run "a_server_that_is_none" {
  command = plan

  variables {
    lore_url = "lore.kernel.org"
  }

  expect_failures = [var.lore_url]
}

run "longer_than_cloudwatch_looks_back" {
  command = plan

  variables {
    stale_hours = 169
  }

  expect_failures = [var.stale_hours]
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

run "a_boundary_that_is_none" {
  command = plan

  variables {
    permissions_boundary_arn = "github-dev-boundary"
  }

  expect_failures = [var.permissions_boundary_arn]
}
