# Needs the packages in dist (`bin/pants package lambda::`), but no AWS account.

mock_provider "aws" {
  source = "../../terraform/mocks"
}

variables {
  environment       = "dev"
  source_bucket     = "events"
  checkpoint_bucket = "checkpoints"
}

run "needs_only_the_buckets" {
  command = apply

  assert {
    condition     = output.function_name == "event-log-dev-checkpoint" && output.role_name == "event-log-dev-checkpoint" && output.log_group_name == "/aws/lambda/event-log-dev-checkpoint"
    error_message = "Function, role and log group must be named event-log-{env}-checkpoint."
  }

  assert {
    condition     = output.layer_arns == tomap({ data_processing = "arn:aws:lambda:us-east-1:123456789012:layer:published:1", powertools = "arn:aws:lambda:us-east-1:123456789012:layer:published:1" })
    error_message = "A layer was not published."
  }

  assert {
    condition     = output.environment == { CHECKPOINT_BUCKET = "checkpoints", CHECKPOINT_KEY = "checkpoints/events.parquet", PREFIX = "logs/", SOURCE_BUCKET = "events" }
    error_message = "The function does not know its buckets."
  }

  assert {
    condition     = alltrue([for statement in data.aws_iam_policy_document.this.statement : !startswith(statement.sid, "Encrypt") && !startswith(statement.sid, "RarelySend")])
    error_message = "The role may use a key or a queue, but there is none."
  }
}

run "may_use_key_and_queue" {
  command = apply

  variables {
    kms_key_arn           = "arn:aws:kms:us-east-1:123456789012:key/1"
    source_kms_key_arn    = "arn:aws:kms:us-east-1:123456789012:key/2"
    dead_letter_queue_arn = "arn:aws:sqs:us-east-1:123456789012:any"
  }

  assert {
    condition = { for statement in data.aws_iam_policy_document.this.statement : statement.sid => one(statement.resources) if contains(["EncryptAndDecrypt", "DecryptEventFilesOfOthers", "RarelySendFailedEvents"], statement.sid) } == {
      EncryptAndDecrypt         = var.kms_key_arn
      DecryptEventFilesOfOthers = var.source_kms_key_arn
      RarelySendFailedEvents    = var.dead_letter_queue_arn
    }
    error_message = "The role may not use a key or the queue."
  }
}

run "reads_versions_of_a_versioned_bucket" {
  command = plan

  variables {
    source_is_versioned = true
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.this.statement : statement.actions if statement.sid == "ReadEventFiles"]) == toset(["s3:GetObjectVersion"])
    error_message = "The role may do more than it needs."
  }
}

run "writes_a_checkpoint_for_each_study_and_datatype" {
  command = plan

  variables {
    checkpoint_key_template = "checkpoints/{study}/{datatype}/events.parquet"
  }

  assert {
    condition     = output.environment["CHECKPOINT_KEY_TEMPLATE"] == "checkpoints/{study}/{datatype}/events.parquet" && !contains(keys(output.environment), "CHECKPOINT_KEY")
    error_message = "The function does not get the template, or also gets the key of a single checkpoint."
  }
}

run "creates_layers_that_do_not_exist" {
  command = apply

  variables {
    reuse_existing_layers = true
  }

  assert {
    condition     = keys(output.layer_arns) == tolist(["data_processing", "powertools"])
    error_message = "No layer exists, and none was created."
  }
}

run "uses_external_layers" {
  command = apply

  variables {
    use_external_layer_arns = true
    external_layer_arns = {
      data_processing = "arn:aws:lambda:us-east-1:999999999999:layer:data:1"
      powertools      = "arn:aws:lambda:us-east-1:999999999999:layer:powertools:7"
    }
  }

  assert {
    condition     = output.layer_arns["powertools"] == "arn:aws:lambda:us-east-1:999999999999:layer:powertools:7"
    error_message = "External layers are not used."
  }
}

run "rejects_a_template_that_would_mix_studies" {
  command = plan

  variables {
    checkpoint_key_template = "checkpoints/{datatype}/events.parquet"
  }

  expect_failures = [var.checkpoint_key_template]
}

run "rejects_the_alias_of_a_key" {
  command = plan

  variables {
    source_kms_key_arn = "alias/events"
  }

  expect_failures = [var.source_kms_key_arn]
}

run "rejects_an_unknown_environment" {
  command = plan

  variables {
    environment = "production"
  }

  expect_failures = [var.environment]
}
