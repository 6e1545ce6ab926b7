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
    condition     = output.functions["event_log_checkpoint"] == "event-log-dev-checkpoint" && output.functions["event_log_backfill"] == "event-log-dev-backfill"
    error_message = "The functions must be named event-log-{env}-…."
  }

  assert {
    condition     = output.source_bucket == "event-log-events-dev-123456789012" && output.checkpoint_bucket == "event-log-checkpoints-dev-123456789012"
    error_message = "The names of both buckets must contain environment and account."
  }
}

run "uses_an_existing_source_bucket" {
  command = apply

  variables {
    source_bucket = "the-network-events"
  }

  assert {
    condition     = output.source_bucket == "the-network-events" && length(module.events) == 0
    error_message = "A second bucket for event files is created."
  }
}

run "accepts_a_checkpoint_for_each_study_and_datatype" {
  command = apply

  variables {
    checkpoint_key_template = "checkpoints/{study}/{datatype}/events.parquet"
  }
}

run "rejects_a_template_that_would_mix_studies" {
  command = plan

  variables {
    checkpoint_key_template = "checkpoints/{datatype}/events.parquet"
  }

  expect_failures = [var.checkpoint_key_template]
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

run "rejects_the_alias_of_a_key" {
  command = plan

  variables {
    source_bucket      = "the-network-events"
    source_kms_key_arn = "alias/events"
  }

  expect_failures = [var.source_kms_key_arn]
}

run "rejects_a_share_that_is_never_exceeded" {
  command = plan

  variables {
    max_refused_share = 100
  }

  expect_failures = [var.max_refused_share]
}

run "rejects_a_backfill_without_functions" {
  command = plan

  variables {
    backfill_concurrency = 0
  }

  expect_failures = [var.backfill_concurrency]
}

run "can_archive_a_whole_bucket" {
  command = plan

  variables {
    prefix       = ""
    archive_days = 90
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

run "rejects_a_permissions_boundary_that_is_not_an_arn" {
  command = plan

  variables {
    permissions_boundary_arn = "github-dev-boundary"
  }

  expect_failures = [var.permissions_boundary_arn]
}
