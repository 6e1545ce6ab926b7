output "function_name" {
  description = "Name of the function."
  value       = module.function.functions[local.function].name
}

output "function_version" {
  description = "Latest published version."
  value       = module.function.functions[local.function].version
}

output "live_alias" {
  description = "Name of the alias that callers use."
  value       = module.function.functions[local.function].live_alias
}

output "live_arn" {
  description = "ARN of the alias that callers use."
  value       = module.function.functions[local.function].live_arn
}

output "role_name" {
  description = "Name of the role."
  value       = module.function.functions[local.function].role_name
}

output "log_group_name" {
  description = "Name of the log group."
  value       = module.function.functions[local.function].log_group_name
}

output "layer_arns" {
  description = "ARNs of the layer versions, by layer: `powertools`, `data_processing`."
  value       = module.function.layer_arns
}

output "metrics_namespace" {
  description = "Namespace of the metrics that the function emits."
  value       = module.function.metrics_namespace
}

output "environment" {
  description = "Environment variables that set what the function reads and writes."
  value       = local.environment
}
