provider "aws" {
  region  = var.region
  profile = var.profile

  default_tags {
    tags = {
      Project     = "patch-tracker"
      Environment = var.environment
      Stack       = "patch_tracker"
      ManagedBy   = "terraform"
    }
  }
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  name     = "patch-tracker-${var.environment}"
  account  = data.aws_caller_identity.this.account_id
  root     = "${path.module}/../../.."
  packages = coalesce(var.packages, "${local.root}/dist")

  production = var.environment == "prod"

  # Settings of the functions, and definitions of the tables. The local cloud reads both files, too.
  settings = jsondecode(file("${local.root}/lambda/functions.json")).patch_tracker
  tables   = jsondecode(file("${path.module}/tables.json"))

  descriptions = {
    fetch_discussions   = "Reads new mails and missing threads from the archive"
    fetch_patches       = "Reads changes from Patchwork"
    refresh_discussions = "Reads the last weeks of the archive again"
  }

  # Variables that are null keep their value from lambda/functions.json.
  sources = {
    for name, value in {
      LORE_LIST         = var.lore_list
      LORE_URL          = var.lore_url
      PATCHWORK_PROJECT = var.patchwork_project
      PATCHWORK_URL     = var.patchwork_url
    } : name => value if value != null
  }

  schedules = {
    changes             = { function = "fetch_patches", expression = var.changes_schedule, input = { mode = "changes" } }
    refresh             = { function = "fetch_patches", expression = var.refresh_schedule, input = { mode = "refresh" } }
    refresh-discussions = { function = "refresh_discussions", expression = var.discussions_schedule, input = {} }
  }
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

module "table" {
  source   = "../../modules/dynamodb_table"
  for_each = local.tables

  name          = "${local.name}-${each.key}"
  definition    = each.value
  kms_key_arn   = module.key.arn
  protected     = !var.deletable
  recovery_days = var.recovery_days

  prevent_destroy = local.production
}

module "functions" {
  source = "../../modules/function_set"

  name        = local.name
  environment = var.environment

  functions = {
    for name, settings in local.settings : name => {
      name        = "${local.name}-${replace(name, "_", "-")}"
      description = local.descriptions[name]
      settings    = settings
      policy_json = data.aws_iam_policy_document.function[name].json

      environment = merge(
        {
          CONTACT           = var.contact
          DISCUSSIONS_TABLE = module.table["discussions"].name
          PATCHES_TABLE     = module.table["patches"].name
        },
        local.sources,
      )
    }
  }

  packages                 = local.packages
  architecture             = var.architecture
  code_bucket              = "patch-tracker-code-${var.environment}-${local.account}"
  deletable                = var.deletable
  reuse_existing_layers    = var.reuse_existing_layers
  use_external_layer_arns  = var.use_external_layer_arns
  external_layer_arns      = var.external_layer_arns
  force_layer_update       = var.force_layer_update
  memory_mb                = var.memory_mb
  extra_environment        = var.extra_environment
  log_level                = var.log_level
  log_retention_days       = var.log_retention_days
  live_versions            = var.live_versions
  kms_key_arn              = module.key.arn
  alarm_topic_arn          = module.alarm_topic.arn
  permissions_boundary_arn = var.permissions_boundary_arn
}

module "dead_letters" {
  source = "../../modules/dead_letter_queue"

  name        = "${local.name}-dead-letters"
  kms_key_arn = module.key.arn
  topic_arn   = module.alarm_topic.arn
}

# All functions are invoked asynchronously: Lambda tries three times and then sends the event to the queue.
# fetch_patches passes the changed patches to fetch_discussions, which reads their discussions.
resource "aws_lambda_function_event_invoke_config" "this" {
  for_each = local.settings

  function_name                = module.functions.functions[each.key].name
  qualifier                    = module.functions.functions[each.key].live_alias
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 3600

  destination_config {
    dynamic "on_success" {
      for_each = each.key == "fetch_patches" ? [module.functions.functions["fetch_discussions"].live_arn] : []

      content {
        destination = on_success.value
      }
    }

    on_failure {
      destination = module.dead_letters.arn
    }
  }
}

module "schedule" {
  source   = "../../modules/schedule"
  for_each = local.schedules

  name                     = "${local.name}-${each.key}"
  permissions_boundary_arn = var.permissions_boundary_arn
  expression               = each.value.expression
  enabled                  = var.schedule_enabled
  input                    = each.value.input
  target_arn               = module.functions.functions[each.value.function].live_arn
  target_action            = "lambda:InvokeFunction"
  dead_letter_queue_arn    = module.dead_letters.arn
  kms_key_arn              = module.key.arn
}
