provider "aws" {
  region  = var.region
  profile = var.profile

  default_tags {
    tags = {
      Project     = "aws-ssm-fetcher"
      Environment = var.environment
      Stack       = "region_report"
      ManagedBy   = "terraform"
    }
  }
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  name     = "aws-ssm-fetcher-${var.environment}"
  account  = data.aws_caller_identity.this.account_id
  root     = "${path.module}/../../.."
  packages = coalesce(var.packages, "${local.root}/dist")

  production = var.environment == "prod"

  # The one place of the functions' settings; the local cloud reads it too.
  functions = jsondecode(file("${local.root}/lambda/functions.json")).region_report
  layers    = toset(flatten([for one in local.functions : one.layers]))

  # Environments in one account must not count each other's runs.
  namespace = "${one(toset(values(local.functions)[*].environment.POWERTOOLS_METRICS_NAMESPACE))}/${var.environment}"

  descriptions = {
    data_fetcher        = "Reads the public parameters and the feed of region launches"
    processor           = "Works out the tables and analyses of the report"
    json_csv_generator  = "Writes the report as JSON and CSV"
    excel_generator     = "Writes the report as a workbook"
    report_orchestrator = "Publishes the set of reports and switches the pointer"
  }
}

module "key" {
  source = "../../modules/encryption_key"

  name            = local.name
  prevent_destroy = local.production
}

module "alarm_topic" {
  source = "../../modules/topic"

  name            = "${local.name}-region-report-failure"
  kms_key_arn     = module.key.arn
  email_addresses = var.alarm_email_addresses
}

module "report_topic" {
  source = "../../modules/topic"

  name            = "${local.name}-region-report-success"
  kms_key_arn     = module.key.arn
  email_addresses = var.report_email_addresses
}

module "data" {
  source = "../../modules/data_bucket"

  name                = "aws-ssm-data-${var.environment}-${local.account}"
  kms_key_arn         = module.key.arn
  delete_with_content = var.deletable
  prevent_destroy     = local.production

  # Reports stay for good: nothing here names their prefix.
  expiry_days = {
    "raw-data/"       = var.intermediate_days
    "processed-data/" = var.intermediate_days
    "temp-reports/"   = var.intermediate_days
    "cache/"          = 7
  }
}

module "code" {
  source = "../../modules/data_bucket"

  name                = "aws-ssm-code-${var.environment}-${local.account}"
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
      LOG_LEVEL                    = var.log_level
      OUTPUT_S3_BUCKET             = module.data.name
      POWERTOOLS_METRICS_NAMESPACE = local.namespace
      POWERTOOLS_SERVICE_NAME      = each.key
      S3_CACHE_BUCKET              = module.data.name
    },
    length(var.ssm_regions) == 0 ? {} : { SSM_REGIONS = join(",", var.ssm_regions) },
    var.extra_environment,
  )
}

module "state_machine" {
  source = "../../modules/state_machine"

  name                     = "${local.name}-region-report"
  permissions_boundary_arn = var.permissions_boundary_arn
  policy_json              = data.aws_iam_policy_document.state_machine.json
  kms_key_arn              = module.key.arn
  log_retention_days       = var.log_retention_days

  definition = templatefile("${path.module}/state_machine.asl.json", merge(
    { for name, function in module.function : "${name}_arn" => function.live_arn },
    # As long as the function may take, and a minute for its start.
    { for name, settings in local.functions : "${name}_timeout_seconds" => settings.timeout_seconds + 60 },
    {
      failure_topic_arn      = module.alarm_topic.arn
      max_cache_age_hours    = var.max_cache_age_hours
      retry_interval_seconds = 2
      success_topic_arn      = module.report_topic.arn
    },
  ))
}

module "dead_letters" {
  source = "../../modules/dead_letter_queue"

  name        = "${local.name}-not-started"
  kms_key_arn = module.key.arn
  topic_arn   = module.alarm_topic.arn
}

module "schedule" {
  source = "../../modules/schedule"

  name                     = "${local.name}-daily"
  permissions_boundary_arn = var.permissions_boundary_arn
  expression               = var.schedule
  enabled                  = var.schedule_enabled
  target_arn               = module.state_machine.arn
  target_action            = "states:StartExecution"
  dead_letter_queue_arn    = module.dead_letters.arn
  kms_key_arn              = module.key.arn
}
