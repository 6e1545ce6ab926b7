output "tables" {
  description = "Names of the tables."
  value       = { for name, table in module.table : name => table.name }
}

output "functions" {
  description = "Names of the functions."
  value       = { for name, function in module.functions.functions : name => function.name }
}

output "function_versions" {
  description = "Version of each function that was published last; `live_versions` takes an earlier one."
  value       = { for name, function in module.functions.functions : name => function.version }
}

output "layer_arns" {
  description = "ARN of each layer version."
  value       = module.functions.layer_arns
}

output "schedules" {
  description = "Names of the schedules."
  value       = { for name, schedule in module.schedule : name => schedule.name }
}

output "dead_letter_queue_url" {
  description = "Queue of runs that failed for the last time."
  value       = module.dead_letters.url
}

output "commands" {
  description = "What can be done with it by hand, and the command for each."

  value = {
    "read what changed now" = "aws lambda invoke --region ${var.region} --invocation-type Event --function-name ${module.functions.functions["fetch_patches"].name}:live /dev/stdout"
    "see how far it is"     = "aws logs tail --region ${var.region} --follow ${module.functions.functions["fetch_patches"].log_group_name}"
  }
}
