locals {
  layers = toset(flatten([for function in var.functions : function.settings.layers]))

  layer_arns = var.use_external_layer_arns ? var.external_layer_arns : { for name, layer in module.layer : name => layer.arn }

  # Environments in the same account must not count each other's runs.
  metrics_namespace = "${one(toset([for function in var.functions : function.settings.environment.POWERTOOLS_METRICS_NAMESPACE]))}/${var.environment}"
}

module "code" {
  source = "../data_bucket"
  count  = var.code_bucket == null ? 0 : 1

  name                = var.code_bucket
  kms_key_arn         = var.kms_key_arn
  delete_with_content = var.deletable
}

module "layer" {
  source   = "../lambda_layer"
  for_each = var.use_external_layer_arns ? [] : local.layers

  name           = "${var.name}-${replace(each.key, "_", "-")}"
  architecture   = var.architecture
  package        = "${var.packages}/layers/${var.architecture}/${each.key}.zip"
  bucket         = one(module.code[*].name)
  registry       = "/lambda-layers/${var.environment}"
  reuse_existing = var.reuse_existing_layers
  force_update   = var.force_layer_update
}

module "function" {
  source   = "../lambda_function"
  for_each = var.functions

  name                     = each.value.name
  permissions_boundary_arn = var.permissions_boundary_arn
  description              = each.value.description
  package                  = "${var.packages}/functions/${each.key}.zip"
  settings                 = merge(each.value.settings, { memory_mb = lookup(var.memory_mb, each.key, each.value.settings.memory_mb) })
  layer_arns               = local.layer_arns
  architecture             = var.architecture
  policy_json              = each.value.policy_json
  kms_key_arn              = var.kms_key_arn
  log_retention_days       = var.log_retention_days
  live_version             = lookup(var.live_versions, each.key, null)

  environment = merge(
    {
      LOG_LEVEL                    = var.log_level
      POWERTOOLS_METRICS_NAMESPACE = local.metrics_namespace
      POWERTOOLS_SERVICE_NAME      = each.key
    },
    each.value.environment,
    var.extra_environment,
  )
}

module "function_alarms" {
  source   = "../function_alarms"
  for_each = var.functions

  function_name   = module.function[each.key].name
  timeout_seconds = each.value.settings.timeout_seconds
  duration_share  = var.duration_share
  topic_arn       = var.alarm_topic_arn
}
