provider "aws" {
  region  = var.region
  profile = var.profile

  default_tags {
    tags = {
      Project     = "event-log-checkpoint"
      Environment = var.environment
      Stack       = "event_log_checkpoint"
      ManagedBy   = "terraform"
    }
  }
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  name     = "event-log-${var.environment}"
  account  = data.aws_caller_identity.this.account_id
  root     = "${path.module}/../../.."
  packages = coalesce(var.packages, "${local.root}/dist")

  production = var.environment == "prod"
  source     = var.source_bucket == null ? module.events[0].name : var.source_bucket

  # Settings of the functions. The local cloud reads this file, too.
  settings = jsondecode(file("${local.root}/lambda/functions.json")).event_log_checkpoint
  table    = jsondecode(file("${path.module}/glue_table.json"))

  function_names = {
    event_log_backfill   = module.backfill_function.functions["event_log_backfill"].name
    event_log_checkpoint = module.checkpoint.function_name
  }

  live_arns = {
    event_log_backfill   = module.backfill_function.functions["event_log_backfill"].live_arn
    event_log_checkpoint = module.checkpoint.live_arn
  }

  # Step Functions stops a backfill that takes longer.
  backfill_seconds = 8 * 3600

}

module "key" {
  source = "../../modules/encryption_key"

  name            = local.name
  prevent_destroy = local.production
}

module "alarm_topic" {
  source = "../../modules/topic"

  name            = "${local.name}-failure"
  kms_key_arn     = module.key.arn
  email_addresses = var.alarm_email_addresses
}

# Event files never expire: everything else can be computed from them again.
module "events" {
  source = "../../modules/data_bucket"
  count  = var.source_bucket == null ? 1 : 0

  name                = "event-log-events-${var.environment}-${local.account}"
  kms_key_arn         = module.key.arn
  archive_days        = var.archive_days == null ? {} : { (var.prefix) = var.archive_days }
  delete_with_content = var.deletable
  prevent_destroy     = local.production
}

module "checkpoints" {
  source = "../../modules/data_bucket"

  name                = "event-log-checkpoints-${var.environment}-${local.account}"
  kms_key_arn         = module.key.arn
  delete_with_content = var.deletable
  prevent_destroy     = local.production

  # Checkpoints never expire. The parts of a backfill are useless after it has ended.
  expiry_days = { "backfill/" = 30 }
}

module "checkpoint" {
  source = "../../../lambda/event_log_checkpoint"

  environment              = var.environment
  source_bucket            = local.source
  source_is_versioned      = var.source_bucket == null
  source_kms_key_arn       = var.source_kms_key_arn
  prefix                   = var.prefix
  checkpoint_bucket        = module.checkpoints.name
  checkpoint_key           = var.checkpoint_key
  checkpoint_key_template  = var.checkpoint_key_template
  look_back_days           = var.look_back_days
  architecture             = var.architecture
  packages                 = local.packages
  deletable                = var.deletable
  reuse_existing_layers    = var.reuse_existing_layers
  use_external_layer_arns  = var.use_external_layer_arns
  external_layer_arns      = var.external_layer_arns
  force_layer_update       = var.force_layer_update
  memory_mb                = lookup(var.memory_mb, "event_log_checkpoint", null)
  log_level                = var.log_level
  log_retention_days       = var.log_retention_days
  live_version             = lookup(var.live_versions, "event_log_checkpoint", null)
  kms_key_arn              = module.key.arn
  dead_letter_queue_arn    = module.dead_letters.arn
  alarm_topic_arn          = module.alarm_topic.arn
  permissions_boundary_arn = var.permissions_boundary_arn
}

# The backfill reads batches of event files with the same layers and settings as the checkpoint.
module "backfill_function" {
  source = "../../modules/function_set"

  name        = local.name
  environment = var.environment

  functions = {
    event_log_backfill = {
      name        = "${local.name}-backfill"
      description = "Reads a batch of event files, or merges the parts of a backfill"
      settings    = local.settings.event_log_backfill
      environment = module.checkpoint.environment
      policy_json = data.aws_iam_policy_document.backfill_function.json
    }
  }

  packages                 = local.packages
  architecture             = var.architecture
  use_external_layer_arns  = true
  external_layer_arns      = module.checkpoint.layer_arns
  memory_mb                = var.memory_mb
  log_level                = var.log_level
  log_retention_days       = var.log_retention_days
  live_versions            = var.live_versions
  kms_key_arn              = module.key.arn
  alarm_topic_arn          = module.alarm_topic.arn
  duration_share           = 0.97
  permissions_boundary_arn = var.permissions_boundary_arn
}

module "dead_letters" {
  source = "../../modules/dead_letter_queue"

  name        = "${local.name}-dead-letters"
  kms_key_arn = module.key.arn
  topic_arn   = module.alarm_topic.arn
}

# The schedule invokes the function asynchronously: Lambda tries three times and then sends the event to the queue.
resource "aws_lambda_function_event_invoke_config" "checkpoint" {
  function_name                = module.checkpoint.function_name
  qualifier                    = module.checkpoint.live_alias
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 3600

  destination_config {
    on_failure {
      destination = module.dead_letters.arn
    }
  }
}

module "schedule" {
  source = "../../modules/schedule"

  name                     = "${local.name}-checkpoint"
  permissions_boundary_arn = var.permissions_boundary_arn
  expression               = var.schedule
  enabled                  = var.schedule_enabled
  target_arn               = module.checkpoint.live_arn
  target_action            = "lambda:InvokeFunction"
  dead_letter_queue_arn    = module.dead_letters.arn
  kms_key_arn              = module.key.arn
}

module "backfill" {
  source = "../../modules/state_machine"

  name                     = "${local.name}-backfill"
  permissions_boundary_arn = var.permissions_boundary_arn
  policy_json              = data.aws_iam_policy_document.backfill.json
  kms_key_arn              = module.key.arn
  log_retention_days       = var.log_retention_days

  definition = templatefile("${path.module}/backfill.asl.json", merge(
    { for name, arn in local.live_arns : "${name}_arn" => arn },
    # The timeout of the function, plus a minute to start.
    { for name, settings in local.settings : "${name}_timeout_seconds" => settings.timeout_seconds + 60 },
    {
      checkpoint_bucket            = module.checkpoints.name
      execution_timeout_seconds    = local.backfill_seconds
      max_concurrency              = var.backfill_concurrency
      max_items_per_batch          = 800
      prefix                       = var.prefix
      retry_interval_seconds       = 2
      source_bucket                = local.source
      tolerated_failure_percentage = 10
    },
  ))
}

resource "aws_glue_catalog_database" "this" {
  name        = replace(local.name, "-", "_")
  description = "The event log checkpoints, for queries with Athena"
}

resource "aws_glue_catalog_table" "this" {
  name          = local.table.name
  database_name = aws_glue_catalog_database.this.name
  table_type    = local.table.table_type
  parameters    = local.table.parameters

  storage_descriptor {
    location      = "s3://${module.checkpoints.name}/checkpoints/"
    input_format  = local.table.input_format
    output_format = local.table.output_format

    ser_de_info {
      serialization_library = local.table.serialization_library
    }

    dynamic "columns" {
      for_each = local.table.columns

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }
}
