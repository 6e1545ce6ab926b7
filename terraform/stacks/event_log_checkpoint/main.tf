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

  # The one place of the functions' settings; the local cloud reads it too.
  functions = jsondecode(file("${local.root}/lambda/functions.json")).event_log_checkpoint
  layers    = toset(flatten([for one in local.functions : one.layers]))
  table     = jsondecode(file("${path.module}/glue_table.json"))

  # Environments in one account must not count each other's runs.
  namespace = "${one(toset(values(local.functions)[*].environment.POWERTOOLS_METRICS_NAMESPACE))}/${var.environment}"

  descriptions = {
    event_log_backfill   = "Reads one batch of event files, or merges what was read"
    event_log_checkpoint = "Turns new event files into rows of the checkpoint"
  }

  # A backfill that takes longer is ended.
  backfill_seconds = 8 * 3600

  # One checkpoint, or one for each study and datatype.
  checkpoint = var.checkpoint_key_template == null ? { CHECKPOINT_KEY = var.checkpoint_key } : { CHECKPOINT_KEY_TEMPLATE = var.checkpoint_key_template }
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

# Event files are never expired: they are what everything else can be made from again.
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

  # Checkpoints stay for good; parts of a backfill are of no use once it is over.
  expiry_days = { "backfill/" = 30 }
}

module "code" {
  source = "../../modules/data_bucket"

  name                = "event-log-code-${var.environment}-${local.account}"
  kms_key_arn         = module.key.arn
  delete_with_content = var.deletable
}

module "layer" {
  source   = "../../modules/lambda_layer"
  for_each = local.layers

  name           = "${local.name}-${replace(each.key, "_", "-")}"
  architecture   = var.architecture
  package        = "${local.packages}/layers/${var.architecture}/${each.key}.zip"
  bucket         = module.code.name
  external_arn   = var.use_external_layer_arns ? var.external_layer_arns[each.key] : null
  reuse_existing = var.reuse_existing_layers
  force_update   = var.force_layer_update
}

module "function" {
  source   = "../../modules/lambda_function"
  for_each = local.functions

  name                     = "${local.name}-${replace(trimprefix(each.key, "event_log_"), "_", "-")}"
  permissions_boundary_arn = var.permissions_boundary_arn
  description              = local.descriptions[each.key]
  package                  = "${local.packages}/functions/${each.key}.zip"
  settings                 = merge(each.value, { memory_mb = lookup(var.memory_mb, each.key, each.value.memory_mb) })
  layer_arns               = { for name, layer in module.layer : name => layer.arn }
  architecture             = var.architecture
  policy_json              = data.aws_iam_policy_document.function[each.key].json
  kms_key_arn              = module.key.arn
  log_retention_days       = var.log_retention_days
  live_version             = lookup(var.live_versions, each.key, null)

  environment = merge(
    local.checkpoint,
    {
      CHECKPOINT_BUCKET            = module.checkpoints.name
      LOG_LEVEL                    = var.log_level
      POWERTOOLS_METRICS_NAMESPACE = local.namespace
      POWERTOOLS_SERVICE_NAME      = each.key
      PREFIX                       = var.prefix
      SOURCE_BUCKET                = local.source
    },
    var.look_back_days == null ? {} : { LOOK_BACK_DAYS = tostring(var.look_back_days) },
  )
}

module "dead_letters" {
  source = "../../modules/dead_letter_queue"

  name        = "${local.name}-dead-letters"
  kms_key_arn = module.key.arn
  topic_arn   = module.alarm_topic.arn
}

# The schedule invokes asynchronously: Lambda tries twice more, and then the event is kept.
resource "aws_lambda_function_event_invoke_config" "checkpoint" {
  function_name                = module.function["event_log_checkpoint"].name
  qualifier                    = "live"
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 3600

  destination_config {
    on_failure {
      destination = module.dead_letters.arn
    }
  }

  # The alias must be there.
  depends_on = [module.function]
}

module "schedule" {
  source = "../../modules/schedule"

  name                     = "${local.name}-checkpoint"
  permissions_boundary_arn = var.permissions_boundary_arn
  expression               = var.schedule
  enabled                  = var.schedule_enabled
  target_arn               = module.function["event_log_checkpoint"].live_arn
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
    { for name, function in module.function : "${name}_arn" => function.live_arn },
    # As long as the function may take, and a minute for its start.
    { for name, settings in local.functions : "${name}_timeout_seconds" => settings.timeout_seconds + 60 },
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
  description = "The event log checkpoints, for Athena"
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
