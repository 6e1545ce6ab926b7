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

  # Settings of the functions. The local cloud reads this file, too.
  settings = jsondecode(file("${local.root}/lambda/functions.json")).region_report

  descriptions = {
    data_fetcher        = "Reads the public parameters and the feed of region launches"
    processor           = "Computes the tables and analyses of the report"
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

  # Reports never expire: their prefix is not listed.
  expiry_days = {
    "raw-data/"       = var.intermediate_days
    "processed-data/" = var.intermediate_days
    "temp-reports/"   = var.intermediate_days
    "cache/"          = 7
  }
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
          OUTPUT_S3_BUCKET = module.data.name
          S3_CACHE_BUCKET  = module.data.name
        },
        length(var.ssm_regions) == 0 ? {} : { SSM_REGIONS = join(",", var.ssm_regions) },
      )
    }
  }

  packages                 = local.packages
  architecture             = var.architecture
  code_bucket              = "aws-ssm-code-${var.environment}-${local.account}"
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

module "state_machine" {
  source = "../../modules/state_machine"

  name                     = "${local.name}-region-report"
  permissions_boundary_arn = var.permissions_boundary_arn
  policy_json              = data.aws_iam_policy_document.state_machine.json
  kms_key_arn              = module.key.arn
  log_retention_days       = var.log_retention_days

  definition = templatefile("${path.module}/state_machine.asl.json", merge(
    { for name, function in module.functions.functions : "${name}_arn" => function.live_arn },
    # The timeout of the function, plus a minute to start.
    { for name, settings in local.settings : "${name}_timeout_seconds" => settings.timeout_seconds + 60 },
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
