output "functions" {
  description = "All outputs of the module `lambda_function`, by function: `name`, `arn`, `live_alias`, `live_arn`, `role_name`, `log_group_name` and `version`."
  value       = module.function
}

output "layer_arns" {
  description = "ARNs of the layer versions, by layer."
  value       = local.layer_arns
}

output "metrics_namespace" {
  description = "Namespace of the metrics that the functions emit."
  value       = local.metrics_namespace
}
