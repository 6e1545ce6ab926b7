# Needs the packages in dist (`bin/pants package lambda::`), but no AWS account.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment = "dev"
  contact     = "https://tracker.example.org"
}

run "uses_the_documented_names" {
  command = apply

  assert {
    condition     = output.functions == { fetch_discussions = "patch-tracker-dev-fetch-discussions", fetch_patches = "patch-tracker-dev-fetch-patches", refresh_discussions = "patch-tracker-dev-refresh-discussions" }
    error_message = "The functions must be named patch-tracker-{env}-…."
  }

  assert {
    condition     = output.tables == { discussions = "patch-tracker-dev-discussions", patches = "patch-tracker-dev-patches" }
    error_message = "The names of both tables must contain the environment."
  }

  assert {
    condition     = output.schedules == { changes = "patch-tracker-dev-changes", refresh = "patch-tracker-dev-refresh", refresh-discussions = "patch-tracker-dev-refresh-discussions" }
    error_message = "There must be three schedules."
  }

  assert {
    condition     = [for name, config in aws_lambda_function_event_invoke_config.this : name if length(config.destination_config[0].on_success) > 0] == ["fetch_patches"]
    error_message = "Only fetch_patches may pass its result to another function."
  }

  assert {
    condition     = alltrue([for config in aws_lambda_function_event_invoke_config.this : length(config.destination_config[0].on_failure) == 1 && config.maximum_retry_attempts == 2])
    error_message = "Events that fail three times are lost."
  }
}

run "can_use_other_servers" {
  command = apply

  variables {
    patchwork_url     = "https://patchwork.example.org/"
    patchwork_project = "lamps"
  }

  assert {
    condition     = local.sources == { PATCHWORK_PROJECT = "lamps", PATCHWORK_URL = "https://patchwork.example.org/" }
    error_message = "Variables that are null must keep their value from lambda/functions.json."
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

run "has_no_heartbeat_alarms_without_schedules" {
  command = apply

  variables {
    schedule_enabled = false
  }

  assert {
    condition     = length(module.stale) == 0
    error_message = "These alarms would always be active."
  }
}

run "rejects_a_contact_with_parentheses" {
  command = plan

  variables {
    contact = "me (at home)"
  }

  expect_failures = [var.contact]
}

run "rejects_a_server_that_is_not_a_url" {
  command = plan

  variables {
    lore_url = "lore.kernel.org"
  }

  expect_failures = [var.lore_url]
}

run "rejects_more_hours_than_cloudwatch_evaluates" {
  command = plan

  variables {
    stale_hours = 169
  }

  expect_failures = [var.stale_hours]
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
