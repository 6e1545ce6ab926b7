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
    condition     = output.functions["event_log_checkpoint"] == "event-log-dev-checkpoint" && output.functions["event_log_backfill"] == "event-log-dev-backfill"
    error_message = "The functions are named event-log-{env}-…."
  }

  assert {
    condition     = output.source_bucket == "event-log-events-dev-123456789012" && output.checkpoint_bucket == "event-log-checkpoints-dev-123456789012"
    error_message = "Both buckets carry the environment and the account."
  }
}

run "a_bucket_that_is_there_is_taken" {
  command = apply

  variables {
    source_bucket = "the-network-events"
  }

  assert {
    condition     = output.source_bucket == "the-network-events" && length(module.events) == 0
    error_message = "No second bucket is made for event files."
  }
}

run "one_checkpoint_for_each_study_and_datatype" {
  command = apply

  variables {
    checkpoint_key_template = "checkpoints/{study}/{datatype}/events.parquet"
  }
}

run "a_template_that_would_mix_studies" {
  command = plan

  variables {
    checkpoint_key_template = "checkpoints/{datatype}/events.parquet"
  }

  expect_failures = [var.checkpoint_key_template]
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

run "an_alias_is_no_key" {
  command = plan

  variables {
    source_bucket      = "the-network-events"
    source_kms_key_arn = "alias/events"
  }

  expect_failures = [var.source_kms_key_arn]
}

run "a_share_that_is_never_exceeded" {
  command = plan

  variables {
    max_refused_share = 100
  }

  expect_failures = [var.max_refused_share]
}

run "a_backfill_of_nobody" {
  command = plan

  variables {
    backfill_concurrency = 0
  }

  expect_failures = [var.backfill_concurrency]
}

run "a_whole_bucket_can_be_archived" {
  command = plan

  variables {
    prefix       = ""
    archive_days = 90
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

run "a_boundary_that_is_none" {
  command = plan

  variables {
    permissions_boundary_arn = "github-dev-boundary"
  }

  expect_failures = [var.permissions_boundary_arn]
}
