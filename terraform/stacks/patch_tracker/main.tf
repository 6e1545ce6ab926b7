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

  # The one place of the functions' settings, and that of the tables; the local cloud reads both.
  functions = jsondecode(file("${local.root}/lambda/functions.json")).patch_tracker
  layers    = toset(flatten([for one in local.functions : one.layers]))
  tables    = jsondecode(file("${path.module}/tables.json"))

  # Environments in one account must not count each other's runs.
  namespace = "${one(toset(values(local.functions)[*].environment.POWERTOOLS_METRICS_NAMESPACE))}/${var.environment}"

  descriptions = {
    fetch_discussions   = "Reads new mails of the archive, and threads that are missing"
    fetch_patches       = "Reads what changed in Patchwork"
    refresh_discussions = "Reads weeks of the archive again"
  }

  # Where nothing is said, what lambda/functions.json says.
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

module "code" {
  source = "../../modules/data_bucket"

  name                = "patch-tracker-code-${var.environment}-${local.account}"
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

  name                     = "${local.name}-${replace(each.key, "_", "-")}"
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
    {
      CONTACT                      = var.contact
      DISCUSSIONS_TABLE            = module.table["discussions"].name
      LOG_LEVEL                    = var.log_level
      PATCHES_TABLE                = module.table["patches"].name
      POWERTOOLS_METRICS_NAMESPACE = local.namespace
      POWERTOOLS_SERVICE_NAME      = each.key
    },
    local.sources,
    var.extra_environment,
  )
}

module "dead_letters" {
  source = "../../modules/dead_letter_queue"

  name        = "${local.name}-dead-letters"
  kms_key_arn = module.key.arn
  topic_arn   = module.alarm_topic.arn
}

# All are invoked asynchronously: Lambda tries twice more, and then the event is kept. What changed
# in Patchwork is handed on, so that discussions are read for it.
resource "aws_lambda_function_event_invoke_config" "this" {
  for_each = local.functions

  function_name                = module.function[each.key].name
  qualifier                    = "live"
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 3600

  destination_config {
    dynamic "on_success" {
      for_each = each.key == "fetch_patches" ? [module.function["fetch_discussions"].live_arn] : []

      content {
        destination = on_success.value
      }
    }

    on_failure {
      destination = module.dead_letters.arn
    }
  }

  # The alias must be there.
  depends_on = [module.function]
}

module "schedule" {
  source   = "../../modules/schedule"
  for_each = local.schedules

  name                     = "${local.name}-${each.key}"
  permissions_boundary_arn = var.permissions_boundary_arn
  expression               = each.value.expression
  enabled                  = var.schedule_enabled
  input                    = each.value.input
  target_arn               = module.function[each.value.function].live_arn
  target_action            = "lambda:InvokeFunction"
  dead_letter_queue_arn    = module.dead_letters.arn
  kms_key_arn              = module.key.arn
}
