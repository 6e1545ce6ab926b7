output "tables" {
  description = "Names of the tables."
  value       = { for name, table in module.table : name => table.name }
}

output "functions" {
  description = "Names of the functions."
  value       = { for name, function in module.function : name => function.name }
}

output "function_versions" {
  description = "Version of each function that was published last; `live_versions` takes an earlier one."
  value       = { for name, function in module.function : name => function.version }
}

output "layer_arns" {
  description = "ARN of each layer version."
  value       = { for name, layer in module.layer : name => layer.arn }
}

output "schedules" {
  description = "Names of the schedules."
  value       = { for name, schedule in module.schedule : name => schedule.name }
}

output "dead_letter_queue_url" {
  description = "Queue of runs that failed for the last time."
  value       = module.dead_letters.url
}
